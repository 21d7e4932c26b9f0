"""`kerasbert finetune`: a model learns a task from a file of examples."""

import enum
from typing import Annotated

import typer

from kerasbert.cli import data_options as data

__all__ = ["finetune"]

# Named here and not asked of kerasbert.tasks, so that --help loads nothing.
Kind = enum.Enum(
    "Kind",
    {name: name for name in ("classify", "regress", "tag", "answer", "embed", "fill")},
)


def finetune(
    task: Annotated[Kind, typer.Argument(metavar="TASK", help="What to learn.")],
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="DIR", help="The folder of the run."),
    ],
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="SRC", help="The model.")
    ] = None,
    train: Annotated[
        str | None,
        typer.Option(
            "--train",
            metavar="FILE",
            help="Examples: TSV, CSV or JSON lines; for tags also columns as in CoNLL; "
            "for answers JSON as in SQuAD.",
        ),
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option(
            "--validation", metavar="FILE", help="Examples to test on every epoch."
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="A YAML file with settings, those of these flags and more: warmup, "
            "decay, weight_decay, clip_norm, layer_decay, accumulation, monitor, "
            "patience, class_weight, label_smoothing, freeze_layers, lora_rank, "
            "dropout, options, save_every, jit_compile. Flags win over it.",
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", help="How often to see all; default 3.")
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option("--batch-size", help="Examples of a batch; default 32."),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option("--learning-rate", help="The highest; default 5e-5."),
    ] = None,
    max_length: Annotated[
        int | None, typer.Option("--max-length", help="Most tokens of an example.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Gives all that is random; default 0.")
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option(
            "--dtype", help="Such as mixed_bfloat16, on processors that have it."
        ),
    ] = None,
    labels: data.Labels = None,
    text_column: data.TextColumn = None,
    pair_column: data.PairColumn = None,
    label_column: data.LabelColumns = None,
    weight_column: data.WeightColumn = None,
    multi_label: data.MultiLabel = None,
    label_separator: data.LabelSeparator = None,
    word_prefix: data.WordPrefix = None,
    characters: data.Characters = None,
    format: data.Format = None,
    header: data.Header = None,
    delimiter: data.Delimiter = None,
    encoding: data.Encoding = None,
    sentence_column: data.SentenceColumn = None,
    tensorboard: Annotated[
        bool | None, typer.Option("--tensorboard", help="Write logs for TensorBoard.")
    ] = None,
    keep_checkpoints: Annotated[
        bool,
        typer.Option(
            "--keep-checkpoints", help="Keep the state of the run at its end."
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a run that is there.")
    ] = False,
):
    """Train a model for a task; metrics come as JSON.

    The folder of the run holds the model, which `evaluate`, `predict` and `export`
    take, its metrics, its log and its settings. A run that was ended goes on, exactly,
    when the same command is given again.
    """
    given = {
        "model": model,
        "train": train,
        "validation": validation,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "max_length": max_length,
        "seed": seed,
        "dtype": dtype,
        "labels": data.parsed_labels(labels),
        "tensorboard": tensorboard,
        **data.reading_values(
            text_column=text_column,
            pair_column=pair_column,
            label_column=label_column,
            weight_column=weight_column,
            multi_label=multi_label,
            label_separator=label_separator,
            word_prefix=word_prefix,
            characters=characters,
            format=format,
            header=header,
            delimiter=delimiter,
            encoding=encoding,
            sentence_column=sentence_column,
        ),
    }
    given = {name: value for name, value in given.items() if value is not None}
    from kerasbert.cli.finetune_run import run
    from kerasbert.cli.run_config import read_config, run_config
    from kerasbert.cli.run_folder import RunFolder

    settings = {} if config is None else read_config(config)
    if settings.setdefault("task", task.value) != task.value:
        raise ValueError(
            f"Expected the settings of {task.value} in {config}, got those of "
            f"{settings['task']!r}."
        )
    folder = RunFolder(output)
    folder.check(overwrite)
    run(run_config(**{**settings, **given}), folder, keep_checkpoints, overwrite)
