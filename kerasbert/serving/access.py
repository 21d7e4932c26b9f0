"""Who may use a server: an API key, and the origins of web pages."""

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
    """What a request must bring.

    Args:
        api_key: The key that requests carry as `Authorization: Bearer KEY` or
            `X-API-Key: KEY`; None where none is asked for.
        origins: The origins whose web pages may send requests, as
            `https://example.org`; `*` stands for all.
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
        """Refuses a request without the key.

        Args:
            headers: Its headers, names in lower case.

        Raises:
            ServingError: If the key is missing or another one (HTTP 401).
        """
        if self.api_key is None:
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            token = headers.get("x-api-key", "")
        # Takes as long for a key that is nearly right.
        if not hmac.compare_digest(token.strip().encode(), self.api_key.encode()):
            raise ServingError(
                "UNAUTHENTICATED",
                "Expected the API key of this server, as Authorization: Bearer KEY or "
                "X-API-Key: KEY.",
            )

    def headers(self, origin):
        """The headers of an answer that let a web page read it.

        Args:
            origin: The header `Origin` of the request, or None.

        Returns:
            From name to value; empty where the origin is not allowed.
        """
        if "*" in self.origins:
            return {"Access-Control-Allow-Origin": "*", **_ALLOWED}
        if not self.origins:
            return {}
        if origin not in self.origins:
            return {"Vary": "Origin"}
        return {"Access-Control-Allow-Origin": origin, "Vary": "Origin", **_ALLOWED}
