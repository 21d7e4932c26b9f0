"""`kerasbert finetune`: a model learns a task from a file of examples."""

import enum
from typing import Annotated

import typer

from kerasbert.cli.flags import LearningRate, Output, Overwrite, with_flags
from kerasbert.cli.reading import parsed_labels, read_config
from kerasbert.cli.run_config import RunConfig, run_config
from kerasbert.tasks import TASKS

__all__ = ["finetune"]

# The tasks that learn from examples; `kerasbert pretrain` learns from documents.
Kind = enum.Enum("Kind", {name: name for name in TASKS if name != "pretrain"})


@with_flags(RunConfig)
def finetune(
    task: Annotated[Kind, typer.Argument(metavar="TASK", help="What to learn.")],
    output: Output,
    given,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="A YAML file with settings, those of these flags and more: warmup, "
            "decay, weight_decay, clip_norm, layer_decay, accumulation, monitor, "
            "patience, class_weight, freeze_layers, lora_rank, dropout, options, "
            "save_every, jit_compile, rematerialize. Flags win over it.",
        ),
    ] = None,
    learning_rate: LearningRate = None,
    keep_checkpoints: Annotated[
        bool,
        typer.Option(
            "--keep-checkpoints", help="Keep the state of the run at its end."
        ),
    ] = False,
    overwrite: Overwrite = False,
):
    """Train a model for a task; metrics come as JSON.

    The folder of the run holds the model, which `evaluate`, `predict` and `export`
    take, its metrics, its log and its settings. A run that was ended goes on, exactly,
    when the same command is given again.
    """
    if learning_rate is not None:
        given["learning_rate"] = learning_rate
    if "labels" in given:
        given["labels"] = parsed_labels(given["labels"])
    settings = {} if config is None else read_config(config)
    if settings.setdefault("task", task.value) != task.value:
        raise ValueError(
            f"Expected the settings of {task.value} in {config}, got those of "
            f"{settings['task']!r}."
        )
    from kerasbert.cli.finetune_run import run
    from kerasbert.cli.run_folder import RunFolder
    from kerasbert.tasks import task_class

    folder = RunFolder(output)
    folder.check(overwrite)
    settings = {**task_class(task.value).run_settings, **settings, **given}
    run(run_config(**settings), folder, keep_checkpoints, overwrite)
