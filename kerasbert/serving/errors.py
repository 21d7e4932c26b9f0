"""Errors as TF Serving names them, and the HTTP status that each one has."""

__all__ = [
    "CODES",
    "ServingError",
    "invalid_argument",
    "message_of",
    "not_found",
    "shutting_down",
]

# The canonical codes, at the number that TensorFlow gives them.
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


_LONGEST = 2000  # characters of a message of TensorFlow, which may quote an input


class ServingError(Exception):
    """The answer to a request that is not served.

    Args:
        code: One of `CODES`.
        message: The message of the answer.
        http_status: The HTTP status, where it is not the one that the code has.
    """

    def __init__(self, code, message, http_status=None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.http_status = http_status or _HTTP_STATUS.get(code, 500)

    @classmethod
    def of(cls, error):
        """The answer to a request that made TensorFlow raise an error.

        Args:
            error: A `tf.errors.OpError`.
        """
        return cls(CODES[error.error_code], message_of(error))


def message_of(error):
    """What an operation said, without what Python puts around it.

    Args:
        error: A `tf.errors.OpError`.
    """
    message = error.message.split("\n\nOriginal stack trace")[0]
    message = message.removeprefix("Graph execution error:\n\n")
    return message if len(message) <= _LONGEST else message[:_LONGEST] + "..."


def invalid_argument(message):
    """The error of a request that cannot be right (HTTP 400)."""
    return ServingError("INVALID_ARGUMENT", message)


def not_found(message):
    """The error of a request for something that is not there (HTTP 404)."""
    return ServingError("NOT_FOUND", message)


def shutting_down():
    """The error of a request that comes, or would be answered, too late (HTTP 503)."""
    return ServingError("UNAVAILABLE", "The server is shutting down")
