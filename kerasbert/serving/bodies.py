"""Receives request bodies, within limits of size, time and memory."""

import asyncio
import contextlib
import zlib

from starlette.requests import ClientDisconnect

from kerasbert.serving.errors import ServingError, invalid_argument

__all__ = ["Bodies"]

_UNCOUNTED = 64 * 1024  # bytes of every body that do not count as memory
_GZIP = zlib.MAX_WBITS | 16


class Bodies:
    """The request bodies that are in memory.

    Args:
        limits: The `Limits`.
    """

    def __init__(self, limits):
        self._limits = limits
        self._held = 0

    @contextlib.asynccontextmanager
    async def receive(self, request):
        """Receives the body of a request, which counts until the context ends.

        Args:
            request: A Starlette request.

        Yields:
            Bytes, decompressed.

        Raises:
            ServingError: If the body is too long, too slow, or in an encoding other
                than gzip, if others fill the memory, or the client went away.
        """
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", "x-gzip", ""):
            raise ServingError(
                "INVALID_ARGUMENT",
                f"Expected a body in gzip or without encoding, got {encoding[:100]}.",
                http_status=415,
            )
        share = _Share(self)
        try:
            try:
                async with asyncio.timeout(self._limits.body_timeout):
                    body = await self._read(request, share)
            except TimeoutError:
                raise ServingError(
                    "DEADLINE_EXCEEDED",
                    f"The body did not arrive within {self._limits.body_timeout:g} s.",
                    http_status=408,
                ) from None
            if "gzip" in encoding:
                body = await self._decompressed(body, share)
            yield body
        finally:
            share.release()

    async def _read(self, request, share):
        most = self._limits.max_body
        announced = int(request.headers.get("content-length", 0))
        if announced > most:
            raise _too_long(most)
        share.grow_to(announced)
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise _too_long(most)
                share.grow_to(len(body))
        except ClientDisconnect:
            raise ServingError("CANCELLED", "The client went away") from None
        return bytes(body)

    async def _decompressed(self, body, share):
        most = self._limits.max_body
        share.grow_to(len(body) + min(most, self._limits.max_bodies - len(body)))
        return await asyncio.to_thread(_gunzip, body, most)

    def take(self, size):
        """Counts memory; refuses if there is no more.

        Args:
            size: Bytes; negative ones are given back.

        Raises:
            ServingError: If bodies fill the memory (HTTP 503).
        """
        if size > 0 and self._held + size > self._limits.max_bodies:
            raise ServingError(
                "UNAVAILABLE",
                "The bodies of other requests fill the memory that the server has for "
                "them. Try again later.",
            )
        self._held += size


class _Share:
    """What one request holds of the memory."""

    def __init__(self, bodies):
        self._bodies = bodies
        self._size = 0

    def grow_to(self, size):
        size = max(0, size - _UNCOUNTED)
        if size > self._size:
            self._bodies.take(size - self._size)
            self._size = size

    def release(self):
        self._bodies.take(-self._size)
        self._size = 0


def _too_long(most):
    return ServingError(
        "RESOURCE_EXHAUSTED",
        f"Expected a body of at most {most} bytes, got more. Send less at a time.",
        http_status=413,
    )


def _gunzip(body, most):
    """The content of gzip members, of at most so many bytes."""
    content = bytearray()
    while body:
        member = zlib.decompressobj(_GZIP)
        try:
            content += member.decompress(body, most + 1 - len(content))
        except zlib.error:
            raise invalid_argument("Expected a body in gzip, got another.") from None
        if len(content) > most:
            raise _too_long(most)
        if not member.eof:
            raise invalid_argument("Expected a whole body in gzip, got a part of one.")
        body = member.unused_data
    return bytes(content)
