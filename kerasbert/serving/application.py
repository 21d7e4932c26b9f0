"""The ASGI application: TF Serving's REST paths, health and metrics."""

import asyncio
import contextlib
import json
import logging
import time

from google.protobuf import json_format
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from kerasbert.serving.errors import (
    ServingError,
    invalid_argument,
    not_found,
    shutting_down,
)
from kerasbert.serving.json_text import parse_object
from kerasbert.serving.protocol import answer, read_inputs, signature_name
from kerasbert.serving.rest_path import parse_path

__all__ = ["METRICS_PATH", "create_application"]

METRICS_PATH = "/monitoring/prometheus/metrics"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

log = logging.getLogger("kerasbert.serving")


def create_application(versions, batcher, metrics, body_limit, poll=1.0):
    """The application that serves a model.

    Args:
        versions: The `Versions` of the model, one of which is loaded.
        batcher: The `Batcher`.
        metrics: The `Metrics`.
        body_limit: The longest body of a request, in bytes.
        poll: How often the folder is looked at for a new version, in seconds.

    Returns:
        A Starlette application. It watches the folder while it runs, and closes
        `batcher` and `versions` when it ends.
    """
    api = _Interface(versions, batcher, metrics, body_limit)

    @contextlib.asynccontextmanager
    async def lifespan(application):
        versions.watch(poll)
        yield
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
    def __init__(self, versions, batcher, metrics, body_limit):
        self._versions = versions
        self._batcher = batcher
        self._metrics = metrics
        self._body_limit = body_limit

    async def answer(self, request):
        try:
            path = request.scope["raw_path"].decode("latin-1")
            target = parse_path(request.method, path.partition("?")[0])
            if target.verb == "predict":
                return _json(await self._timed_predict(request, target))
            if target.verb == "status":
                return _json(self._status(target))
            if target.verb == "metadata":
                return _json(self._metadata(target))
            return _json(self._refuse_examples(target))
        except ServingError as error:
            return _error(error)
        except Exception:
            log.exception("a request failed")
            return _error(ServingError("INTERNAL", "The server made a mistake"))

    async def ready(self, request):
        is_ready = self._versions.number is not None
        return Response("ok" if is_ready else "no model", 200 if is_ready else 503)

    async def show_metrics(self, request):
        page, content_type = self._metrics.page()
        return Response(page, media_type=content_type)

    async def _timed_predict(self, request, target):
        begin, code = time.monotonic(), "INTERNAL"
        try:
            body = await self._predict(request, target)
            code = "OK"
            return body
        except ServingError as error:
            code = error.code
            raise
        except asyncio.CancelledError:  # the process ends, and waits no longer
            error = shutting_down()
            code = error.code
            raise error from None
        finally:
            if target.name == self._versions.name:
                self._metrics.request(code, time.monotonic() - begin)

    async def _predict(self, request, target):
        document = parse_object(await self._body(request))
        name = signature_name(document)
        with self._versions.lease(target.name, target.version) as servable:
            signature = servable.model.signature(name)
            inputs, in_rows = read_inputs(document, signature.input_types)
            future = self._batcher.submit(servable.model, name, inputs)
            return answer(await asyncio.wrap_future(future), in_rows)

    async def _body(self, request):
        """The body; what is too long is refused before it is all in memory."""
        announced = int(request.headers.get("content-length", 0))
        body = bytearray()
        try:
            if announced <= self._body_limit:
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > self._body_limit:
                        break
        except ClientDisconnect:
            raise ServingError("CANCELLED", "The client went away") from None
        size = max(announced, len(body))
        if size > self._body_limit:
            raise ServingError(
                "RESOURCE_EXHAUSTED",
                f"Expected a body of at most {self._body_limit} bytes, got {size} or "
                "more. Send less at a time.",
                http_status=413,
            )
        return bytes(body)

    def _status(self, target):
        states = (
            dict(self._versions.states) if target.name == self._versions.name else {}
        )
        if target.version is not None:
            if target.version not in states:
                raise not_found(
                    f"Could not find version {target.version} of model {target.name}"
                )
            states = {target.version: states[target.version]}
        if not states:
            raise not_found(f"Could not find any versions of model {target.name}")
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

    def _metadata(self, target):
        with self._versions.lease(target.name, target.version) as servable:
            definitions = {
                name: _as_json(definition)
                for name, definition in servable.model.signature_definitions.items()
            }
            version = str(servable.version)
        return {
            "model_spec": {
                "name": target.name,
                "signature_name": "",
                "version": version,
            },
            "metadata": {"signature_def": {"signature_def": definitions}},
        }

    def _refuse_examples(self, target):
        """Models that take tf.Example are not what an export makes."""
        with self._versions.lease(target.name, target.version):
            kind = {"classify": "classification", "regress": "regression"}[target.verb]
            raise invalid_argument(
                f"Expected {kind} signature method_name to be "
                f"tensorflow/serving/{target.verb}. Was: tensorflow/serving/predict"
            )


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
    return Response(body, error.http_status, media_type="application/json")
