"""A worker that parses request bodies: `python -m ...reader_process NICENESS`.

Parsing megabytes of JSON holds the GIL, so that the server does it in worker processes.
They exchange frames on standard input and output: a JSON header, and bytes.
"""

import dataclasses
import gc
import json
import os
import resource
import struct
import sys

import numpy as np

from kerasbert.serving.errors import ServingError
from kerasbert.serving.limits import MEBIBYTE, Limits
from kerasbert.serving.protocol import Input, Request, read_request

__all__ = ["ask", "main"]

_SIZES = struct.Struct("<QQ")  # of the header and of the content
_MEMORY = 1024 * MEBIBYTE  # limit of a worker, plus 20 times the maximum body


def ask(pipes, verb, body, signatures, limits):
    """Lets a worker parse a body; returns a `Request`.

    `pipes` are the worker's standard input and output. Raises a `ServingError` if the
    body is rejected, and an `EOFError` if the worker dies.
    """
    to_process, from_process = pipes
    header = {
        "verb": verb,
        "limits": dataclasses.asdict(limits),
        "signatures": {
            name: {key: dataclasses.astuple(each) for key, each in inputs.items()}
            for name, inputs in signatures.items()
        },
    }
    _write(to_process, header, body)
    header, content = _read(from_process)
    if "error" in header:
        raise ServingError(*header["error"])
    inputs, position = {}, 0
    for name, dtype, shape, size in header["inputs"]:
        part = content[position : position + size]
        position += size
        inputs[name] = _array(part, dtype, shape)
    return Request(header["signature"], inputs, header["in_rows"])


def main(niceness=0):
    """Parses the bodies on standard input until it ends, at an increased niceness."""
    os.nice(niceness)
    gc.disable()  # JSON has no reference cycles
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            header, body = _read(incoming)
        except EOFError:
            return
        try:
            request = _request(header, body)
        except ServingError as error:
            _write(
                outgoing, {"error": [error.code, error.message, error.http_status]}, b""
            )
            continue
        except MemoryError:
            request = body = None
            message = "Parsing the request takes too much memory. Send less."
            _write(outgoing, {"error": ["RESOURCE_EXHAUSTED", message, 413]}, b"")
            continue
        parts = [_part(name, array) for name, array in request.inputs.items()]
        header = {
            "signature": request.signature,
            "in_rows": request.in_rows,
            "inputs": [[*about, len(content)] for about, content in parts],
        }
        _write(outgoing, header, *(content for _, content in parts))
        del request, body, parts


def _request(header, body):
    limits = Limits(**header["limits"])
    _limit_memory(_MEMORY + 20 * limits.max_body)
    signatures = {
        name: {key: Input(*each) for key, each in inputs.items()}
        for name, inputs in header["signatures"].items()
    }
    return read_request(header["verb"], body, signatures, limits)


def _limit_memory(size):
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        size = min(size, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (size, hard))


def _part(name, array):
    """Serializes an array: a description, and bytes."""
    if array.dtype != object:
        return [name, array.dtype.name, array.shape], array.tobytes()
    strings = array.reshape(-1).tolist()
    sizes = np.fromiter(map(len, strings), np.int64, len(strings))
    return [name, "object", array.shape], sizes.tobytes() + b"".join(strings)


def _array(content, dtype, shape):
    if dtype != "object":
        return np.frombuffer(content, dtype).reshape(shape)
    count = int(np.prod(shape, dtype=np.int64))
    sizes = np.frombuffer(content, np.int64, count)
    ends = (8 * count + np.cumsum(sizes)).tolist()
    begins = [8 * count, *ends[:-1]]
    array = np.empty(count, object)
    array[:] = [content[begin:end] for begin, end in zip(begins, ends, strict=False)]
    return array.reshape(shape)


def _write(stream, header, *contents):
    header = json.dumps(header).encode()
    stream.write(_SIZES.pack(len(header), sum(map(len, contents))))
    stream.write(header)
    for content in contents:
        stream.write(content)
    stream.flush()


def _read(stream):
    header_size, size = _SIZES.unpack(_exactly(stream, _SIZES.size))
    return json.loads(_exactly(stream, header_size)), _exactly(stream, size)


def _exactly(stream, size):
    content = stream.read(size)
    if len(content) < size:
        raise EOFError
    return content


if __name__ == "__main__":
    main(int(sys.argv[1]))
