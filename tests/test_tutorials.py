"""Every tutorial runs from top to bottom, on tiny models."""

import copy
import importlib.util
import pathlib

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = pathlib.Path(__file__).parents[1]
FIXTURES = ROOT / "tests" / "fixtures"
TUTORIALS = sorted((ROOT / "tutorials").glob("*.ipynb"))
_spec = importlib.util.spec_from_file_location(
    "render", ROOT / "tutorials" / "render.py"
)
render = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(render)
SLOW = (
    *("03_classification", "04_token_classification", "05_question_answering"),
    *("06_similarity_and_search", "07_inside_the_model", "08_pretraining"),
    "09_compression",
    *("10_translation", "11_summarization_and_generation", "12_speech_and_images"),
)


@pytest.fixture(autouse=True)
def tiny_models(monkeypatch):
    models = {
        "KERASBERT_TUTORIAL_MODEL": FIXTURES / "bert_tiny" / "huggingface",
        "KERASBERT_TUTORIAL_ALBERT": FIXTURES / "albert_tiny" / "huggingface",
        "KERASBERT_TUTORIAL_EPOCHS": "1",
        "MPLBACKEND": "agg",
    }
    for name, value in models.items():
        monkeypatch.setenv(name, str(value))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # those of Jupyter itself
@pytest.mark.parametrize(
    "file",
    [
        pytest.param(
            file, id=file.stem, marks=[pytest.mark.slow] if file.stem in SLOW else []
        )
        for file in TUTORIALS
    ],
)
def test_a_tutorial_runs(file):
    notebook = nbformat.read(file, as_version=4)
    client = NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}}
    )
    client.execute()
    printed = [
        output["text"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output["output_type"] == "stream" and output["name"] == "stdout"
    ]
    assert printed
    assert "nan" not in "".join(printed)


@pytest.mark.parametrize("file", TUTORIALS, ids=lambda file: file.stem)
def test_a_tutorial_is_kept_with_its_outputs(file):
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    run = [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and render.TAG not in cell.metadata.get("tags", ())
    ]
    assert [cell.execution_count for cell in run] == list(range(1, len(run) + 1))
    for cell in run:
        for output in cell.outputs:
            assert output.output_type != "error"
            again = render.cleaned(copy.deepcopy(output), cell.execution_count)
            assert again == output
