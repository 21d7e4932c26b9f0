"""Every block of code in the READMEs runs.

* `python` blocks run in order, in one namespace, in an empty folder.
* `sh` blocks run there line by line: `kerasbert ...` in this process; `make`, `pip`,
  `git` and `source` not at all (they are CI's); any other command is a mistake.
* A block after a line `<!-- not run: why -->` is left alone, and so are all others.

Names of the zoo stand for tiny models: nothing is fetched.
"""

import pathlib
import re
import shlex

import pytest

from kerasbert.checkpoints import cache, zoo
from kerasbert.cli import main

pytest.importorskip("tensorflow")

ROOT = pathlib.Path(__file__).parents[1]
FIXTURES = ROOT / "tests/fixtures"
SENTENCE_ENCODER = FIXTURES / "sentence_mean/sentence_transformers"
READMES = sorted(path.name for path in ROOT.glob("README*.md"))
BLOCK = re.compile(
    r"^(?P<note><!-- not run: .+? -->\n)?```(?P<kind>\w+)\n(?P<code>.*?)^```$",
    re.M | re.S,
)
LEFT_TO_CI = ("make", "pip", "git", "source")


def blocks(text):
    """The blocks that run: their kind, first line number and code."""
    for block in BLOCK.finditer(text):
        if block["kind"] in ("python", "sh") and not block["note"]:
            line = text.count("\n", 0, block.start("code"))
            yield block["kind"], line, block["code"]


def run_shell(code, name, line):
    for number, command in enumerate(code.replace("\\\n", " ").splitlines(), line + 1):
        words = shlex.split(command, comments=True)
        if not words or words[0] in LEFT_TO_CI:
            continue
        place = f"{name}, line {number}: {command}"
        assert words[0] == "kerasbert", f"{place} is no command that is known to work."
        assert main(words[1:]) == 0, f"{place} failed."


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory):
    """A BERT as small as it gets, with the special tokens where Google's have them."""
    import kerasbert
    from kerasbert.models import MaskedLMModel

    tokens = (FIXTURES / "bert_tiny/google_tf1/vocab.txt").read_text("utf-8").split()
    special = ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = ["[PAD]", *(f"[unused{n}]" for n in range(99)), *special]
    vocabulary += [token for token in tokens if token not in (*special, "[PAD]")]
    vocabulary += [f"[unused{n}]" for n in range(99, 99 + 30522 - len(vocabulary))]
    config = kerasbert.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=512,
    )
    folder = tmp_path_factory.mktemp("models") / "bert"
    MaskedLMModel(kerasbert.BertEncoder(config)).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", "utf-8")
    return folder


@pytest.fixture
def tiny_zoo(tmp_path, monkeypatch, tiny_bert):
    monkeypatch.setenv("KERASBERT_CACHE", str(tmp_path / "cache"))
    for model in zoo.models():
        sentences = model.summary.startswith("Sentence encoder")
        folder = SENTENCE_ENCODER if sentences else tiny_bert
        if model.name.startswith("albert"):
            folder = FIXTURES / "albert_pretraining/huggingface"
        cache.remember(model.handles[0], folder)


# The tiny model has 16 positions.
@pytest.mark.filterwarnings("ignore:.*were truncated")
@pytest.mark.parametrize("name", READMES)
def test_every_block_of_code_runs(name, tiny_zoo, tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    namespace = {"__name__": "__main__"}
    found = list(blocks((ROOT / name).read_text("utf-8")))
    assert found
    for kind, line, code in found:
        if kind == "sh":
            run_shell(code, name, line)
        else:
            exec(compile("\n" * line + code, str(ROOT / name), "exec"), namespace)


def test_blocks_are_found_with_their_lines_and_notes_are_heeded():
    text = (
        "# Title\n\n```python\na = 1\n```\n\n<!-- not run: long -->\n```python\nb = 2\n"
        "```\n\n```sh\nls\n```\n\n```text\nc\n```\n"
    )
    assert list(blocks(text)) == [("python", 3, "a = 1\n"), ("sh", 12, "ls\n")]


def test_a_command_that_nobody_knows_is_a_mistake():
    run_shell("make test   # suite\n\npip install .\n", "README.md", 10)
    with pytest.raises(AssertionError, match="README.md, line 12: ls -l"):
        run_shell("make test\nls -l\n", "README.md", 10)
