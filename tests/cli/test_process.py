"""What only a process of its own shows."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
MODEL = ROOT / "tests/fixtures/bert_tiny/google_tf1"
ALBERT = ROOT / "tests/fixtures/albert_bare/huggingface"


def command(*words, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "kerasbert", *map(str, words)],
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})},
        **options,
    )


def test_help_loads_neither_tensorflow_nor_keras_nor_numpy():
    script = (
        "import sys\n"
        "from kerasbert.cli import main\n"
        "assert main(['embed', '--help']) == 0\n"
        "print({'tensorflow', 'keras', 'numpy'} & set(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stderr.strip() == "set()"
    assert "Example: kerasbert embed" in done.stdout


def test_nothing_but_vectors_comes_out_and_nothing_at_all_beside_them():
    pytest.importorskip("tensorflow")
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONIOENCODING": "ascii"}
    process = command("embed", "--model", MODEL, "\u4f60\u597d", env=environment)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["text"] == "\u4f60\u597d"


def test_a_reader_that_goes_away_is_no_error():
    read, write = os.pipe()
    os.close(read)
    process = command("inspect", ALBERT, "--json", stdout=write)
    os.close(write)
    assert process.communicate()[1] == ""
    assert process.returncode == 141


@pytest.fixture
def signals_are_heeded():
    """A job in the background inherits that SIGINT is ignored; its children do too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("signals_are_heeded")
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_an_interruption_is_quiet_and_leaves_nothing(tmp_path, number, code):
    pipe = tmp_path / "texts"
    os.mkfifo(pipe)
    output = tmp_path / "out.jsonl"
    process = command("embed", "--input", pipe, "--output", output)
    with pipe.open("w"):  # opens when the command does
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.strip()) == (code, "", "")
    assert list(tmp_path.glob("*out.jsonl*")) == []
