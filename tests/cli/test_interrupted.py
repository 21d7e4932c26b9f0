"""Runs that are stopped, or find no room on the disk: nothing is lost of them."""

import contextlib

import pytest

pytest.importorskip("tensorflow")

from kerasbert.tasks.progress import EpochBars
from tests.cli.conftest import OPTIONS
from tests.cli.test_bad_input import refused

pytestmark = pytest.mark.usefixtures("rows")


@pytest.fixture
def interrupt(monkeypatch):
    """Runs a function that trains, and interrupts it after a step."""

    def run(step, function, *words, **options):
        class Interrupted(EpochBars):
            def on_train_batch_end(self, batch, logs=None):
                if self.model.optimizer.iterations == step:
                    raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("kerasbert.cli.training_run.EpochBars", Interrupted)
            done = function(*words, **options)
        assert (done.code, done.out) == (130, "")
        assert done.told.count("\n") == 1
        return done.told

    return run


def test_a_run_that_is_interrupted_goes_on_to_the_same_weights(
    learn, learned, interrupt
):
    told = interrupt(3, learn, *OPTIONS, output="again")
    assert "again holds the state of step 3; the same command goes on from" in told

    refused(
        learn(*OPTIONS, "--seed", 1, output="again"), "seed 0, not 1", "--overwrite"
    )
    assert learn(*OPTIONS, output="again").code == 0
    for name in ("model/model.safetensors", "metrics.json", "log.csv"):
        one, two = ((learned.parent / run / name) for run in ("run", "again"))
        assert one.read_bytes() == two.read_bytes(), name


@pytest.mark.usefixtures("steps_make_no_graphs")
def test_a_run_that_is_interrupted_before_it_was_saved_says_so_and_begins_anew(
    learn, interrupt
):
    told = interrupt(1, learn, output="again")
    assert "No state was saved in again yet; the same command begins anew." in told
    told = interrupt(3, learn, output="again")  # the first step of the second epoch
    assert "again holds the state of step 2" in told
    assert learn(output="again").code == 0


@contextlib.contextmanager
def room_for(size):
    """No file can be made larger than so many bytes."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def contents(folder):
    """All files of a run but its plan, which each start of it writes."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file: file.read_bytes() for file in files if file.name != "plan.json"}


def test_a_disk_that_fills_loses_nothing_that_was_saved(learn, learned, interrupt):
    again = learned.parent / "again"
    interrupt(3, learn, *OPTIONS, output="again")
    state = again / "checkpoints/state.safetensors"
    saved = state.read_bytes()
    with room_for(len(saved) // 2):
        done = learn(*OPTIONS, output="again")
    refused(done, "state of step 4 could not be written", "File too large")
    assert "again holds the state of step 3; the same command goes on" in done.err
    assert state.read_bytes() == saved
    assert [file.name for file in state.parent.iterdir()] == [state.name]

    # The training ends, and there is no room for the model.
    words = (*OPTIONS, "--keep-checkpoints")
    assert learn(*words, output="again").code == 0
    (again / "metrics.json").unlink()
    size = (again / "model/model.safetensors").stat().st_size
    before = contents(again)
    with room_for(size - 1):
        refused(learn(*words, output="again"), "model.safetensors", "of step 4")
    assert before == contents(again)

    assert learn(*OPTIONS, output="again").code == 0
    for name in ("model/model.safetensors", "metrics.json", "log.csv"):
        assert (learned / name).read_bytes() == (again / name).read_bytes(), name
