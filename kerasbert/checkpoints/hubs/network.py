"""Timeouts, errors and progress of downloads, for all hubs."""

import contextlib
import io
import sys
import threading

__all__ = ["bars_on_terminal", "reaching", "status", "within"]

_NETWORK_LIBRARIES = {
    *("httpx", "httpx2", "httpcore", "requests", "urllib", "urllib3", "http"),
    *("huggingface_hub", "socket", "ssl"),
}


def within(seconds, function):
    """Calls a function with a timeout.

    The time limits of network libraries do not cover the search for an address.
    """
    outcome = []

    def call():
        try:
            outcome.append((function(), None))
        except Exception as error:
            outcome.append((None, error))

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise TimeoutError(f"no answer within {seconds:g} seconds")
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


@contextlib.contextmanager
def reaching(hub):
    """Converts the network errors of all libraries to a `ConnectionError`."""
    try:
        yield
    except Exception as error:
        if not _is_of_the_network(error):
            raise
        first = error
        while first.__cause__ or first.__context__:
            first = first.__cause__ or first.__context__
        lines = str(first).strip().splitlines() or [type(first).__name__]
        reason = lines[0][:200].rstrip(". ")
        raise ConnectionError(f"Cannot reach {hub} ({reason}).") from error


def status(error):
    """Returns the HTTP status of an error of any library, or None."""
    response = getattr(error, "response", None)
    return getattr(response, "status_code", None) or getattr(error, "code", None)


@contextlib.contextmanager
def bars_on_terminal(progress):
    """Redirects output to stderr if it is a terminal, else discards it.

    Standard output is for results.
    """
    stream = sys.stderr if progress and sys.stderr.isatty() else io.StringIO()
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        yield


def _is_of_the_network(error):
    libraries = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    if libraries & _NETWORK_LIBRARIES:
        return True
    return isinstance(error, (ConnectionError, TimeoutError))
