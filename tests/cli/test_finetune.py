import csv
import json
import pathlib

import pytest

pytest.importorskip("tensorflow")

import yaml

import kerasbert as package
from tests.cli.conftest import OPTIONS
from tests.cli.test_bad_input import refused

pytestmark = pytest.mark.usefixtures("rows")


def test_a_run_writes_its_model_metrics_log_card_and_settings(learned):
    names = sorted(path.name for path in learned.iterdir())
    assert names == [
        *("README.md", "config.yaml", "confusion_matrix.csv", "confusion_matrix.png"),
        *("data.json", "log.csv", "metrics.json", "model", "plan.json"),
        *("printed.json", "report.json"),
    ]
    metrics = json.loads((learned / "metrics.json").read_text())
    assert metrics == json.loads((learned / "printed.json").read_text())
    assert (metrics["epochs"], metrics["epoch"]) == (2, 2)
    log = list(csv.DictReader((learned / "log.csv").read_text().splitlines()))
    assert [row["epoch"] for row in log] == ["0", "1"]
    for name, value in metrics["validation"].items():
        assert float(log[-1][f"val_{name}"]) == pytest.approx(value, rel=1e-6)
    settings = yaml.safe_load((learned / "config.yaml").read_text())
    assert settings["labels"] == {"0": "bad", "1": "good"}
    assert settings["max_length"] == 32
    assert (settings["learning_rate"], settings["warmup"]) == (0.01, 0)
    assert "recipe" not in settings
    card = (learned / "README.md").read_text()
    assert f"| accuracy | {metrics['validation']['accuracy']:.4f} |" in card


def test_evaluate_gives_the_metrics_of_the_run(kerasbert, learned):
    done = kerasbert("evaluate", learned, "--input", "rows.tsv")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found.pop("examples") == 6
    expected = json.loads((learned / "metrics.json").read_text())["validation"]
    assert found == pytest.approx(expected, rel=1e-6)


def test_predict_gives_the_answers_of_the_model_that_is_loaded(kerasbert, learned):
    task = package.load(learned)
    texts = ["a good day", "bad"]
    expected = [
        {"text": text, **answer}
        for text, answer in zip(texts, task.predict(texts), strict=True)
    ]
    done = kerasbert("predict", learned, "--input", "-", stdin=b"a good day\nbad\n")
    assert [json.loads(line) for line in done.out.splitlines()] == expected
    assert expected[0]["scores"].keys() == {"bad", "good"}
    kerasbert("predict", learned, "--input", "rows.tsv", "--output", "answers.jsonl")
    lines = pathlib.Path("answers.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["text"] for line in lines][:2] == [
        "a good day",
        "a bad day",
    ]


def test_export_writes_what_gives_the_labels_of_the_run(kerasbert, learned):
    import tensorflow as tf

    done = kerasbert("export", learned, "served/run")
    assert done.code == 0, done.err
    version, curl = done.out.splitlines()
    assert curl.endswith("/v1/models/run:predict")
    served = tf.saved_model.load(version).signatures["serving_default"]
    [expected] = package.load(learned).predict(["a good day"])
    answer = served(text=tf.constant(["a good day"]))
    assert answer["label"][0].numpy().decode() == expected["label"]
    assert float(answer["score"][0]) == pytest.approx(expected["score"], abs=1e-5)


def test_a_run_that_has_ended_is_not_replaced_unasked(learn, learned):
    before = (learned / "metrics.json").read_bytes()
    refused(learn(*OPTIONS), "has ended", "--overwrite")
    assert (learned / "metrics.json").read_bytes() == before


def test_a_run_that_is_replaced_is_there_until_another_begins(learn, learned):
    pathlib.Path("texts.txt").write_text("good\n\u200b\n", "utf-8")
    before = {f: f.read_bytes() for f in learned.rglob("*") if f.is_file()}
    refused(learn("--overwrite", task="fill", train="texts.txt"), "position 1")
    assert before == {f: f.read_bytes() for f in learned.rglob("*") if f.is_file()}
    assert learn("--overwrite", task="fill", train="rows.tsv").code == 0
    assert json.loads((learned / "metrics.json").read_text())["train"].keys() == {
        "loss",
        "perplexity",
    }


@pytest.mark.usefixtures("steps_make_no_graphs")
def test_a_loss_that_is_no_number_ends_in_one_line(learn):
    done = learn("--learning-rate", "1e38")
    assert (done.code, done.out) == (1, "")
    assert done.told.count("\n") == 1
    assert "The loss is nan at step" in done.err


