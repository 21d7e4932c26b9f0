"""Settings of `kerasbert pretrain`, from flags and a YAML file."""

import dataclasses
import pathlib

from kerasbert.cli.flags import (
    SEVERAL_FILES,
    devices_flag,
    dtype_flag,
    flag,
    seed_flag,
)
from kerasbert.cli.reading import read_config
from kerasbert.cli.run_config import checked_values
from kerasbert.config import check_initialization

__all__ = ["PretrainConfig", "pretrain_config", "read_recipe", "recipe_names"]

RECIPES = pathlib.Path(__file__).parent / "recipes"
FAMILIES = ("bert", "albert")


@dataclasses.dataclass(frozen=True)
class PretrainConfig:
    """What a pretraining is told; a field with a flag has its help."""

    corpus: list = flag(
        "Documents: text with a sentence a line and empty lines between documents, or "
        "JSON lines (.jsonl) with a text each.",
        kind=list[str],
        metavar=SEVERAL_FILES,
    )
    validation: str | None = flag(
        "Held-out documents, evaluated on after every epoch.", metavar="FILE"
    )
    model: str | None = flag(
        "A model whose pretraining continues; without it, weights are random.",
        names=("--model", "-m"),
        metavar="SRC",
    )
    vocabulary: str | None = flag(
        "The vocabulary of a model with random weights.", metavar="SRC"
    )
    vocab_size: int | None = flag(
        "Train a vocabulary of this size on the corpus, instead of --vocabulary.",
        kind=int,
    )
    epochs: int = flag("Number of passes over the corpus; default 1.", 1, kind=int)
    steps: int | None = flag(
        "Number of batches, instead of --epochs; the corpus need not fit into "
        "memory then.",
        kind=int,
    )
    hours: float | None = flag("Time budget in hours, instead of --steps.", kind=float)
    batch_size: int = flag("Sequences per batch; default 32.", 32, kind=int)
    max_length: int | None = flag("Maximum number of tokens of a sequence.", kind=int)
    seed: int = seed_flag()
    dtype: str | None = dtype_flag()
    devices: str | None = devices_flag()
    rematerialize: bool = flag(
        "Compute activations again in the backward pass: less memory, more time.",
        False,
        kind=bool,
        names="--rematerialize",
    )
    skip_invalid: bool = flag(
        "Leave out lines that are not UTF-8.", False, kind=bool, names="--skip-invalid"
    )
    tensorboard: bool = flag(
        "Write logs for TensorBoard.", False, kind=bool, names="--tensorboard"
    )
    # The encoder of random weights: bert or albert, arguments of its config, and what
    # the weights are at first: normal; or, with steps or hours, local, for little text.
    family: str = "bert"
    architecture: dict = dataclasses.field(default_factory=dict)
    initialization: str = "normal"
    # Arguments of the Pretrainer.
    pair_task: str = "none"
    mask_rate: float = 0.15
    whole_words: bool = False
    max_ngram: int = 1
    short_probability: float = 0.1
    # With steps or hours: number of steps between validations, number of first steps
    # in which the batch grows, masking rate of the first step, the longest sequence in
    # the first fraction of the steps, and what words are: spaces or jieba.
    validate_every: int = 1000
    batch_ramp: int = 0
    first_mask_rate: float | None = None
    first_max_length: int | None = None
    first_fraction: float = 0.9
    words: str | None = None
    # The number of steps after which the state is saved, besides every epoch.
    save_every: int | None = 500
    # The fields of the `Recipe` stand beside these in a file.
    recipe: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if not self.corpus:
            raise ValueError("Expected --corpus, or corpus in the --config file.")
        sources = (self.model, self.vocabulary, self.vocab_size)
        if sum(source is not None for source in sources) != 1:
            raise ValueError(
                "Expected either --model, to go on with its pretraining, or "
                "--vocabulary, for random weights, or --vocab-size, for a new "
                "vocabulary, too."
            )
        if self.steps is not None and self.hours is not None:
            raise ValueError("Expected --steps or --hours, got both.")
        if self.hours is not None and self.hours <= 0:
            raise ValueError(f"Expected hours above 0, got {self.hours}.")
        check_initialization(self.initialization)
        streamed = ("vocab_size", "batch_ramp", "first_mask_rate", "words")
        streamed += ("first_max_length",)
        given = [name for name in streamed if getattr(self, name)]
        if self.initialization != "normal":
            given.append("initialization")
        if given and not self.is_streamed:
            raise ValueError(f"Expected --steps or --hours with {', '.join(given)}.")
        if self.family not in FAMILIES:
            raise ValueError(
                f"Expected a family among {', '.join(FAMILIES)}, got {self.family!r}."
            )
        for name, least in (
            *(("epochs", 1), ("batch_size", 1), ("seed", 0), ("save_every", 1)),
            *(("max_ngram", 1), ("steps", 1), ("validate_every", 1)),
            *(("batch_ramp", 0), ("vocab_size", 10)),
        ):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"Expected {name} to be {least} or more, got {value}.")

    @property
    def is_streamed(self):
        """Whether the corpus is tokenized to files."""
        return self.steps is not None or self.hours is not None

    def task_options(self):
        """Returns the arguments of the `Pretrainer`."""
        names = (
            *("max_length", "dtype", "pair_task", "mask_rate", "whole_words"),
            *("max_ngram", "short_probability"),
        )
        return {name: getattr(self, name) for name in names} | {
            "corpus_seed": self.seed
        }

    def schedule(self):
        """Returns the arguments of `Pretrainer.fit_corpus` for its first steps."""
        names = ("batch_ramp", "first_mask_rate", "first_max_length", "first_fraction")
        return {name: getattr(self, name) for name in names}

    def values(self):
        """Returns all settings by name, as in a file."""
        values = dataclasses.asdict(self)
        return values | values.pop("recipe")


def pretrain_config(**values):
    """Creates the config of a pretraining.

    Example:
        >>> config = pretrain_config(
        ...     corpus="texts.txt", model="minilm", pair_task="sentence_order")
        >>> config.corpus, config.task_options()["pair_task"]
        (['texts.txt'], 'sentence_order')
    """
    if isinstance(values.get("corpus"), str):
        values["corpus"] = [values["corpus"]]
    values, recipe = checked_values(values, PretrainConfig)
    return PretrainConfig(**values, recipe=recipe)


def recipe_names():
    """Returns the names of the recipes that ship.

    Example:
        >>> "bert_tiny" in recipe_names()
        True
    """
    return sorted(file.stem for file in RECIPES.glob("*.yaml"))


def read_recipe(name):
    """Reads the settings of a YAML file, or of a recipe that ships, by name."""
    if name in recipe_names():
        return read_config(RECIPES / f"{name}.yaml")
    if not pathlib.Path(name).exists():
        raise FileNotFoundError(
            f"Expected a YAML file or a recipe among {', '.join(recipe_names())}, got "
            f"{name!r}."
        )
    return read_config(name)
