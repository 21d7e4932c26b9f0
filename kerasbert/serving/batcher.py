"""Dynamic batching: requests that arrive at the same time run as one batch.

A few threads run the model. While they run batches, arriving requests queue up for the
next batch; idle threads share what waits. A request that comes alone runs at once; only
after a batch of several requests does the next one wait, up to `max_wait`, for more. A
request with more rows than a batch runs in parts, between which other requests run, so
that it needs no more memory than a batch. Canceled requests leave the queue.
"""

import collections
import concurrent.futures
import dataclasses
import threading
import time

import numpy as np

from kerasbert.serving.errors import ServingError, invalid_argument, shutting_down

__all__ = ["Batcher"]


@dataclasses.dataclass(eq=False)
class _Task:
    model: object
    signature: str
    inputs: dict
    rows: int
    kind: object  # tasks of the same kind can be batched
    takes_parts: bool = False
    part: int = 0  # rows of a part, as of the first: a lone request is cut alike again
    taken: int = 0  # rows whose parts have begun
    done: int = 0  # rows whose parts have ended
    parts: dict = dataclasses.field(default_factory=dict)  # first rows -> outputs
    arrived: float = dataclasses.field(default_factory=time.monotonic)
    future: concurrent.futures.Future = dataclasses.field(
        default_factory=concurrent.futures.Future
    )


