"""The status codes of TF Serving and their HTTP statuses."""

__all__ = [
    "CODES",
    "ServingError",
    "invalid_argument",
    "not_found",
    "shortened",
    "shutting_down",
]

# The canonical codes, indexed by TensorFlow's number.
CODES = (
    "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS "
    "PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE "
    "UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED"
).split()

_HTTP_STATUS = {
    "CANCELLED": 499,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "UNAUTHENTICATED": 401,
}


_LONGEST = 2000  # characters of a message


class ServingError(Exception):
    """An error response.

    Args:
        code: One of `CODES`.
        message: Message of the response.
        http_status: HTTP status; by default that of the code.
    """

    def __init__(self, code, message, http_status=None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.http_status = http_status or _HTTP_STATUS.get(code, 500)


def shortened(message):
    """Returns a message of TensorFlow, which may quote inputs, of moderate length."""
    return message if len(message) <= _LONGEST else message[:_LONGEST] + "..."


def invalid_argument(message):
    """Creates the error of an invalid request (HTTP 400)."""
    return ServingError("INVALID_ARGUMENT", message)


def not_found(message):
    """Creates the error of a missing resource (HTTP 404)."""
    return ServingError("NOT_FOUND", message)


def shutting_down():
    """Creates the error of a request during shutdown (HTTP 503)."""
    return ServingError("UNAVAILABLE", "The server is shutting down")
