"""`kerasbert distill`: a small model learns what a large one computes."""

from typing import Annotated

import typer

from kerasbert.cli.distill_config import DistillConfig, distill_config
from kerasbert.cli.flags import LearningRate, Output, Overwrite, parsed_bits, with_flags
from kerasbert.cli.reading import read_config

__all__ = ["distill"]


@with_flags(DistillConfig)
def distill(
    output: Output,
    given,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="A YAML file with settings, those of these flags and more: layers, "
            "embedding_size, repeats, bits, output, hidden_states, attention, "
            "temperature, dropout, warmup, decay, weight_decay, clip_norm, "
            "layer_decay, save_every. Flags win over it.",
        ),
    ] = None,
    bits: Annotated[
        str | None,
        typer.Option(
            "--bits",
            help="Train rounded weights and pack them: 4 to 8, or "
            "token_embedding=4,kernel=6.",
        ),
    ] = None,
    learning_rate: LearningRate = None,
    overwrite: Overwrite = False,
):
    """Train a small model to compute what a large one does; metrics come as JSON.

    The teacher embeds, classifies or scores texts; the student is made of its layers.
    The folder of the run holds the student, which the other commands take. A run that
    was ended goes on, exactly, when the same command is given again.
    """
    if learning_rate is not None:
        given["learning_rate"] = learning_rate
    if bits is not None:
        given["bits"] = parsed_bits(bits)
    settings = {} if config is None else read_config(config)
    config = distill_config(**{**settings, **given})
    from kerasbert.cli.distill_run import run
    from kerasbert.cli.run_folder import RunFolder

    folder = RunFolder(output)
    folder.check(overwrite)
    run(config, folder, overwrite)
