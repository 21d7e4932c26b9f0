"""Settings of `kerasbert distill`, from flags and a YAML file."""

import dataclasses

from kerasbert.cli.flags import SEVERAL_FILES, dtype_flag, flag, seed_flag
from kerasbert.cli.run_config import checked_values

__all__ = ["DistillConfig", "distill_config"]


@dataclasses.dataclass(frozen=True)
class DistillConfig:
    """What a distillation is told; a field with a flag has its help."""

    teacher: str = flag("The large model.", "", names=("--teacher", "-t"))
    corpus: list = flag(
        "Texts, a line each (.txt), or a table (.csv, .tsv, .jsonl).",
        kind=list[str],
        metavar=SEVERAL_FILES,
    )
    validation: str | None = flag("Texts to compare on every epoch.", metavar="FILE")
    epochs: int = flag("Number of epochs; default 1.", 1, kind=int)
    batch_size: int = flag("Texts per batch; default 64.", 64, kind=int)
    max_length: int | None = flag(
        "Maximum number of tokens of a text in training.", kind=int
    )
    seed: int = seed_flag()
    dtype: str | None = dtype_flag()
    # The layers of the teacher that the student begins with, from 0; None: all.
    layers: list | None = None
    # Width of factorized embeddings of a student that is an ALBERT, and the number of
    # layers that share the weights of each of `layers`.
    embedding_size: int | None = None
    repeats: int = 1
    # Bits of kernels and tables, which are rounded in training and packed at its end.
    bits: int | dict | None = None
    # Weights of the losses of the output, of hidden states and of attention.
    output: float = 1.0
    hidden_states: float = 0.0
    attention: float = 0.0
    # What the logits of classes are divided by.
    temperature: float = 1.0
    # Whether the student has dropout in training.
    dropout: bool = False
    # The number of steps after which the state is saved, besides every epoch.
    save_every: int | None = 500
    # The fields of the `Recipe` stand beside these in a file.
    recipe: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        for name in ("teacher", "corpus"):
            if not getattr(self, name):
                raise ValueError(f"Expected --{name}, or {name} in the --config file.")
        for name, least in (
            *(("epochs", 1), ("batch_size", 1), ("seed", 0), ("save_every", 1)),
            *(("repeats", 1), ("embedding_size", 1)),
        ):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"Expected {name} to be {least} or more, got {value}.")

    def optimizer(self):
        """Returns the `Recipe`, which rounds where there are bits."""
        from kerasbert.training import Recipe, RoundedRecipe

        if self.bits is None:
            return Recipe(**self.recipe)
        return RoundedRecipe(**self.recipe, bits=self.bits)

    def values(self):
        """Returns all settings by name, as in a file."""
        values = dataclasses.asdict(self)
        return values | values.pop("recipe")


def distill_config(**values):
    """Creates the config of a distillation.

    Example:
        >>> config = distill_config(
        ...     teacher="minilm", corpus="texts.txt", bits={"kernel": 6}, warmup="0.2")
        >>> config.corpus, config.optimizer().warmup
        (['texts.txt'], 0.2)
    """
    if isinstance(values.get("corpus"), str):
        values["corpus"] = [values["corpus"]]
    values, recipe = checked_values(values, DistillConfig)
    return DistillConfig(**values, recipe=recipe)
