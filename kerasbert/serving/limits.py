"""Limits on requests and connections."""

import dataclasses

__all__ = ["MEBIBYTE", "Limits"]

MEBIBYTE = 2**20


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits of a server; times in seconds, sizes in bytes.

    Args:
        max_rows: Maximum rows per request (HTTP 413).
        max_values: Maximum number of JSON values per request (HTTP 413).
        max_depth: Maximum nesting depth of a request (HTTP 400).
        max_body: Maximum size of a request body, compressed or not (HTTP 413).
        max_bodies: Maximum size of all bodies in memory (HTTP 503).
        max_header: Maximum size of request line and headers (HTTP 431).
        header_timeout: Time to receive the headers, after which the connection is
            closed.
        body_timeout: Time to receive the body (HTTP 408), and to send the response.
        request_timeout: Time from the headers to the response (HTTP 504).
        keep_alive: Idle time of a connection between two requests.
        max_connections: Maximum number of connections. Beyond it, the connection that
            has been idle longest is closed; without an idle one, new connections can
            only request health, status and metrics, and get HTTP 503 otherwise.
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
