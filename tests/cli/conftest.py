import io
import pathlib
import shutil
import sys
from typing import NamedTuple

import pytest

from kerasbert import shipped
from kerasbert.checkpoints import cache
from kerasbert.checkpoints.hubs import hugging_face, kaggle, tfhub, wheel
from kerasbert.cli import main

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
MINILM = "hf://sentence-transformers/all-MiniLM-L6-v2"


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def told(self):
        """Errors and warnings; the other lines say what was read of a file."""
        lines = self.err.splitlines(keepends=True)
        return "".join(line for line in lines if line.startswith("kerasbert"))

    @property
    def read(self):
        """What was read of files, a line each."""
        lines = self.err.splitlines()
        return [line for line in lines if not line.startswith("kerasbert")]


@pytest.fixture
def kerasbert(capsys, monkeypatch):
    """Runs the command in this process."""

    def run(*words, stdin=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main([str(word) for word in words])
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def steps_make_no_graphs(monkeypatch):
    """Trains eagerly: steps so small take less time than tracing them.

    Not for a test of `learned`, a run that is trained in graphs.
    """
    from kerasbert.tasks.task import Task

    compile_task = Task.compile

    def compile_eagerly(self, *args, **options):
        options.setdefault("run_eagerly", not options.get("jit_compile"))
        return compile_task(self, *args, **options)

    monkeypatch.setattr(Task, "compile", compile_eagerly)


@pytest.fixture
def copied(tmp_path):
    """Copies a model of the fixtures, so that a test may damage it."""

    def copy(model):
        return pathlib.Path(shutil.copytree(FIXTURES / model, tmp_path / "model"))

    return copy


@pytest.fixture(autouse=True)
def tiny_models_and_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASBERT_CACHE", str(tmp_path / "cache"))
    cache.remember(MINILM, FIXTURES / "sentence_mean/sentence_transformers")
    monkeypatch.setattr(hugging_face, "cached_handles", tuple)
    monkeypatch.setattr(hugging_face, "copy_of_others", lambda handle: None)
    for hub in (hugging_face, kaggle, tfhub, wheel):
        monkeypatch.setattr(hub, "fetch", no_network)
    tiny = FIXTURES / "sentence_mean/sentence_transformers"
    monkeypatch.setattr(shipped, "model_folder", lambda name=None: tiny)


def no_network(handle, progress, seconds):
    raise ConnectionError(f"Cannot reach the hub of {handle}.")


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A BERT of one layer."""
    import kerasbert as package
    from kerasbert.models import MaskedLMModel

    vocabulary = FIXTURES / "bert_tiny/huggingface/vocab.txt"
    config = package.BertConfig(
        vocab_size=len(vocabulary.read_text("utf-8").splitlines()),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=32,
    )
    folder = tmp_path_factory.mktemp("models") / "bert"
    MaskedLMModel(package.BertEncoder(config)).save_pretrained(folder)
    shutil.copy(vocabulary, folder)
    return folder


@pytest.fixture
def learn(kerasbert, model):
    """The command, with what all runs share."""

    def run(*words, task="classify", output="run", train="rows.tsv"):
        return kerasbert(
            *("finetune", task, "--model", model, "--train", train),
            *("--output", output, "--epochs", 2, "--batch-size", 4, *words),
        )

    return run


ROWS = "a good day\t1\na bad day\t0\ngood\t1\nbad\t0\nvery good\t1\nnot good\t0\n"
OPTIONS = (
    *("--validation", "rows.tsv", "--labels", "0=bad,1=good"),
    *("--learning-rate", "0.01", "--config", "settings.yaml"),
)


@pytest.fixture
def rows(tmp_path, monkeypatch):
    """A folder with a file to learn from, which is the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.tsv").write_text(ROWS, "utf-8")


@pytest.fixture
def learned(learn, rows, tmp_path, tmp_path_factory):
    """The folder of a run, which is made once."""
    (tmp_path / "settings.yaml").write_text("warmup: 0\nsave_every: 1\n")
    kept = tmp_path_factory.getbasetemp() / "learned"
    if not kept.exists():
        done = learn(*OPTIONS)
        assert done.code == 0, done.err
        (tmp_path / "run" / "printed.json").write_text(done.out)
        shutil.copytree("run", kept)
    return shutil.copytree(kept, tmp_path / "run", dirs_exist_ok=True)
