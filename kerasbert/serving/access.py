"""Authentication with an API key, and cross-origin requests."""

import dataclasses
import hmac

from kerasbert.serving.errors import ServingError

__all__ = ["Access"]

_ALLOWED = {
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type, Authorization, X-API-Key",
    "Access-Control-Max-Age": "600",
}


@dataclasses.dataclass(frozen=True)
class Access:
    """Access control of a server.

    Args:
        api_key: Key that requests must send as `Authorization: Bearer KEY` or
            `X-API-Key: KEY`; None requires no key.
        origins: Origins whose web pages may send requests, such as
            `https://example.org`, or `*` for all.
    """

    api_key: str | None = None
    origins: tuple = ()

    def __post_init__(self):
        if self.api_key is not None and not self.api_key.strip():
            raise ValueError("Expected an API key, got an empty one.")
        for origin in self.origins:
            if origin != "*" and not origin.startswith(("http://", "https://")):
                raise ValueError(
                    "Expected an origin as https://example.org, or *, got "
                    f"{origin[:200]!r}."
                )

    def check(self, headers):
        """Checks the API key of a request.

        Args:
            headers: Headers with lower-case names.

        Raises:
            ServingError: If the key is missing or wrong (HTTP 401).
        """
        if self.api_key is None:
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            token = headers.get("x-api-key", "")
        # Constant time: does not reveal how much of a key is correct.
        if not hmac.compare_digest(token.strip().encode(), self.api_key.encode()):
            raise ServingError(
                "UNAUTHENTICATED",
                "Expected the API key of this server, as Authorization: Bearer KEY or "
                "X-API-Key: KEY.",
            )

    def headers(self, origin):
        """Returns the CORS headers of a response.

        Args:
            origin: The `Origin` header of the request, or None.

        Returns:
            A dictionary; empty if the origin is not allowed.
        """
        if "*" in self.origins:
            return {"Access-Control-Allow-Origin": "*", **_ALLOWED}
        if not self.origins:
            return {}
        if origin not in self.origins:
            return {"Vary": "Origin"}
        return {"Access-Control-Allow-Origin": origin, "Vary": "Origin", **_ALLOWED}
