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
    for name in ("a", "b"):
        pathlib.Path(f"{name}.txt").write_text(DOCUMENT * 2)
    options = ("--corpus", "a.txt", "b.txt", "--validation", "texts.txt")
    done = kerasbert(*COMMAND, *options, "--output", "run")
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
        (("--corpus", "texts.txt", "--devices", "all"), "--devices data"),
        (("--corpus", "texts.txt", "--devices", "data"), "two devices or more"),
        (("--corpus", "texts.txt", "--devices", "model=2"), "KERAS_BACKEND=jax"),
        (("--corpus", "texts.txt", "none.txt"), "none.txt"),
        (("--corpus=texts.txt", "none.txt"), "none.txt"),
        (("--seed", "1", "texts.txt"), "unexpected extra argument"),
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


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"initialization": "small"}, "an initialization among normal, local"),
        ({"initialization": "local"}, "--steps or --hours with initialization"),
        ({"first_max_length": 8}, "--steps or --hours with first_max_length"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        pretrain_config(**SETTINGS, **settings, corpus="a.txt", vocabulary="b")


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
    recipe = package.Recipe(**config.recipe)
    if config.hours is not None:
        assert (config.batch_size * recipe.accumulation, config.hours) == (4096, 24)
        return
    if config.initialization != "normal":  # of our own, for little text
        assert name == "bert_small_corpus"
        assert config.first_max_length < config.max_length
        return
    assert config.pair_task != "none"
    if config.family == "bert":
        assert (recipe.learning_rate, config.epochs) == (1e-4, 40)
        return
    sequences, updates = config.batch_size * recipe.accumulation, 125_000
    assert (recipe.algorithm, recipe.learning_rate) == ("lamb", 1.76e-3)
    assert (sequences, config.steps) == (4096, updates * recipe.accumulation)
    assert recipe.warmup * updates == 3125


STREAMED = {
    **SETTINGS,
    "family": "albert",
    "pair_task": "sentence_order",
    "max_ngram": 3,
    "initialization": "local",
    "first_mask_rate": 0.3,
    "first_max_length": 8,
    "first_fraction": 0.5,
    "batch_ramp": 2,
    "vocab_size": 40,
    "steps": 4,
    "validate_every": 2,
    "save_every": 1,
    "algorithm": "lamb",
}
STREAMED["architecture"] = {**SETTINGS["architecture"], "embedding_size": 8}


def test_a_streamed_run_trains_its_vocabulary_and_goes_on(
    kerasbert, files, monkeypatch
):
    pytest.importorskip("sentencepiece")
    from kerasbert.cli import pretrain_run
    from tests.training.killed import KillAfter

    pathlib.Path("streamed.yaml").write_text(yaml.safe_dump(STREAMED))
    command = ("pretrain", "--config", "streamed.yaml", "--corpus", "texts.txt")
    command += ("--validation", "one.txt", "--output")
    whole = kerasbert(*command, "whole")
    assert whole.code == 0, whole.err
    assert "part 2 of 2: loss" in whole.err and "left" in whole.err
    size = package.load("whole").tokenizer.vocabulary_size
    told = f"a new vocabulary of {size} tokens: the text has no more pieces"
    assert size < 40 and told in whole.err
    with monkeypatch.context() as patch:
        patch.setattr(pretrain_run, "TimeLeft", lambda: KillAfter(3))
        killed = kerasbert(*command, "run")
    assert killed.code == 1 and "Killed" in killed.err
    again = kerasbert(*command, "run")
    assert json.loads(again.out) == json.loads(whole.out)
    metrics = json.loads(whole.out)
    assert (metrics["documents"], metrics["steps"]) == (4, 4)
    assert "pair_logits_accuracy" in metrics["validation"]
    assert package.load("run").tokenizer.vocabulary_size == size
    assert not pathlib.Path("run/checkpoints").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--corpus", "one.txt", "--steps", 2), "two documents or more"),
        (("--corpus", "texts.txt", "--steps", 2, "--batch-size", 500), "500 rows"),
        (("--corpus", "none.txt", "--steps", 2), "none.txt"),
        (("--corpus", "texts.txt", "--steps", 2, "--hours", 1), "got both"),
        (("--corpus", "texts.txt", "--vocab-size", 40), "either --model"),
    ],
)
def test_a_bad_corpus_of_a_streamed_run_is_refused(kerasbert, files, options, message):
    done = kerasbert(*COMMAND, *options, "--output", "run")
    refused(done)
    assert message in done.err


def test_a_run_is_not_replaced_where_corpus_or_settings_are_bad(kerasbert, files):
    pathlib.Path("bad.txt").write_bytes(b"good\n\xff\n\nbook\n")
    pathlib.Path("run").mkdir()
    for name in ("config.yaml", "metrics.json"):
        pathlib.Path("run", name).write_text("{}\n")
    for changed in ({"first_mask_rate": 1.5}, {"first_max_length": 16}):
        [name] = changed
        pathlib.Path(f"{name}.yaml").write_text(yaml.safe_dump(SETTINGS | changed))
    for corpus, config, told in (
        ("none.txt", "tiny", "none.txt"),
        ("one.txt", "tiny", "two documents or more"),
        ("bad.txt", "tiny", "UTF-8"),
        ("texts.txt", "first_mask_rate", "Expected first_mask_rate above 0"),
        ("texts.txt", "first_max_length", "below max_length (16)"),
    ):
        options = ("--corpus", corpus, "--output", "run", "--overwrite")
        options += ("--config", f"{config}.yaml", "--vocabulary", SOURCE)
        done = kerasbert("pretrain", *options, "--steps", "2")
        assert done.code == 2 and told in done.err
        assert pathlib.Path("run/metrics.json").read_text() == "{}\n"
    assert not list(pathlib.Path().glob(".run*"))
    options = ("--corpus", "texts.txt", "--output", "run", "--overwrite")
    done = kerasbert(*COMMAND, *options, "--steps", "1")
    assert done.code == 0, done.err
    assert json.loads(pathlib.Path("run/metrics.json").read_text())["steps"] == 1
    assert not list(pathlib.Path().glob(".run*"))


def test_an_architecture_beside_a_model_is_told(kerasbert, files):
    options = ("--corpus", "texts.txt", "--output", "run", "--epochs", "1")
    done = kerasbert("pretrain", "--config", "tiny.yaml", "--model", SOURCE, *options)
    assert done.code == 0, done.err
    assert "has an architecture and weights of its own" in done.err
