import ast
import pathlib

import pytest

SCRIPTS = sorted((pathlib.Path(__file__).parents[2] / "scale_out").glob("*.py"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_needs_nothing_of_ours(path):
    tree = ast.parse(path.read_text("utf-8"))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.partition(".")[0])
    assert {"tensorflow", "tensorflow_text"} <= imported
    assert not imported & {"kerasbert", "keras", "scale_out"}
