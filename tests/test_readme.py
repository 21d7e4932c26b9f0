"""Every block of code in the READMEs, and in the pages of docs, runs.

* Each `python` block runs in a process of its own, as a script would.
* Each line of an `sh` block that begins with `kerasbert` does, too; `make`, `pip`,
  `git` and `source` do not run at all (they are CI's); any other command is a mistake.
* The blocks of a page run in order in one folder, so that a block may read the files
  that one before it has written.
* A block after a line `<!-- not run: why -->` is left alone, and so are all others.

Names of the zoo stand for tiny models: nothing is fetched.
"""

import pathlib
import re
import shlex

import pytest

from kerasbert.checkpoints import cache, zoo
from tests.snippets import run_apart, run_kerasbert, run_python

pytest.importorskip("tensorflow")

ROOT = pathlib.Path(__file__).parents[1]
FIXTURES = ROOT / "tests/fixtures"
SENTENCE_ENCODER = FIXTURES / "sentence_mean/sentence_transformers"
READMES = sorted(ROOT.glob("README*.md"))
PAGES = sorted(ROOT.glob("docs/pages/**/*.md"))
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


def commands(code, name, line):
    """The arguments of `kerasbert` in the lines of an `sh` block, and their places."""
    for number, command in enumerate(code.replace("\\\n", " ").splitlines(), line + 1):
        words = shlex.split(command, comments=True)
        if not words or words[0] in LEFT_TO_CI:
            continue
        place = f"{name}, line {number}: {command}"
        assert words[0] == "kerasbert", f"{place} is no command that is known to work."
        yield words[1:], place


def run_page(path, folder, environment):
    folder.mkdir()
    where = {"folder": folder, "environment": environment}
    for kind, line, code in blocks(path.read_text("utf-8")):
        if kind == "python":
            failed = run_apart(run_python, "\n" * line + code, str(path), **where)
            assert failed is None, failed
        else:
            for words, place in commands(code, path.name, line):
                failed = run_apart(run_kerasbert, words, **where)
                assert failed is None, f"{place} failed.\n{failed}"


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory):
    """A BERT as small as it gets, with the special tokens where Google's have them."""
    import kerasbert
    from kerasbert.models import PretrainingModel

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
    PretrainingModel(kerasbert.BertEncoder(config)).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def tiny_zoo(tmp_path_factory, tiny_bert):
    """The environment in which the names of the zoo are tiny models."""
    environment = {"KERASBERT_CACHE": str(tmp_path_factory.mktemp("cache"))}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        for model in zoo.models():
            sentences = model.summary.startswith("Sentence encoder")
            folder = SENTENCE_ENCODER if sentences else tiny_bert
            if model.name.startswith("albert"):
                folder = FIXTURES / "albert_pretraining/huggingface"
            cache.remember(model.handles[0], folder)
    return environment


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.name)
def test_every_block_of_a_readme_runs_by_itself(path, tiny_zoo, tmp_path):
    assert list(blocks(path.read_text("utf-8")))
    run_page(path, tmp_path / "here", tiny_zoo)


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_block_of_a_page_runs_by_itself(path, tiny_zoo, tmp_path):
    run_page(path, tmp_path / "here", tiny_zoo)


def test_a_block_has_no_names_of_the_one_before(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\na = 1\n```\n\n```python\nprint(a)\n```\n", "utf-8")
    with pytest.raises(AssertionError, match=r"page.md., line 6(.|\n)*'a' is not def"):
        run_page(page, tmp_path / "here", {})


def test_blocks_are_found_with_their_lines_and_notes_are_heeded():
    text = (
        "# Title\n\n```python\na = 1\n```\n\n<!-- not run: long -->\n```python\nb = 2\n"
        "```\n\n```sh\nls\n```\n\n```text\nc\n```\n"
    )
    assert list(blocks(text)) == [("python", 3, "a = 1\n"), ("sh", 12, "ls\n")]


def test_a_command_that_nobody_knows_is_a_mistake():
    assert not list(commands("make test   # suite\n\npip install .\n", "README.md", 10))
    with pytest.raises(AssertionError, match="README.md, line 12: ls -l"):
        list(commands("make test\nls -l\n", "README.md", 10))
