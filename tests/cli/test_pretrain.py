import json
import pathlib

import pytest

pytest.importorskip("tensorflow")

import yaml

import kerasbert as package
from kerasbert.cli.pretrain_config import pretrain_config, read_recipe, recipe_names
from tests.cli.test_bad_input import refused

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
SOURCE = FIXTURES / "bert_masked_lm" / "huggingface"
SETTINGS = {
    "architecture": {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
    },
    "pair_task": "next_sentence",
    "max_length": 16,
    "batch_size": 4,
    "learning_rate": "1e-3",
}
DOCUMENT = "the film is good\na bad book\ni read a book\n\n"


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("texts.txt").write_text(DOCUMENT * 4)
    pathlib.Path("one.txt").write_text(DOCUMENT)
    pathlib.Path("tiny.yaml").write_text(yaml.safe_dump(SETTINGS))
    return tmp_path


COMMAND = ("pretrain", "--config", "tiny.yaml", "--vocabulary", SOURCE)


def test_a_run_writes_a_model_for_other_tasks(kerasbert, files):
    options = ("--corpus", "texts.txt", "--validation", "texts.txt", "--output", "run")
    done = kerasbert(*COMMAND, *options)
    assert done.code == 0, done.err
    metrics = json.loads(done.out)
    assert metrics == json.loads(pathlib.Path("run/metrics.json").read_text())
    assert metrics["documents"] == 4
    found = package.load("run").evaluate([DOCUMENT.split("\n")[:3]] * 4, batch_size=4)
    assert found["loss"] == pytest.approx(metrics["validation"]["loss"], rel=1e-5)
    with pytest.warns(UserWarning, match="new and untrained"):
        task = package.TextClassifier.from_pretrained("run", labels=["a", "b"])
    assert task.encoder.config.hidden_size == 16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--corpus", "one.txt"), "two documents or more"),
        (("--corpus", "texts.txt", "--batch-size", 500), "500 sequences, a batch"),
        (("--corpus", "texts.txt", "--model", SOURCE), "either --model"),
        (("--corpus", "none.txt"), "none.txt"),
        ((), "Expected --corpus"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(
    kerasbert, files, options, message
):
    done = kerasbert(*COMMAND, *options, "--output", "run")
    refused(done)
    assert message in done.err
    assert not pathlib.Path("run").exists()


def test_unknown_settings_and_recipes_are_refused(kerasbert, files):
    pathlib.Path("tiny.yaml").write_text("mask_part: 0.1\n")
    options = ("--corpus", "texts.txt", "--output", "run")
    done = kerasbert(*COMMAND, *options)
    refused(done)
    assert "mask_part" in done.err
    with pytest.raises(FileNotFoundError, match="a recipe among albert_base"):
        read_recipe("bert_huge")


def test_a_run_that_was_ended_is_not_resumed_with_another_recipe(kerasbert, files):
    pathlib.Path("run").mkdir()
    before = pretrain_config(**SETTINGS, vocabulary=str(SOURCE), corpus="texts.txt")
    text = yaml.safe_dump(before.values() | {"mask_rate": 0.3})
    pathlib.Path("run/config.yaml").write_text(text)
    done = kerasbert(*COMMAND, "--corpus", "texts.txt", "--output", "run")
    refused(done)
    assert "mask_rate 0.3, not 0.15" in done.err
    assert pathlib.Path("run/config.yaml").read_text() == text


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_are_configs_of_their_family(name):
    settings = read_recipe(name)
    config = pretrain_config(**settings, corpus="a.txt", vocabulary="b")
    kinds = {"bert": package.BertConfig, "albert": package.AlbertConfig}
    shape = kinds[config.family](**config.architecture)
    assert name.startswith(config.family)
    assert shape.intermediate_size == 4 * shape.hidden_size
    assert config.pair_task != "none"
    assert package.Recipe(**config.recipe).learning_rate == 1e-4