class Batcher:
    """A bounded queue of requests, and the threads that run them in batches.

    Args:
        metrics: The `Metrics` that record batches, or None.
        max_rows: Maximum number of rows of a batch. A larger request runs alone, in
            parts if their outputs can be concatenated.
        max_wait: Time that a request waits for others when there are several clients,
            in seconds.
        max_queue: Maximum number of waiting requests.
        threads: Number of batches that run at the same time.

    Example:
        batcher = Batcher()
        future = batcher.submit(model, "serving_default", {"text": texts})
        future.result()["embedding"]
    """

    def __init__(
        self, metrics=None, max_rows=64, max_wait=0.001, max_queue=256, threads=1
    ):
        self._metrics = metrics
        self._max_rows = max_rows
        self._max_wait = max_wait
        self._max_queue = max_queue
        self._queue = collections.deque()
        self._changed = threading.Condition()
        self._closed = False
        self._is_busy = False  # whether the last batch had several requests
        self._idle = threads  # that run no batch
        self._threads = [
            threading.Thread(target=self._work, name=f"batches-{index}", daemon=True)
            for index in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, model, signature, inputs):
        """Queues a request; returns a `concurrent.futures.Future` of its outputs.

        Raises a `ServingError` if the inputs do not match the signature of the
        `SavedModel`, or the queue is full (HTTP 503).
        """
        task = _task(model, signature, inputs)
        with self._changed:
            if self._closed:
                raise shutting_down()
            if len(self._queue) >= self._max_queue:
                self._drop_settled()
            if len(self._queue) >= self._max_queue:
                raise ServingError(
                    "UNAVAILABLE",
                    "The batch scheduling queue to which this task was submitted is "
                    "full",
                )
            self._queue.append(task)
            self._changed.notify()
        return task.future

    def close(self):
        """Runs the queued requests and ends the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self):
        while (batch := self._next_batch()) is not None:
            tasks, rows = batch
            if rows:
                error = self._run_part(*tasks, rows)
            else:
                outcomes = self._run(tasks)
            with self._changed:
                # Before the answers: the next request of a client that waited for one
                # finds the same threads idle, and is shared among them alike.
                self._idle += 1
                if rows:
                    outcomes = _outcome_of_parts(*tasks, rows, error)
            for future, outcome in outcomes:
                if isinstance(outcome, Exception):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)

    def _next_batch(self):
        """Returns what to run next, as `_take` does; None after closing."""
        with self._changed:
            while self._queue or not self._closed:
                if not self._queue:
                    self._changed.wait()
                    continue
                head = self._queue[0]
                remaining = head.arrived + self._max_wait - time.monotonic()
                is_full = self._rows_of(head.kind) >= self._max_rows
                if self._closed or not self._is_busy or is_full or remaining <= 0:
                    return self._take(head)
                self._changed.wait(remaining)
            return None

    def _rows_of(self, kind):
        """Returns the number of waiting rows of a kind."""
        return sum(task.rows - task.taken for task in self._queue if task.kind == kind)

    def _drop_settled(self):
        self._queue = collections.deque(
            task for task in self._queue if not task.future.done()
        )

    def _take(self, head):
        """Takes tasks that run together, possibly none, or the next rows of a long one.

        Returns the tasks, and those rows, a `slice`, or None.
        """
        self._drop_settled()
        most = min(self._max_rows, -(-self._rows_of(head.kind) // self._idle))
        batch, count, left = [], 0, collections.deque()
        for task in self._queue:
            rows = task.rows - task.taken
            is_part = bool(task.taken or batch and batch[0].taken)  # and runs alone
            if task.kind == head.kind and (
                not batch or count + rows <= most and not is_part
            ):
                batch.append(task)
                count += rows
            else:
                left.append(task)
        self._is_busy = len(batch) + len(left) > 1
        part = None
        if batch and batch[0].takes_parts and (count > most or batch[0].taken):
            [task], begin = batch, batch[0].taken
            task.part = task.part or most
            task.taken = min(begin + task.part, task.rows)
            part = slice(begin, task.taken)
            if task.taken < task.rows:
                task.arrived = time.monotonic()
                left.append(task)
        self._queue = left
        self._idle -= 1
        if left:
            self._changed.notify()
        return batch, part

    def _run(self, batch):
        """Runs tasks; returns their futures and outcomes: outputs, or an exception."""
        batch = [task for task in batch if task.future.set_running_or_notify_cancel()]
        if not batch:
            return []
        begin = time.monotonic()
        futures = [task.future for task in batch]
        try:
            outputs = _outputs(batch)
        except Exception as error:
            if len(batch) == 1:
                return [(futures[0], error)]
            # One by one, since a single one may be invalid.
            return list(zip(futures, map(_outcome_alone, batch), strict=True))
        self._note(batch, sum(task.rows for task in batch), begin)
        return list(zip(futures, outputs, strict=True))

    def _run_part(self, task, rows):
        """Runs some rows of a long request; returns an exception, or None."""
        begin = time.monotonic()
        inputs = {name: array[rows] for name, array in task.inputs.items()}
        try:
            task.parts[rows.start] = task.model.run(task.signature, inputs)
        except Exception as error:
            return error
        self._note([task], rows.stop - rows.start, begin)
        return None

    def _note(self, batch, rows, begin):
        if self._metrics:
            waits = [begin - task.arrived for task in batch]
            self._metrics.batch(rows, waits, time.monotonic() - begin)


def _task(model, name, inputs):
    signature = model.signature(name)
    signature.check(inputs)
    if not (signature.takes_batches and signature.has_shape_of(inputs)):
        return _Task(model, name, inputs, rows=1, kind=object())
    rows = {len(array) for array in inputs.values()}
    if len(rows) > 1:
        raise invalid_argument(
            "Batching session Run() input tensors must have equal 0th-dimension size"
        )
    shapes = tuple(inputs[key].shape[1:] for key in sorted(inputs))
    kind = (id(model), name, shapes)
    return _Task(model, name, inputs, rows.pop(), kind, signature.takes_parts)


def _outcome_alone(task):
    try:
        (result,) = _outputs([task])
    except Exception as error:
        return error
    return result


def _outcome_of_parts(task, rows, error):
    """Returns the outcome of a long request after its last part, or the first error."""
    task.done += rows.stop - rows.start
    is_settled = task.future.done() or task.future.running()  # canceled, or by an error
    if is_settled or error is None and task.done < task.rows:
        return []
    if not task.future.set_running_or_notify_cancel():
        return []
    return [(task.future, error or _joined(task.parts))]


def _joined(parts):
    """Concatenates the outputs of the parts of a request, by their first rows."""
    parts = [parts[first] for first in sorted(parts)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _outputs(batch):
    """Runs a batch; returns the outputs of each of its tasks."""
    first = batch[0]
    if len(batch) == 1:
        return [first.model.run(first.signature, first.inputs)]
    inputs = {
        name: np.concatenate([task.inputs[name] for task in batch])
        for name in first.inputs
    }
    outputs = first.model.run(first.signature, inputs)
    ends = np.cumsum([task.rows for task in batch])
    for name, array in outputs.items():
        if len(array) != ends[-1]:
            raise invalid_argument(
                f"Batched output tensor's 0th dimension does not equal the sum of the "
                f"0th dimension sizes of the input tensors: {name}"
            )
    parts = {name: np.split(array, ends[:-1]) for name, array in outputs.items()}
    return [{name: parts[name][i] for name in parts} for i in range(len(batch))]
