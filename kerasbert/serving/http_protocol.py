"""HTTP connections with limits on their number, headers and time."""

import collections
import json

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

__all__ = ["RESERVED", "protocol_class"]

RESERVED = 64  # additional connections, for health, status and metrics
_MOST_HEADERS = 100
_MOST_PIPELINED = 16  # queued requests per connection
_DISCARD_TIME = 5.0  # seconds to discard the rest of an unread body
_CROWDED = "Too many connections are open. Try again later."


def protocol_class(limits):
    """Returns the protocol class for uvicorn's option `http`."""
    return type("Protocol", (_Protocol,), {"limits": limits, "idle": _Idle()})


class _Idle:
    """Idle connections, in the order in which they became idle."""

    def __init__(self):
        self._connections = collections.OrderedDict()

    def add(self, connection):
        self._connections[connection] = None
        self._connections.move_to_end(connection)

    def remove(self, connection):
        self._connections.pop(connection, None)

    def close_one(self, other):
        """Closes the connection that has been idle longest, except `other`."""
        for connection in self._connections:
            if connection is not other:
                self.remove(connection)
                connection.transport.abort()
                return True
        return False


async def _refuse(scope, receive, send):
    """The application of connections beyond the limit."""
    body = json.dumps({"error": _CROWDED}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Refused(Exception):
    """Ends the parsing of a connection with a response."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class _Protocol(HttpToolsProtocol):
    """A connection. From its first byte to its last, a timer is running.

    uvicorn limits the time between requests, and the application that of the body and
    the response. This class limits the rest: headers, unread bodies, and responses that
    the client does not receive.
    """

    limits = None
    idle = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._timers = {}
        self._in_headers = True
        self._header_size = 0
        self._messages = 0
        self._reserved = False

    def connection_made(self, transport):
        super().connection_made(transport)
        limits = self.limits
        if len(self.connections) > limits.max_connections:
            freed = self.idle.close_one(self)
            self._reserved = not freed
            if len(self.connections) > limits.max_connections + RESERVED and not freed:
                self._close_with(503, _CROWDED)
                return
        self.idle.add(self)
        self._set_timer("headers", limits.header_timeout)

    def connection_lost(self, exc):
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self.idle.remove(self)
        super().connection_lost(exc)

    def data_received(self, data):
        self._unset_keepalive_if_required()
        is_free = self.cycle is None or self.cycle.response_complete
        if self._in_headers and is_free and "headers" not in self._timers:
            self._set_timer("headers", self.limits.header_timeout)
        in_headers, messages = self._in_headers, self._messages
        try:
            self.parser.feed_data(data)
            if in_headers and self._in_headers and self._messages == messages:
                self._count_header(len(data))
        except _Refused as error:
            self._close_with(error.status, str(error))
        except httptools.HttpParserUpgrade:
            # Upgrades are not supported: respond and close the connection.
            self.cycle.keep_alive = False
        except httptools.HttpParserCallbackError as error:
            reason = error.__context__
            if isinstance(reason, _Refused):
                self._close_with(reason.status, str(reason))
            else:
                self._close_with(400, "Expected an HTTP request, got another URL.")
        except httptools.HttpParserError:
            self._close_with(400, "Expected an HTTP request, got something else.")

    def on_message_begin(self):
        self._in_headers = True
        self._header_size = 0
        super().on_message_begin()

    def on_url(self, url):
        if len(self.url) + len(url) > self.limits.max_header:
            raise _Refused(
                414, f"Expected a URL of at most {self.limits.max_header} bytes."
            )
        super().on_url(url)

    def on_header(self, name, value):
        self._count_header(len(name) + len(value) + 4)
        if len(self.headers) >= _MOST_HEADERS:
            raise _Refused(431, f"Expected at most {_MOST_HEADERS} headers, got more.")
        super().on_header(name, value)

    def on_headers_complete(self):
        self._in_headers = False
        self._cancel_timer("headers")
        self.idle.remove(self)
        if len(self.pipeline) >= _MOST_PIPELINED:
            raise _Refused(
                429, f"Expected at most {_MOST_PIPELINED} requests before an answer."
            )
        if self._reserved and self.parser.get_method() not in (b"GET", b"HEAD"):
            self.app = _refuse
        super().on_headers_complete()

    def on_message_complete(self):
        self._in_headers = True
        self._header_size = 0
        self._messages += 1
        self._cancel_timer("body")
        super().on_message_complete()
        self._rest()

    def on_response_complete(self):
        if self.transport.get_write_buffer_size():
            self._set_timer("answer", self.limits.body_timeout)
        if self.cycle.response_complete and self.cycle.more_body:
            self._set_timer("body", _DISCARD_TIME)
        super().on_response_complete()
        self._rest()

    def _rest(self):
        """Marks the connection as idle if it waits for a request."""
        if not self.cycle.response_complete or self.pipeline or self.cycle.more_body:
            return
        if self._reserved:
            self.transport.close()
        else:
            self.idle.add(self)

    def _count_header(self, size):
        self._header_size += size
        if self._header_size > self.limits.max_header:
            raise _Refused(
                431,
                f"Expected headers of at most {self.limits.max_header} bytes.",
            )

    def _set_timer(self, name, seconds):
        self._cancel_timer(name)
        self._timers[name] = self.loop.call_later(seconds, self._time_is_up, name)

    def _cancel_timer(self, name):
        timer = self._timers.pop(name, None)
        if timer:
            timer.cancel()

    def _time_is_up(self, name):
        del self._timers[name]
        if name == "answer" and not self.transport.get_write_buffer_size():
            return  # the response has been received
        self.transport.abort()

    def _close_with(self, status, message):
        """Responds to something that is not a request, and closes the connection."""
        self._in_headers = False
        if self.transport.is_closing():
            return
        if self.cycle and not self.cycle.response_started and not self.pipeline:
            self.cycle.disconnected = True  # discards the application's response
            self.cycle.message_event.set()
        if (
            self.cycle is None
            or self.cycle.response_complete
            or self.cycle.disconnected
        ):
            body = json.dumps({"error": message}).encode()
            self.transport.write(
                STATUS_LINE[status] + b"content-type: application/json\r\n"
                b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
            )
        self.transport.close()
        self._set_timer("answer", self.limits.header_timeout)
