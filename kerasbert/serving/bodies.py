"""Reception of request bodies within limits of size, time and memory."""

import asyncio
import contextlib
import zlib

from starlette.requests import ClientDisconnect

from kerasbert.serving.errors import ServingError, invalid_argument

__all__ = ["Bodies"]

_UNCOUNTED = 64 * 1024  # bytes of each body that are not reserved
_GZIP = zlib.MAX_WBITS | 16


class Bodies:
    """The request bodies in memory, within the `Limits`."""

    def __init__(self, limits):
        self._limits = limits
        self._held = 0

    @contextlib.asynccontextmanager
    async def receive(self, request):
        """Receives and decompresses the body of a Starlette request.

        Its size counts as memory until the context ends. Raises a `ServingError` if the
        body is too large, too slow or wrongly encoded, if the memory is full, or if the
        client disconnects.
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
            raise ServingError("CANCELLED", "The client disconnected") from None
        return bytes(body)

    async def _decompressed(self, body, share):
        most = self._limits.max_body
        share.grow_to(len(body) + min(most, self._limits.max_bodies - len(body)))
        return await asyncio.to_thread(_gunzip, body, most)

    def take(self, size):
        """Reserves memory, or releases it if `size` is negative; HTTP 503 if full."""
        if size > 0 and self._held + size > self._limits.max_bodies:
            raise ServingError(
                "UNAVAILABLE",
                "The memory for request bodies is full. Try again later.",
            )
        self._held += size


class _Share:
    """The memory reserved by one request."""

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
    """Decompresses gzip members, up to `most` bytes."""
    content = bytearray()
    while body:
        member = zlib.decompressobj(_GZIP)
        try:
            content += member.decompress(body, most + 1 - len(content))
        except zlib.error:
            raise invalid_argument("Expected a gzip-compressed body.") from None
        if len(content) > most:
            raise _too_long(most)
        if not member.eof:
            raise invalid_argument("The gzip-compressed body is incomplete.")
        body = member.unused_data
    return bytes(content)
