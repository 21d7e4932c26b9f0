"""Every name that the documentation gives is there after `import kerasbert` alone."""

import ast
import importlib
import os
import pathlib
import re
import subprocess
import sys

import pytest

import kerasbert

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "kerasbert"
NAME = re.compile(r"`?\bkerasbert((?:\.[A-Za-z]\w*)+)")
NO_NAMES = {"egg", "py", "wordpiece", "json"}

# Reads names of one line each, and gives those that are not there. For each package
# kerasbert is imported anew, as if Keras, which loads once, were not loaded yet.
RESOLVE = """
import sys
import keras
groups = {}
for name in sys.stdin.read().split():
    groups.setdefault(name.split(".")[1], []).append(name)
for names in groups.values():
    for module in [m for m in sys.modules if m.split(".")[0] == "kerasbert"]:
        del sys.modules[module]
    del sys.modules["keras"]
    import kerasbert
    sys.modules["keras"] = keras
    for name in names:
        value = kerasbert
        try:
            for part in name.split(".")[1:]:
                value = getattr(value, part)
        except AttributeError as error:
            print(name, error)
"""


def documented_names():
    """Names with dots in the READMEs and in what the package says of itself."""
    texts = [path.read_text("utf-8") for path in ROOT.glob("README*.md")]
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            kinds = ast.Module | ast.ClassDef | ast.FunctionDef
            if isinstance(node, kinds) and ast.get_docstring(node):
                texts.append(ast.get_docstring(node))
    found = {match[1] for text in texts for match in NAME.finditer(text)}
    return sorted(
        f"kerasbert{name}"
        for name in found
        if name.split(".")[1] not in NO_NAMES and not name.endswith((".css", ".py"))
    )


def test_every_documented_name_is_there():
    pytest.importorskip("tensorflow")
    names = documented_names()
    assert len(names) > 50
    extra = ["kerasbert.models.load_model", "kerasbert.training.fit.Run"]
    run = subprocess.run(
        [sys.executable, "-c", RESOLVE],
        input="\n".join([*names, *extra]),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == ""


@pytest.mark.parametrize("package", ["", "tasks", "text", "tasks/embedding"])
def test_tools_that_read_types_are_told_the_same_names(package):
    tree = ast.parse((PACKAGE / package / "__init__.py").read_text("utf-8"))
    [typed] = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {(a.name, node.module) for node in typed.body for a in node.names}
    name = ".".join(["kerasbert", *filter(None, package.split("/"))])
    assert imported == set(importlib.import_module(name)._HOME.items())


def test_parts_are_listed_before_they_are_used():
    assert {"models", "tasks", "training", "visualize"} <= set(dir(kerasbert))
    assert (PACKAGE / "py.typed").exists()
