import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import kerasbert

PACKAGE = Path(kerasbert.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# What a part may import, besides itself; a part may import what those may, too.
MAY_IMPORT = {
    "version": [],
    "deprecated": [],
    "lazy": ["deprecated"],
    "account": [],
    "processes": [],
    "registration": [],
    "leftovers": [],
    "files": ["account", "leftovers"],
    "wire": [],
    "config": ["account"],
    "layers": ["config", "lazy"],
    "models": ["layers", "processes", "checkpoints"],
    "text": ["config", "files", "lazy", "processes"],
    "packed": ["account", "lazy"],
    "shipped": [],
    "checkpoints": ["config", "packed", "shipped", "text"],
    "data": ["files", "lazy"],
    "metrics": ["lazy"],
    "training": ["models", "files", "version"],
    "inference": ["models", "text"],
    "decoding": ["models"],
    "tasks": ["inference", "decoding", "training", "metrics", "inputs", "data"],
    "inputs": ["account"],
    "keras_hub": ["tasks"],
    "compression": ["tasks"],
    "litert": ["files", "inputs", "packed"],
    "export": ["tasks", "litert", "wire"],
    "serving": ["export"],
    "visualize": ["tasks"],
    "cli": ["serving", "visualize", "compression", "data", "version"],
    "__main__": ["cli"],
    "quickstart": ["cli"],
}
# `Tokenizer.from_pretrained` and `export` call upward, when they are called.
LAZY_EXCEPTIONS = {
    ("text", "checkpoints"),
    ("tasks", "export"),
}

# The modules whose imports form a circle, lazy ones counted: `Tokenizer.from_config`
# returns subclasses of its own class, and calling one with a `keras.Input` a layer.
CIRCLES = [
    {
        "kerasbert.text.pipeline",
        "kerasbert.text.sentencepiece",
        "kerasbert.text.tokenizer",
        "kerasbert.text.tokenizer_layer",
        "kerasbert.text.wordpiece",
    },
]


def allowed(part):
    return {part}.union(*map(allowed, MAY_IMPORT[part]))


def part_of(path):
    name = path.relative_to(PACKAGE).parts[0]
    return name.removesuffix(".py")


def imported_modules(node):
    """The modules that are imported under a node, with the node of each import."""
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, child) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute here"
            yield child.module, child
            if child.module == "kerasbert":
                yield from ((f"kerasbert.{a.name}", child) for a in child.names)


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def test_imports_point_up_the_table_of_parts_only():
    wrong = []
    for path in MODULES:
        part = part_of(path)
        if part == "__init__":
            continue
        tree = parse(path)
        lazy = {
            id(child)
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef)
            for child in ast.walk(function)
        }
        for module, node in imported_modules(tree):
            names = module.split(".")
            if names[0] != "kerasbert" or len(names) == 1 or names[1] == "__version__":
                continue
            if (part, names[1]) in LAZY_EXCEPTIONS and id(node) in lazy:
                continue
            if names[1] not in allowed(part):
                place = f"{path.relative_to(PACKAGE)}:{node.lineno}"
                wrong.append(f"{place} imports {module}")
    assert not wrong


def module_of(path):
    names = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def imports_that_run(node):
    """The names imported under a node, but for those that only type checkers see."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    for child in ast.iter_child_nodes(node):
        yield from imports_that_run(child)


def circles_of(graph):
    """The sets of nodes that reach each other, of two nodes or more."""
    reached = {}
    for start in graph:
        found, to_visit = set(), [start]
        while to_visit:
            new = graph[to_visit.pop()] - found
            found |= new
            to_visit += new
        reached[start] = found
    circles = []
    for node in graph:
        circle = {other for other in reached[node] if node in reached[other]}
        if circle and circle not in circles:
            circles.append(circle)
    return circles


def test_circles_of_a_graph_are_found():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a", "e"}, "e": set()}
    assert circles_of(graph) == [{"b", "c"}]


def test_a_lazy_import_counts_and_one_of_a_type_checker_does_not():
    code = "def f():\n    from a import b\nif TYPE_CHECKING:\n    import c\n"
    assert list(imports_that_run(ast.parse(code))) == ["a.b"]


def test_imports_form_no_new_circle():
    modules = {module_of(path): path for path in MODULES}
    graph = {}
    for module, path in modules.items():
        names = imports_that_run(parse(path))
        found = {n if n in modules else n.rpartition(".")[0] for n in names}
        graph[module] = found & modules.keys() - {module, "kerasbert"}
    assert circles_of(graph) == CIRCLES


def test_a_file_has_at_most_450_lines():
    lines = {p: len(p.read_text(encoding="utf-8").splitlines()) for p in MODULES}
    assert [str(path) for path, count in lines.items() if count > 450] == []


@pytest.mark.parametrize("part", ["config.py", "layers", "models"])
def test_layers_and_models_name_no_backend(part):
    paths = [p for p in MODULES if p.relative_to(PACKAGE).parts[0] == part]
    for path in paths:
        for statement in parse(path).body:
            for module, _ in imported_modules(statement):
                backend = module.split(".")[0]
                inside = isinstance(statement, ast.FunctionDef | ast.ClassDef)
                assert backend not in ("tensorflow", "jax", "torch") or inside, path


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_import_is_light():
    heavy = ["tensorflow", "keras", "tensorflow_text", "keras_hub", "jax", "numpy"]
    code = f"import sys, kerasbert; print([m for m in {heavy} if m in sys.modules])"
    assert run(code) == "[]"


def test_every_name_of_the_package_is_there():
    for name in kerasbert.__all__:
        try:
            value = getattr(kerasbert, name)
        except ModuleNotFoundError as error:
            missing = error.name.split(".")[0]
            assert missing != "kerasbert" and importlib.util.find_spec(missing) is None
            continue
        assert value.__name__ == name if callable(value) else value
    assert set(kerasbert.__all__) <= set(dir(kerasbert))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'BertEncodr'"):
        kerasbert.BertEncodr  # noqa: B018
