"""The examples in the docstrings run and give what they say."""

import doctest
import importlib
from pathlib import Path

import keras
import pytest

import kerasbert

PACKAGE = Path(kerasbert.__file__).parent
TINY_BERT = Path(__file__).parent / "fixtures" / "bert_tiny" / "huggingface"
PARTS_WITHOUT_TENSORFLOW = ("config.py", "layers", "models")


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


MODULES = [
    module_name(path)
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
    and (
        keras.backend.backend() == "tensorflow"
        or path.relative_to(PACKAGE).parts[0] in PARTS_WITHOUT_TENSORFLOW
    )
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    names = {"keras": keras, "kerasbert": kerasbert, "tiny_bert": TINY_BERT}
    names.update(vars(module))
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    failures = []
    tests = doctest.DocTestFinder().find(module, globs=names)
    assert any(test.examples for test in tests), "an example that doctest does not see"
    for test in tests:
        report = []
        runner.run(test, out=report.append)
        failures += report
    assert not failures, "".join(failures)
