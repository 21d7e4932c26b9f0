import json
import pathlib

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import yaml

import kerasbert as package
from kerasbert.compression.distiller import compare_vectors
from tests.cli.test_bad_input import refused

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
TEACHER = FIXTURES / "sentence_mean" / "sentence_transformers"
TEXTS = ["a cat", "the bank", "hello", "it rains", "two", "a dog"]
SETTINGS = {
    "layers": [0],
    "bits": {"token_embedding": 4, "kernel": 6},
    "hidden_states": 0.5,
    "max_length": 12,
    "epochs": 2,
    "batch_size": 4,
    "learning_rate": "1e-3",
}


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("texts.txt").write_text("\n".join(TEXTS) + "\n")
    pathlib.Path("more.txt").write_text("sun\n")
    pathlib.Path("small.yaml").write_text(yaml.safe_dump(SETTINGS))
    return tmp_path


COMMAND = (
    *("distill", "--teacher", TEACHER, "--config", "small.yaml"),
    *("--corpus", "texts.txt", "--corpus", "more.txt"),
)


def test_a_run_writes_a_packed_student_its_metrics_and_card(kerasbert, files):
    done = kerasbert(*COMMAND, "--validation", "texts.txt", "--output", "run")
    assert done.code == 0, done.err
    metrics = json.loads(done.out)
    assert metrics == json.loads(pathlib.Path("run/metrics.json").read_text())
    assert (metrics["texts"], metrics["epochs"]) == (7, 2)
    teacher = package.TextEmbedder.from_pretrained(TEACHER)
    student = package.load("run")
    assert student.max_length == teacher.max_length
    assert student.encoder.config.num_hidden_layers == 1
    assert student.encoder.config.hidden_dropout_prob == (
        teacher.encoder.config.hidden_dropout_prob
    )
    expected = compare_vectors(teacher.encode(TEXTS), student.encode(TEXTS))
    assert metrics["validation"] == pytest.approx(expected, abs=1e-5)
    found = sorted(path.name for path in pathlib.Path("run").iterdir())
    names = ["README.md", "config.yaml", "data.json", "log.csv", "metrics.json"]
    assert found == [*names, "model", "plan.json"]
    settings = yaml.safe_load(pathlib.Path("run/config.yaml").read_text())
    assert settings["bits"] == SETTINGS["bits"]
    assert settings["learning_rate"] == 1e-3
    card = pathlib.Path("run/README.md").read_text()
    assert "token_embedding in 4 bits" in card
    assert f"| cosine | {metrics['validation']['cosine']:.4f} |" in card
    assert pathlib.Path("run/model/packed.safetensors").exists()

    again = kerasbert(*COMMAND, "--output", "run")
    assert again.code == 2
    assert "The run in run has ended" in again.err


@pytest.mark.slow
def test_a_run_that_is_ended_goes_on_to_the_same_weights(kerasbert, files, monkeypatch):
    from kerasbert.compression import Distiller

    fit, outputs = Distiller.fit, Distiller.teacher_outputs
    computed = []

    def interrupted(self, *args, callbacks, **options):
        from tests.training.killed import KillAfter

        return fit(self, *args, callbacks=[*callbacks, KillAfter(3)], **options)

    def counted(self, inputs):
        computed.append(len(inputs))
        return outputs(self, inputs)

    monkeypatch.setattr(Distiller, "teacher_outputs", counted)
    settings = {**SETTINGS, "save_every": 1, "layers": None, "hidden_states": 0.0}
    settings["dtype"] = "mixed_bfloat16"
    pathlib.Path("small.yaml").write_text(yaml.safe_dump(settings))
    assert kerasbert(*COMMAND, "--output", "whole").code == 0
    monkeypatch.setattr(Distiller, "fit", interrupted)
    assert kerasbert(*COMMAND, "--output", "run").code == 1
    monkeypatch.setattr(Distiller, "fit", fit)
    done = kerasbert(*COMMAND, "--output", "run")
    assert done.code == 0, done.err
    assert computed == [7, 7]  # once a run
    expected = package.load("whole").encode(TEXTS)
    np.testing.assert_array_equal(package.load("run").encode(TEXTS), expected)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--corpus", "none.txt"], "none.txt"),
        (["--bits", "12"], "Expected bits to be a number from 4 to 8"),
        (["--bits", "kernel"], "Expected --bits to be a number from 4 to 8"),
        (["--epochs", "0"], "Expected epochs to be 1 or more, got 0"),
        (["--teacher", FIXTURES / "tiny_vocabulary"], ""),
    ],
)
def test_bad_flags_are_refused(kerasbert, files, words, told):
    done = kerasbert(*COMMAND, "--output", "run", *words)
    refused(done, told)
    assert not pathlib.Path("run").exists()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"layer": [0]}, "Expected a setting among teacher, corpus"),
        ({"layers": [7]}, "Expected layers from 0 to 1 (the teacher's)"),
        ({"output": 0}, "Expected a weight above 0 for some loss"),
        ({"bits": {"kernal": 4}}, "'kernal', which no kernel or table"),
        ({"bits": 4, "accumulation": 2}, "Expected accumulation=1 with bits"),
        ({"attention": "much"}, "Expected attention to be a number, got 'much'"),
    ],
)
def test_bad_settings_are_refused(kerasbert, files, settings, told):
    pathlib.Path("small.yaml").write_text(yaml.safe_dump(settings))
    done = kerasbert(*COMMAND, "--output", "run")
    refused(done, told)
    assert not pathlib.Path("run").exists()


def test_an_empty_corpus_and_no_corpus_are_refused(kerasbert, files):
    pathlib.Path("empty.txt").write_text("")
    words = ("distill", "--teacher", TEACHER, "--output", "run")
    done = kerasbert(*words, "--corpus", "empty.txt")
    refused(done, "Expected texts in empty.txt, got none")
    refused(kerasbert(*words), "Expected --corpus, or corpus in")
