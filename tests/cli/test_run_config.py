import dataclasses
import inspect

import pytest
import typer.testing

from kerasbert.cli.evaluate import evaluate
from kerasbert.cli.finetune import finetune
from kerasbert.cli.flags import flag, with_flags
from kerasbert.cli.reading import read_config
from kerasbert.cli.run_config import RunConfig, run_config, write_config

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


def test_commands_have_the_flags_of_their_settings():
    flags = {field.name for field in dataclasses.fields(RunConfig) if field.metadata}
    assert {"label_smoothing", "epochs", "label_column", "encoding"} <= flags
    assert flags <= set(inspect.signature(finetune).parameters)
    assert "given" not in inspect.signature(evaluate).parameters
    assert "epochs" not in inspect.signature(evaluate).parameters


def test_a_command_gets_what_was_given_and_nothing_else():
    @dataclasses.dataclass
    class Options:
        rate: float | None = flag("A number.", kind=float)
        form: str | None = flag("One of a few.", choices=("a", "b"))
        column: str | list | None = flag("One or several.", kind=list[str])
        left_out: str | None = flag("Left out.")
        plain: str = "no flag"

    app, seen = typer.Typer(), []

    @app.command()
    @with_flags(Options)
    def command(name: str, given):
        seen.append((name, given))

    run = typer.testing.CliRunner().invoke
    done = run(app, ["x", "--rate", "0.5", "--form", "b", "--column", "1"])
    assert done.exit_code == 0, done.output
    assert run(app, ["x", "--column", "1", "--column", "2"]).exit_code == 0
    assert run(app, ["x", "--form", "c"]).exit_code == 2
    assert seen == [
        ("x", {"rate": 0.5, "form": "b", "column": "1"}),
        ("x", {"column": ["1", "2"]}),
    ]
