import threading

import numpy as np
import pytest

from kerasbert.serving.batcher import Batcher
from kerasbert.serving.errors import ServingError

PATIENCE = 30


class Doubler:
    """A model that doubles numbers, when it is let, and refuses 13."""

    takes_batches = takes_parts = True

    def __init__(self):
        self.batches = []
        self.entered = threading.Semaphore(0)
        self.go_on = threading.Event()

    def signature(self, name):
        return self

    def has_shape_of(self, inputs):
        return True

    def check(self, inputs):
        if "x" not in inputs:
            raise ServingError("INVALID_ARGUMENT", "no x")

    def run(self, name, inputs):
        self.entered.release()
        assert self.go_on.wait(PATIENCE)
        self.batches.append(inputs["x"].tolist())
        if 13 in inputs["x"]:
            raise ServingError("INVALID_ARGUMENT", "13")
        return {"y": inputs["x"] * 2, "n": np.ones(len(inputs["x"]), int)}


@pytest.fixture
def model():
    return Doubler()


@pytest.fixture
def start():
    batchers = []

    def start(**options):
        batchers.append(Batcher(**options))
        return batchers[-1]

    yield start
    for batcher in batchers:
        batcher.close()


def submit(batcher, model, *numbers, signature="double"):
    return batcher.submit(model, signature, {"x": np.array(numbers)})


def submit_while_busy(batcher, model, *requests, **options):
    """Queues requests behind one that runs, then lets all go."""
    first = submit(batcher, model, 0)
    assert model.entered.acquire(timeout=PATIENCE)
    futures = [submit(batcher, model, *numbers, **options) for numbers in requests]
    model.go_on.set()
    assert first.result(PATIENCE)["y"].tolist() == [0]
    return futures


def test_requests_that_wait_run_together_and_get_their_own_rows(model, start):
    batcher = start()
    futures = submit_while_busy(batcher, model, [1], [2, 3], [4])
    assert [future.result(PATIENCE)["y"].tolist() for future in futures] == [
        [2],
        [4, 6],
        [8],
    ]
    assert futures[1].result()["n"].tolist() == [1, 1]
    assert model.batches == [[0], [1, 2, 3, 4]]


def test_a_batch_has_at_most_so_many_rows(model, start):
    batcher = start(max_rows=4)
    requests = [1, 1, 1], [2, 2], [3], [4] * 4
    futures = submit_while_busy(batcher, model, *requests)
    for future, numbers in zip(futures, requests, strict=True):
        assert future.result(PATIENCE)["y"].tolist() == [2 * n for n in numbers]
    assert model.batches[1:] == [[1, 1, 1, 3], [2, 2], [4] * 4]


def test_a_long_request_runs_in_parts_and_lets_others_pass(model, start):
    batcher = start(max_rows=4)
    requests = [*range(1, 10)], [20], [21, 22]
    futures = submit_while_busy(batcher, model, *requests)
    for future, numbers in zip(futures, requests, strict=True):
        result = future.result(PATIENCE)
        assert result["y"].tolist() == [2 * n for n in numbers]
        assert result["n"].tolist() == [1] * len(numbers)
    parts = [[1, 2, 3, 4], [20, 21, 22], [5, 6, 7, 8], [9]]
    assert model.batches[1:] == parts


def test_a_long_request_whose_parts_do_not_join_runs_whole(model, start):
    model.takes_parts = False
    [future] = submit_while_busy(start(max_rows=4), model, [4] * 9)
    assert future.result(PATIENCE)["y"].tolist() == [8] * 9
    assert model.batches[1:] == [[4] * 9]


def test_a_long_request_that_fails_in_a_part_fails_alone_and_goes_no_further(
    model, start
):
    batcher = start(max_rows=2)
    wrong, right = submit_while_busy(batcher, model, [1, 2, 13, 4, 5], [6])
    with pytest.raises(ServingError, match="13"):
        wrong.result(PATIENCE)
    assert right.result(PATIENCE)["y"].tolist() == [12]
    assert submit(batcher, model, 7).result(PATIENCE)["y"].tolist() == [14]
    assert model.batches[1:] == [[1, 2], [6], [13, 4], [7]]


def test_requests_of_another_shape_or_signature_run_apart(model, start):
    batcher = start()
    first = submit(batcher, model, 0)
    assert model.entered.acquire(timeout=PATIENCE)
    futures = [
        submit(batcher, model, 1),
        submit(batcher, model, 2, signature="other"),
        submit(batcher, model, [3]),
        submit(batcher, model, 4),
    ]
    model.go_on.set()
    for future in (first, *futures):
        future.result(PATIENCE)
    assert model.batches[1:] == [[1, 4], [2], [[3]]]


def test_a_signature_without_a_batch_axis_runs_its_requests_alone(model, start):
    model.takes_batches = False
    futures = submit_while_busy(start(), model, [1], [2])
    assert [future.result(PATIENCE)["y"].tolist() for future in futures] == [[2], [4]]
    assert model.batches == [[0], [1], [2]]


def test_a_request_that_fails_fails_no_neighbour(model, start):
    right, wrong, too = submit_while_busy(start(), model, [1], [13], [2])
    assert right.result(PATIENCE)["y"].tolist() == [2]
    assert too.result(PATIENCE)["y"].tolist() == [4]
    with pytest.raises(ServingError, match="13"):
        wrong.result(PATIENCE)


