"""Settings of `kerasbert finetune`, from flags and a YAML file."""

import dataclasses
import types
import typing

from kerasbert.cli.flags import devices_flag, dtype_flag, flag, seed_flag
from kerasbert.cli.reading import ReaderOptions
from kerasbert.files import write_atomically

__all__ = ["RunConfig", "run_config", "write_config"]


def _recipe():
    from kerasbert.training import Recipe  # which loads Keras

    return Recipe()


@dataclasses.dataclass(frozen=True)
class RunConfig(ReaderOptions):
    """What a run is told; a field with a flag has its help, the others its comment."""

    task: str = ""
    model: str = flag("The model.", "", names=("--model", "-m"), metavar="SRC")
    train: str = flag(
        "Examples: TSV, CSV or JSON lines; for tags also columns as in CoNLL; for "
        "answers JSON as in SQuAD; of recordings and images a table of paths, or a "
        "folder of them.",
        "",
        metavar="FILE",
    )
    validation: str | None = flag("Examples to test on every epoch.", metavar="FILE")
    epochs: int = flag("Number of epochs; default 3.", 3, kind=int)
    batch_size: int = flag("Examples per batch; default 32.", 32, kind=int)
    max_length: int | None = flag("Maximum number of tokens of an example.", kind=int)
    label_smoothing: float | None = flag(
        "For classify and tag: which part of each target is spread over all classes.",
        kind=float,
    )
    seed: int = seed_flag()
    dtype: str | None = dtype_flag()
    devices: str | None = devices_flag()
    tensorboard: bool = flag(
        "Write logs for TensorBoard.", False, kind=bool, names="--tensorboard"
    )
    # The fields of the `Recipe` stand beside these in a file.
    recipe: "Recipe" = dataclasses.field(default_factory=_recipe)  # noqa: F821
    # The dropout rate of what a new head takes.
    dropout: float | None = None
    # Other arguments of the task's class, such as `stride`.
    options: dict = dataclasses.field(default_factory=dict)
    # From the names of labels to the weights of their examples, or "balanced".
    class_weight: str | dict | None = None
    # The embeddings and so many layers keep their weights; 0: the embeddings alone.
    freeze_layers: int | None = None
    # The rank of low-rank updates of the attention, which are trained with the head.
    lora_rank: int | None = None
    # Whether the backward pass computes activations again, to save memory.
    rematerialize: bool = False
    # The metric, such as val_accuracy, whose best epoch is kept, and the number of
    # epochs without a better one after which the run stops.
    monitor: str | None = None
    patience: int | None = None
    # The number of steps after which the state is saved, besides every epoch.
    save_every: int | None = 500
    # Whether XLA compiles the steps; None: as Keras decides.
    jit_compile: bool | None = None

    def __post_init__(self):
        for name in ("task", "model", "train"):
            if not getattr(self, name):
                raise ValueError(f"Expected --{name}, or {name} in the --config file.")
        for name, least in (
            *(("epochs", 1), ("batch_size", 1), ("seed", 0), ("freeze_layers", 0)),
            *(("lora_rank", 1), ("patience", 1), ("save_every", 1)),
        ):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"Expected {name} to be {least} or more, got {value}.")
        if isinstance(self.label_column, list) and not self.multi_label:
            raise ValueError(
                "Expected one column of labels where a text has one label, got "
                f"{', '.join(map(str, self.label_column))}. Leave --one-label out."
            )
        weights = self.class_weight
        if weights not in (None, "balanced") and not isinstance(weights, dict):
            raise ValueError(
                "Expected class_weight to be balanced, or a weight for each label, got "
                f"{weights!r}."
            )
        if self.label_smoothing is not None:
            if not 0 <= self.label_smoothing < 1:
                raise ValueError(
                    "Expected label_smoothing from 0 up to below 1, got "
                    f"{self.label_smoothing}."
                )
        if (self.monitor or "").startswith("val_") and self.validation is None:
            raise ValueError(f"Expected --validation, on which to find {self.monitor}.")

    def values(self):
        """Returns all settings by name, as in a file."""
        values = dataclasses.asdict(self)
        return values | values.pop("recipe")


def run_config(**values):
    """Creates the config of a run.

    Example:
        >>> config = run_config(
        ...     task="classify", model="minilm", train="train.tsv", learning_rate="1e-4"
        ... )
        >>> config.recipe.learning_rate, config.epochs
        (0.0001, 3)
    """
    from kerasbert.training import Recipe

    values, recipe = checked_values(values, RunConfig)
    if isinstance(values.get("label_column"), list):
        values.setdefault("multi_label", True)
    return RunConfig(**values, recipe=Recipe(**recipe))


def checked_values(values, config_class):
    """Converts settings to the types of a config's fields; those of a recipe apart."""
    from kerasbert.training import Recipe

    names = [field.name for field in dataclasses.fields(Recipe)]
    fields = (*dataclasses.fields(config_class), *dataclasses.fields(Recipe))
    kinds = {field.name: field.type for field in fields if field.name != "recipe"}
    found, recipe = {}, {}
    for name, value in values.items():
        if name not in kinds:
            known = ", ".join(kinds)
            raise ValueError(f"Expected a setting among {known}; got {name!r}.")
        part = recipe if name in names else found
        part[name] = _value(name, value, kinds[name])
    return found, recipe


def write_config(config, file):
    """Writes a config as YAML for `read_config`."""
    import yaml

    text = yaml.safe_dump(config.values(), sort_keys=False, allow_unicode=True)
    with write_atomically(file) as partial:
        partial.write_text(text, "utf-8")


def _value(name, value, kind):
    """Converts a value to a field's type; YAML reads 1e-4 as a string."""
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if float in kinds and isinstance(value, int | str) and type(value) is not bool:
        try:
            value = float(value)
        except ValueError:
            pass
    if type(value) not in kinds:
        wanted = " or ".join(_NAMES.get(kind, kind.__name__) for kind in kinds)
        raise ValueError(f"Expected {name} to be {wanted}, got {value!r}.")
    return value


_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
    type(None): "null",
}
