"""Parsing of request bodies without blocking the event loop."""

import asyncio
import contextlib
import os
import pathlib
import subprocess
import sys

from kerasbert.serving.errors import ServingError, shutting_down
from kerasbert.serving.protocol import read_request
from kerasbert.serving.reader_process import ask

__all__ = ["Reader"]

_SMALL = 64 * 1024  # bytes; parsed inline within milliseconds
_PROCESSES = 2
_LONGEST = 120.0  # seconds to parse one body
# A process reads bodies of up to so many bytes, at this niceness: reading the largest
# ones takes seconds of a core, which requests of other clients must not pay.
_NICENESS = {1 << 20: 10, sys.maxsize: 14}
_ROOT = pathlib.Path(__file__).resolve().parents[2]


class Reader:
    """Parses small bodies inline and large ones in worker processes.

    Workers are started on demand. A worker that takes too long or too much memory is
    killed, and its request fails.

    Example:
        reader = Reader(Limits())
        request = await reader.read("predict", body, signatures)
    """

    def __init__(self, limits):
        self._limits = limits
        self._free = asyncio.Semaphore(_PROCESSES)
        self._idle = {niceness: [] for niceness in _NICENESS.values()}
        self._all = set()
        self._closed = False

    async def read(self, verb, body, signatures):
        """Parses a request body to a `Request`.

        `signatures` maps signature names to their inputs, which map names to `Input`s.
        Raises a `ServingError` if the body is invalid or too large.
        """
        if len(body) <= _SMALL:
            return read_request(verb, body, signatures, self._limits)
        async with self._free:
            if self._closed:
                raise shutting_down()
            niceness = next(n for most, n in _NICENESS.items() if len(body) <= most)
            idle = self._idle[niceness]
            process = idle.pop() if idle else self._start(niceness)
            try:
                pipes = process.stdin, process.stdout
                reading = asyncio.to_thread(
                    ask, pipes, verb, body, signatures, self._limits
                )
                request = await asyncio.wait_for(reading, _LONGEST)
            except ServingError:
                idle.append(process)
                raise
            except BaseException as error:  # cancelled, too slow, or the process died
                self._end(process)
                if isinstance(error, TimeoutError | EOFError | OSError):
                    raise ServingError(
                        "RESOURCE_EXHAUSTED",
                        "Parsing the request takes too much time or memory. Send "
                        "smaller requests.",
                        http_status=413,
                    ) from None
                raise
            idle.append(process)
            return request

    def close(self):
        """Kills the workers."""
        self._closed = True
        for process in list(self._all):
            self._end(process)

    def _start(self, niceness):
        paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
        process = subprocess.Popen(
            [sys.executable, "-m", "kerasbert.serving.reader_process", str(niceness)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, paths)),
                "OPENBLAS_NUM_THREADS": "1",
            },
            process_group=0,  # Ctrl-C is for the server; niceness counts in a session
        )
        self._all.add(process)
        return process

    def _end(self, process):
        self._all.discard(process)
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # unflushed data of a dead process
                pipe.close()