def test_a_request_that_comes_alone_waits_for_no_other(model, start):
    batcher = start(max_wait=10 * PATIENCE)
    model.go_on.set()
    for number in range(3):
        result = submit(batcher, model, number).result(PATIENCE)
        assert result["y"].tolist() == [2 * number]


def test_among_several_clients_a_request_waits_until_a_batch_is_full(model, start):
    batcher = start(max_rows=4, max_wait=10 * PATIENCE)
    for future in submit_while_busy(batcher, model, [1, 1], [2, 2]):
        future.result(PATIENCE)
    futures = [submit(batcher, model, number) for number in range(4)]
    for future in futures:
        future.result(PATIENCE)
    assert model.batches == [[0], [1, 1, 2, 2], [0, 1, 2, 3]]


def test_a_full_queue_refuses_and_recovers(model, start):
    batcher = start(max_queue=2)
    first = submit(batcher, model, 0)
    assert model.entered.acquire(timeout=PATIENCE)
    queued = [submit(batcher, model, 1), submit(batcher, model, 2)]
    with pytest.raises(ServingError, match="is full") as caught:
        submit(batcher, model, 3)
    assert caught.value.http_status == 503
    model.go_on.set()
    for future in (first, *queued):
        future.result(PATIENCE)
    assert submit(batcher, model, 4).result(PATIENCE)["y"].tolist() == [8]


def test_who_gave_up_is_not_computed(model, start):
    batcher = start()
    submit(batcher, model, 0)
    assert model.entered.acquire(timeout=PATIENCE)
    given_up, other = submit(batcher, model, 1), submit(batcher, model, 2)
    assert given_up.cancel()
    model.go_on.set()
    assert other.result(PATIENCE)["y"].tolist() == [4]
    assert model.batches == [[0], [2]]


def test_closing_answers_what_is_queued_and_refuses_the_rest(model):
    batcher = Batcher()
    futures = submit_while_busy(batcher, model, [1], [2])
    batcher.close()
    assert [future.result(0)["y"].tolist() for future in futures] == [[2], [4]]
    with pytest.raises(ServingError, match="shutting down"):
        submit(batcher, model, 3)


def test_inputs_are_checked_before_they_wait(model, start):
    with pytest.raises(ServingError, match="no x"):
        start().submit(model, "double", {"z": np.zeros(1)})


def test_batches_run_at_the_same_time_in_several_threads(model, start):
    batcher = start(threads=2)
    futures = [submit(batcher, model, 1)]
    assert model.entered.acquire(timeout=PATIENCE)
    futures.append(submit(batcher, model, 2))
    assert model.entered.acquire(timeout=PATIENCE)  # while the first one runs
    futures += [submit(batcher, model, number) for number in (3, 4)]
    model.go_on.set()
    assert [each.result(PATIENCE)["y"].tolist() for each in futures] == [
        [2],
        [4],
        [6],
        [8],
    ]


def test_threads_that_are_idle_share_the_rows_of_a_request(model, start):
    future = submit(start(threads=2), model, 1, 2, 3, 4, 5)
    for _ in range(2):
        assert model.entered.acquire(timeout=PATIENCE)
    model.go_on.set()
    assert future.result(PATIENCE)["y"].tolist() == [2, 4, 6, 8, 10]
    assert sorted(model.batches) == [[1, 2, 3], [4, 5]]


def test_a_request_that_comes_alone_is_cut_alike_every_time(model, start):
    batcher = start(threads=2)
    model.go_on.set()
    for _ in range(200):
        assert submit(batcher, model, 1, 2, 3, 4).result(PATIENCE)["y"].shape == (4,)
    assert len(model.batches) == 400
    assert all(len(batch) == 2 for batch in model.batches)


def test_parts_that_end_in_another_order_are_joined_in_theirs(model, start):
    """The first part of a request waits until the others have run."""
    last = threading.Event()
    run = model.run

    def run_last_part_first(name, inputs):
        if 1 in inputs["x"]:
            assert last.wait(PATIENCE)
        outputs = run(name, inputs)
        if 9 in inputs["x"]:
            last.set()
        return outputs

    model.run = run_last_part_first
    model.go_on.set()
    future = submit(start(threads=2, max_rows=2), model, 1, 2, 3, 4, 9)
    assert future.result(PATIENCE)["y"].tolist() == [2, 4, 6, 8, 18]


def test_a_request_fails_once_where_two_of_its_parts_fail(model, start):
    batcher = start(threads=2)
    future = submit(batcher, model, 13, 13)
    for _ in range(2):
        assert model.entered.acquire(timeout=PATIENCE)
    model.go_on.set()
    with pytest.raises(ServingError, match="13"):
        future.result(PATIENCE)
    results = [submit(batcher, model, number) for number in (1, 2)]
    assert [each.result(PATIENCE)["y"].tolist() for each in results] == [[2], [4]]


def test_closing_answers_what_is_queued_in_several_threads(model):
    batcher = Batcher(threads=3, max_rows=2)
    futures = submit_while_busy(batcher, model, [1, 2, 3, 4, 5], [6], [7])
    batcher.close()
    assert [future.result(0)["y"].tolist() for future in futures] == [
        [2, 4, 6, 8, 10],
        [12],
        [14],
    ]
