"""How the public API is written: annotations, and one dialect of docstrings.

Public is what the `__init__` of a part exports; everything else is internal.
"""

import ast
import re
from pathlib import Path

import kerasbert

PACKAGE = Path(kerasbert.__file__).parent
PARTS = (
    *("checkpoints", "compression", "data", "decoding", "export", "inputs", "layers"),
    *("metrics", "models", "serving", "tasks", "text", "training", "visualize"),
)
# Keras documents these methods.
KERAS_METHODS = {
    *("build", "call", "compute_output_shape", "compute_output_spec", "get_config"),
    "from_config",
}
ENTRY = re.compile(r"    (\*{0,2}\w+): (.+)")
STARTS = re.compile(r"[A-Z0-9`\"]|(int|float|bool|string|uint)")


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def exported(part):
    """The names that the `__init__` of a part exports."""
    tree = parse(PACKAGE / part / "__init__.py")
    names = {
        a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names
    }
    keys = [k for n in ast.walk(tree) if isinstance(n, ast.Dict) for k in n.keys]
    return names | {key.value for key in keys if isinstance(key, ast.Constant)}


def public_definitions():
    """Each public class, function and method, with its name for messages."""
    for part in PARTS:
        names = exported(part)
        for path in sorted((PACKAGE / part).rglob("*.py")):
            for node in parse(path).body:
                if getattr(node, "name", None) not in names:
                    continue
                where = f"{path.relative_to(PACKAGE)} {node.name}"
                yield where, node
                for method in node.body if isinstance(node, ast.ClassDef) else ():
                    is_public = isinstance(method, ast.FunctionDef) and (
                        not method.name.startswith("_") or method.name == "__init__"
                    )
                    if is_public and method.name not in KERAS_METHODS:
                        yield f"{where}.{method.name}", method


def is_annotated(function):
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    missing = [
        a for a in named if a.annotation is None and a.arg not in ("self", "cls")
    ]
    return not missing and (function.returns or function.name == "__init__")


def entries(docstring):
    """The entries of `Args` in a docstring, each as one line."""
    inside, found = False, []
    for line in (docstring or "").splitlines():
        if re.fullmatch(r"[A-Z]\w+:", line):
            inside = line == "Args:"
        elif inside and (match := ENTRY.match(line)):
            found.append(list(match.groups()))
        elif inside and line.strip() and found:
            found[-1][1] += f" {line.strip()}"
    return found


def test_every_public_function_is_annotated():
    functions = [
        (where, node)
        for where, node in public_definitions()
        if isinstance(node, ast.FunctionDef)
    ]
    assert len(functions) > 100
    assert [where for where, node in functions if not is_annotated(node)] == []


def test_arguments_are_described_in_sentences():
    described = [
        (f"{where} {name}", text)
        for where, node in public_definitions()
        for name, text in entries(ast.get_docstring(node))
    ]
    assert len(described) > 200
    wrong = [
        where
        for where, text in described
        if not STARTS.match(text) or not text.endswith(".")
    ]
    assert wrong == []


def test_internal_functions_have_no_args_section():
    wrong = [
        f"{path.relative_to(PACKAGE)}:{node.lineno} {node.name}"
        for part in PARTS
        for path in (PACKAGE / part).rglob("*.py")
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and node.name.startswith("_")
        and node.name != "__call__"
        and entries(ast.get_docstring(node))
    ]
    assert wrong == []
