"""What one client, or all of them together, may ask of a server."""

import dataclasses

__all__ = ["MEBIBYTE", "Limits"]

MEBIBYTE = 2**20


@dataclasses.dataclass(frozen=True)
class Limits:
    """The limits of a server; times are in seconds, sizes in bytes.

    Args:
        max_rows: Rows per request (HTTP 413).
        max_values: Numbers, strings, lists and objects in a request (HTTP 413).
        max_depth: Nested lists and objects in a request (HTTP 400).
        max_body: A request body, as sent and as decompressed (HTTP 413).
        max_bodies: All bodies in memory at the same time; one that would exceed it
            gets HTTP 503.
        max_header: The request line and headers of a request (HTTP 431).
        header_timeout: The time to send the headers; the connection is closed.
        body_timeout: The time to send the body (HTTP 408), and to receive the answer.
        request_timeout: The time from the headers to the answer (HTTP 504).
        keep_alive: The time between two requests of a connection.
        max_connections: Open connections. Beyond it, the connection that has been
            idle for longest is closed; where none is idle, a new one may ask for
            health, status and metrics alone, and others get HTTP 503.
    """

    max_rows: int = 10_000
    max_values: int = 5_000_000
    max_depth: int = 32
    max_body: int = 32 * MEBIBYTE
    max_bodies: int = 256 * MEBIBYTE
    max_header: int = 32 * 1024
    header_timeout: float = 10.0
    body_timeout: float = 60.0
    request_timeout: float = 300.0
    keep_alive: float = 75.0
    max_connections: int = 1000

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ValueError(f"Expected {field.name} above 0, got {value}.")
        if self.max_depth > 64:  # the most axes of a NumPy array
            raise ValueError(f"Expected max_depth of at most 64, got {self.max_depth}.")
        if self.max_bodies < self.max_body:
            raise ValueError(
                f"Expected max_bodies of at least max_body, {self.max_body}, got "
                f"{self.max_bodies}."
            )
