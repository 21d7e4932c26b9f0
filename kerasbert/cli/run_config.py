"""What a run of `kerasbert finetune` is told, by its flags and by a YAML file."""

import dataclasses
import types
import typing

from kerasbert.cli.reading import Reading
from kerasbert.files import read_text, write_atomically
from kerasbert.training import Recipe

__all__ = ["RunConfig", "read_config", "run_config", "write_config"]

RECIPE = tuple(field.name for field in dataclasses.fields(Recipe))


@dataclasses.dataclass(frozen=True)
class RunConfig(Reading):
    """What a run is told.

    Args:
        task: The kind of the task.
        model: The source of the model.
        train: The file to learn from.
        validation: The file to test on after every epoch, or None.
        max_length: The longest sequence in tokens.
        dropout: Dropout rate of what a new head takes.
        dtype: A dtype policy, such as `"mixed_bfloat16"`.
        options: Others of the task's class, such as `stride`.
        epochs: Number of epochs.
        batch_size: Examples of a batch.
        seed: Gives a new head, the order of the examples, and dropout.
        recipe: The `Recipe`; its fields stand beside these in a file.
        class_weight: From the names of labels to how much their examples count, or
            `"balanced"`.
        label_smoothing: Which part of each target is spread over all classes, for
            classify and tag.
        freeze_layers: The embeddings and so many layers keep their weights; 0: the
            embeddings alone.
        lora_rank: The rank of low-rank updates of the attention, which alone, and the
            head, are trained.
        monitor: The metric, such as `val_accuracy`, whose best epoch is kept.
        patience: The number of epochs without a better one after which it stops.
        save_every: The number of steps after which the state is saved, besides every
            epoch.
        jit_compile: Whether XLA compiles the steps; None: as Keras decides.
        tensorboard: Whether logs for TensorBoard are written.
    """

    task: str = ""
    model: str = ""
    train: str = ""
    validation: str | None = None
    max_length: int | None = None
    dropout: float | None = None
    dtype: str | None = None
    options: dict = dataclasses.field(default_factory=dict)
    epochs: int = 3
    batch_size: int = 32
    seed: int = 0
    recipe: Recipe = Recipe()
    class_weight: str | dict | None = None
    label_smoothing: float | None = None
    freeze_layers: int | None = None
    lora_rank: int | None = None
    monitor: str | None = None
    patience: int | None = None
    save_every: int | None = 500
    jit_compile: bool | None = None
    tensorboard: bool = False

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
            if self.task not in ("classify", "tag"):
                raise ValueError(
                    f"Expected label_smoothing for classify or tag, not {self.task}."
                )
            if not 0 <= self.label_smoothing < 1:
                raise ValueError(
                    "Expected label_smoothing from 0 up to below 1, got "
                    f"{self.label_smoothing}."
                )
        if (self.monitor or "").startswith("val_") and self.validation is None:
            raise ValueError(f"Expected --validation, on which to find {self.monitor}.")

    def values(self):
        """All values by name, as a file has them."""
        values = dataclasses.asdict(self)
        return values | values.pop("recipe")


def run_config(**values):
    """The configuration of a run.

    Args:
        **values: The fields of `RunConfig`, and those of `Recipe`.

    Raises:
        ValueError: If a name is unknown, or a value is none for it.

    Example:
        >>> config = run_config(
        ...     task="classify", model="minilm", train="train.tsv", learning_rate="1e-4"
        ... )
        >>> config.recipe.learning_rate, config.epochs
        (0.0001, 3)
    """
    kinds = {**typing.get_type_hints(RunConfig), **typing.get_type_hints(Recipe)}
    del kinds["recipe"]
    for name, value in values.items():
        if name not in kinds:
            known = ", ".join(kinds)
            raise ValueError(f"Expected a setting among {known}; got {name!r}.")
        values[name] = _value(name, value, kinds[name])
    if isinstance(values.get("label_column"), list):
        values.setdefault("multi_label", True)
    recipe = {name: values.pop(name) for name in RECIPE if name in values}
    return RunConfig(**values, recipe=Recipe(**recipe))


def read_config(file):
    """The settings in a YAML file.

    Args:
        file: The file.

    Returns:
        A dictionary.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no YAML, or no table of settings.
    """
    import yaml

    try:
        values = yaml.safe_load(read_text(file))
    except yaml.YAMLError as error:
        raise ValueError(f"Expected YAML in {file}: {error}.") from None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ValueError(f"Expected lines such as `epochs: 3` in {file}.")
    return values


def write_config(config, file):
    """Writes a configuration as YAML, whence `read_config` reads it.

    Args:
        config: The `RunConfig`.
        file: The file.
    """
    import yaml

    text = yaml.safe_dump(config.values(), sort_keys=False, allow_unicode=True)
    with write_atomically(file) as partial:
        partial.write_text(text, "utf-8")


def _value(name, value, kind):
    """A value as the type that its field has; YAML reads 1e-4 as a string."""
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