@pytest.mark.parametrize(
    ("content", "words", "fragments"),
    [
        ("", [], ["t.tsv", "empty"]),
        ("a\t1\nb\n", [], ["2 columns", "line 2", "t.tsv"]),
        ("a\t1\nb\t1\n", [], ["two labels or more", "t.tsv"]),
        ("a\t1\nb\t2\n", ["--labels", "1,3"], ["'2' in line 2", "t.tsv", "--labels"]),
        ("a\t1\nb\t2\n", ["--labels", "1=x,2"], ["names for all labels"]),
        ("a\t1\nb\t2\n", ["--validation", "rows.tsv"], ["'0' in line 2", "rows.tsv"]),
        ("a\t1\nb\t2\n", ["--text-column", "body"], ["'body'", "t.tsv"]),
        ("a\t1\nb\t2\n", ["--epochs", "0"], ["epochs", "1 or more"]),
        ("a\t1\nb\t2\n", ["--learning-rate", "-1"], ["learning_rate", "above 0"]),
        ("a\t1\nb\t2\n", ["--train", "none.tsv"], ["none.tsv"]),
    ],
)
def test_examples_that_are_none_are_refused_and_nothing_is_left(
    learn, tmp_path, content, words, fragments
):
    (tmp_path / "t.tsv").write_text(content)
    refused(learn(*words, train="t.tsv"), *fragments)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("settings", "fragments"),
    [
        ("epoch: 3", ["'epoch'", "epochs", "lora_rank"]),
        ("seed: many", ["seed", "a whole number", "'many'"]),
        ("warmup: 2", ["warmup", "below 1"]),
        ("task: tag", ["classify", "'tag'"]),
        ("monitor: val_accuracy", ["--validation"]),
        ("class_weight: heavy", ["class_weight", "balanced"]),
        ("class_weight: {2: 1.0}", ["class weights", "2"]),
        ("a: [", ["YAML", "settings.yaml"]),
        ("words", ["epochs: 3", "settings.yaml"]),
    ],
)
def test_settings_that_are_none_are_refused(learn, tmp_path, settings, fragments):
    (tmp_path / "settings.yaml").write_text(settings)
    refused(learn("--config", "settings.yaml"), *fragments)


@pytest.mark.usefixtures("steps_make_no_graphs")
def test_logs_for_tensorboard_are_those_of_the_run(learn):
    pytest.importorskip("tensorboard")
    import tensorflow as tf

    done = learn("--tensorboard", "--validation", "rows.tsv")
    assert done.code == 0, done.err
    [file] = pathlib.Path("run/tensorboard/validation").iterdir()
    found = [
        (event.step, tf.make_ndarray(value.tensor).item())
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
        if value.tag == "epoch_accuracy"
    ]
    log = csv.DictReader(pathlib.Path("run/log.csv").read_text().splitlines())
    expected = [(int(row["epoch"]), float(row["val_accuracy"])) for row in log]
    assert found == expected


def test_without_tensorboard_the_run_does_not_begin(learn, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    refused(learn("--tensorboard"), "pip install 'kerasbert[tensorboard]'")
    assert not pathlib.Path("run").exists()


def test_a_run_is_a_model_for_other_commands_and_for_the_next_run(
    learn, learned, kerasbert
):
    [expected] = kerasbert("embed", "--model", "run/model", "good").out.splitlines()
    done = kerasbert("embed", "--model", "run", "good")
    assert (done.code, done.out) == (0, f"{expected}\n")
    words = ("finetune", "classify", "--model", "run", "--train", "rows.tsv")
    labels = ("--labels", "0=bad,1=good")
    small = ("--epochs", 1, "--learning-rate", "1e-9", "--output", "next")
    assert kerasbert(*words, *labels, *small).code == 0
    texts = ["a good day", "bad"]
    before, after = (package.load(run).predict(texts) for run in ("run", "next"))
    for one, other in zip(before, after, strict=True):
        assert one["scores"] == pytest.approx(other["scores"], abs=1e-5)


@pytest.mark.usefixtures("steps_make_no_graphs")
def test_several_columns_of_labels_are_labels_of_which_a_text_may_have_several(
    learn, kerasbert
):
    rows = ["text,good,long,odd", "a good day,1,1,0", "a day,0,0,0", "good,1,0,0"]
    pathlib.Path("columns.csv").write_text("\n".join(rows))
    columns = [
        *("--label-column", "good", "--label-column", "long"),
        *("--label-column", "odd"),
    ]
    done = learn(*columns, train="columns.csv")
    assert done.code == 0, done.err
    # The labels are the columns, also one that no text of the training has.
    assert package.load("run").labels == ["good", "long", "odd"]
    done = kerasbert("evaluate", "run", "--input", "columns.csv")
    assert json.loads(done.out)["examples"] == 3
    done = learn(*columns, "--one-label", train="columns.csv", output="other")
    refused(done, "one label", "--one-label")


def test_a_folder_of_other_things_is_not_touched(learn, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    refused(learn("--overwrite"), "other files")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["notes.txt"]


def test_without_a_model_or_examples_there_is_no_run(kerasbert):
    refused(kerasbert("finetune", "classify", "--output", "run"), "--model")
    words = ("finetune", "classify", "--output", "run", "--model", "minilm")
    refused(kerasbert(*words), "--train")


def test_a_task_that_learns_from_documents_is_not_among_the_tasks(kerasbert):
    done = kerasbert("finetune", "pretrain", "--train", "rows.tsv", "--output", "run")
    assert done.code == 2
    assert "'pretrain' is not one of 'classify'" in done.err
    assert not pathlib.Path("run").exists()
