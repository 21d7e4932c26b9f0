"""The ASGI application: TF Serving's REST API, health and metrics."""

import asyncio
import contextlib
import json
import logging
import time

from google.protobuf import json_format
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from kerasbert.serving.access import Access
from kerasbert.serving.bodies import Bodies
from kerasbert.serving.errors import ServingError, not_found, shutting_down
from kerasbert.serving.examples import check_method, results
from kerasbert.serving.limits import Limits
from kerasbert.serving.protocol import answer, parse_path
from kerasbert.serving.reading import Reader

__all__ = ["METRICS_PATH", "create_application"]

METRICS_PATH = "/monitoring/prometheus/metrics"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_MANY_VALUES = 20_000  # responses with more values are serialized in a thread

log = logging.getLogger("kerasbert.serving")


def create_application(versions, batcher, metrics, limits=None, access=None, poll=1.0):
    """Creates the Starlette application that serves the `Versions` of a model.

    While it runs, it checks the folder for new versions every `poll` seconds. On
    shutdown it closes `batcher` and `versions`.
    """
    limits = limits or Limits()
    reader = Reader(limits)
    api = _Interface(versions, batcher, metrics, limits, access or Access(), reader)

    @contextlib.asynccontextmanager
    async def lifespan(application):
        versions.watch(poll)
        yield
        reader.close()
        await asyncio.to_thread(batcher.close)
        await asyncio.to_thread(versions.close)

    return Starlette(
        routes=[
            Route(METRICS_PATH, api.show_metrics),
            Route("/healthz", _live),
            Route("/healthz/live", _live),
            Route("/healthz/ready", api.ready),
            Route("/{path:path}", api.answer, methods=METHODS),
        ],
        lifespan=lifespan,
    )


class _Interface:
    def __init__(self, versions, batcher, metrics, limits, access, reader):
        self._versions = versions
        self._batcher = batcher
        self._metrics = metrics
        self._limits = limits
        self._access = access
        self._reader = reader
        self._bodies = Bodies(limits)

    async def answer(self, request):
        allowed = self._access.headers(request.headers.get("origin"))
        if request.method == "OPTIONS" and allowed:
            return Response(headers=allowed)
        try:
            self._access.check(request.headers)
            response = await self._answer(request)
        except ServingError as error:
            response = _error(error)
        except Exception:
            log.exception("a request failed")
            response = _error(ServingError("INTERNAL", "Internal server error"))
        response.headers.update(allowed)
        return response

    async def _answer(self, request):
        path = request.scope["raw_path"].decode("latin-1")
        target = parse_path(request.method, path.partition("?")[0])
        version = self._versions.resolve(target.version, target.label)
        if target.verb == "status":
            return _json(self._status(target.name, version))
        if target.verb == "metadata":
            return _json(self._metadata(target.name, version))
        return _json(await self._timed(request, target, version))

    async def ready(self, request):
        is_ready = self._versions.number is not None
        return Response("ok" if is_ready else "no model", 200 if is_ready else 503)

    async def show_metrics(self, request):
        try:
            self._access.check(request.headers)
        except ServingError as error:
            return _error(error)
        page, content_type = self._metrics.page()
        return Response(page, media_type=content_type)

    async def _timed(self, request, target, version):
        begin, code = time.monotonic(), "INTERNAL"
        try:
            body = await self._in_time(request, target, version)
            code = "OK"
            return body
        except ServingError as error:
            code = error.code
            raise
        except asyncio.CancelledError:  # the shutdown timeout has passed
            error = shutting_down()
            code = error.code
            raise error from None
        finally:
            if target.name == self._versions.name:
                seconds = time.monotonic() - begin
                self._metrics.request(code, seconds, target.verb)

    async def _in_time(self, request, target, version):
        """Returns the response, or raises an error after the timeout."""
        limit = self._limits.request_timeout
        try:
            async with asyncio.timeout(limit):
                return await self._compute(request, target, version)
        except TimeoutError:
            raise ServingError(
                "DEADLINE_EXCEEDED", f"The request took longer than {limit:g} s."
            ) from None

    async def _compute(self, request, target, version):
        with self._versions.lease(target.name, version) as servable:
            async with self._bodies.receive(request) as body:
                work = self._run(servable.model, target.verb, body)
                return await _while_connected(request, work)

    async def _run(self, model, verb, body):
        """Parses a body, runs the model and serializes the response."""
        asked = await self._reader.read(verb, body, model.input_table)
        del body
        if verb != "predict":
            signature = model.signatures.get(asked.signature)
            check_method(verb, asked.signature, signature)
        future = self._batcher.submit(model, asked.signature, asked.inputs)
        outputs = await asyncio.wrap_future(future)
        if verb != "predict":
            write = results, verb, outputs, len(asked.inputs["inputs"])
        else:
            write = answer, outputs, asked.in_rows
        if sum(array.size for array in outputs.values()) > _MANY_VALUES:
            return await asyncio.to_thread(*write)
        return write[0](*write[1:])

    def _status(self, name, version):
        states = dict(self._versions.states) if name == self._versions.name else {}
        if version is not None:
            if version not in states:
                raise not_found(
                    f"Could not find version {version} of model {name[:200]}"
                )
            states = {version: states[version]}
        if not states:
            raise not_found(f"Could not find any versions of model {name[:200]}")
        return {
            "model_version_status": [
                {
                    "version": str(version),
                    "state": state.name,
                    "status": {
                        "error_code": state.code,
                        "error_message": state.message,
                    },
                }
                for version, state in sorted(states.items(), reverse=True)
            ]
        }

    def _metadata(self, name, version):
        with self._versions.lease(name, version) as servable:
            definitions = {
                key: _as_json(definition)
                for key, definition in servable.model.signature_definitions.items()
            }
            version = str(servable.version)
        return {
            "model_spec": {"name": name, "signature_name": "", "version": version},
            "metadata": {"signature_def": {"signature_def": definitions}},
        }


async def _while_connected(request, work):
    """Awaits a coroutine, and cancels it when the client disconnects."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ServingError("CANCELLED", "The client disconnected")
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _disconnected(request):
    while (await request.receive())["type"] != "http.disconnect":
        pass  # the body has been received


async def _live(request):
    return Response("ok")


def _as_json(message):
    return json_format.MessageToDict(
        message,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )


def _json(content):
    if not isinstance(content, bytes):
        content = (json.dumps(content, indent=1) + "\n").encode()
    return Response(content, media_type="application/json")


def _error(error):
    body = json.dumps({"error": error.message})
    headers = {
        401: {"WWW-Authenticate": "Bearer"},
        408: {"Connection": "close"},
    }.get(error.http_status)
    return Response(body, error.http_status, headers, "application/json")
