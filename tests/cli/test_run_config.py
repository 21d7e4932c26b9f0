import pytest

from kerasbert.cli.run_config import read_config, run_config, write_config

GIVEN = {"task": "classify", "model": "minilm", "train": "train.tsv"}


def test_what_is_written_is_read_again(tmp_path):
    config = run_config(
        **GIVEN,
        learning_rate="1e-4",
        clip_norm=None,
        labels={"0": "否", "1": "是"},
        class_weight={"否": 2.0},
        label_column=["a", "b"],
        options={"threshold": 0.3},
    )
    write_config(config, tmp_path / "config.yaml")
    assert run_config(**read_config(tmp_path / "config.yaml")) == config
    assert config.recipe.learning_rate == 1e-4
    assert config.recipe.clip_norm is None


def test_a_truth_value_is_no_number():
    for name in ("epochs", "learning_rate"):
        with pytest.raises(ValueError, match=f"{name} to be a .*number, got True"):
            run_config(**GIVEN, **{name: True})


def test_labels_are_those_that_names_are_given_to():
    assert run_config(**GIVEN, labels={0: "bad", 1: "good", 2: "good"}).label_names == [
        *("bad", "good")
    ]
    assert run_config(**GIVEN, labels=[1, 2]).label_names == ["1", "2"]
    assert run_config(**GIVEN).label_names is None
