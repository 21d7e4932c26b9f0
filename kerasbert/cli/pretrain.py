"""`kerasbert pretrain`: a BERT or ALBERT from raw text."""

from typing import Annotated

import typer

from kerasbert.cli.flags import LearningRate, Output, Overwrite, with_flags
from kerasbert.cli.pretrain_config import PretrainConfig, pretrain_config, read_recipe

__all__ = ["pretrain"]


@with_flags(PretrainConfig)
def pretrain(
    output: Output,
    given,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="A recipe, such as bert_tiny or albert_base, or a YAML file with "
            "settings, those of these flags and more: family, architecture, "
            "initialization, pair_task, mask_rate, whole_words, max_ngram, "
            "short_probability, validate_every, batch_ramp, first_mask_rate, "
            "first_max_length, first_fraction, words, warmup, decay, weight_decay, "
            "clip_norm, accumulation, algorithm, save_every. Flags win over it.",
        ),
    ] = None,
    learning_rate: LearningRate = None,
    overwrite: Overwrite = False,
):
    """Pretrain a BERT or ALBERT on documents; metrics come as JSON.

    With --model, the pretraining of that model continues, for another domain, say. The
    folder of the run holds a model that all other commands take. A run that was ended
    goes on, exactly, when the same command is given again.
    """
    if learning_rate is not None:
        given["learning_rate"] = learning_rate
    settings = {} if config is None else read_recipe(config)
    lengths = ("epochs", "steps", "hours")
    if any(name in given for name in lengths):
        settings = {name: x for name, x in settings.items() if name not in lengths}
    config = pretrain_config(**{**settings, **given})
    from kerasbert.cli.pretrain_run import run
    from kerasbert.cli.run_folder import RunFolder

    folder = RunFolder(output)
    folder.check(overwrite)
    run(config, folder, overwrite)
