"""The form of a family's name tables."""

import dataclasses
from collections.abc import Callable, Mapping


@dataclasses.dataclass(frozen=True)
class HuggingFaceNames:
    """Names of a family in transformers.

    Args:
        table: The names of tensors, without the family's prefix, such as `bert.`.
        architectures: From the heads of a checkpoint to the class that holds them;
            `"tokens"` follows a classification head of tokens.
        config: From their keys of `config.json` to our fields.
        parts: What the names in the prefix begin with.
        tied: From a tensor of the masked LM head to the one that it has to equal.
        ignored: From keys of `config.json` to the reason why they change no number.
        text_dropout: Their key of the dropout of a classification head of texts.
        token_dropout: Their key of that of tokens.
        required: From keys of `config.json` to the values that they may have.
        anchor: The tensor that every encoder of the family has: what stands before its
            name is what the encoder stands under.
    """

    table: Mapping
    architectures: Mapping[tuple[str, ...], str]
    config: Mapping[str, str]
    tied: Mapping[str, str] = dataclasses.field(default_factory=dict)
    parts: tuple[str, ...] = ("embeddings.", "encoder.", "pooler.")
    ignored: Mapping[str, str] = dataclasses.field(default_factory=dict)
    text_dropout: str = "classifier_dropout"
    token_dropout: str = "classifier_dropout"
    required: Mapping[str, tuple] = dataclasses.field(default_factory=dict)
    anchor: str = "embeddings.word_embeddings.weight"


@dataclasses.dataclass(frozen=True)
class GoogleNames:
    """Names of a family in Google's TensorFlow 1 checkpoints.

    Args:
        table: The names of tensors.
        config_file: The name of the configuration.
        checkpoint: The name of the checkpoint.
        values: What else its configuration says.
    """

    table: Mapping
    config_file: str
    checkpoint: str
    values: Mapping = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class TFHubNames:
    """Names of a family in SavedModels of TF Hub.

    Args:
        table: The names of tensors.
    """

    table: Mapping


@dataclasses.dataclass(frozen=True)
class KerasHubNames:
    """Names of a family in KerasHub's presets.

    Args:
        table: The names of tensors, those of a task below `task/`.
        title: What the names of its classes begin with.
        module: The module of these classes.
        config: From arguments of its backbone to our fields.
        activation: The activation of its feed-forward networks.
        masked_lm: What its masked LM head computes, whatever the encoder does.
        has_embedder: Whether there is a `TextEmbedder`.
        limit: From a configuration to what the backbone needs and it does not have.
        tokenizer: The kind of vocabulary that its tokenizer class takes.
    """

    table: Mapping
    title: str
    module: str
    config: Mapping[str, str]
    activation: str
    masked_lm: Mapping
    has_embedder: bool = False
    limit: Callable = lambda config: ""
    tokenizer: str = "wordpiece"


@dataclasses.dataclass(frozen=True)
class Family:
    """A family of encoders: its config class, and its names in each format.

    Args:
        name: Its name, as `model_type` of transformers has it.
        title: Its name in prose.
        config_class: The class of its configurations.
        marks: Keys of configurations that it alone has.
        huggingface: Its names in transformers.
        google_tf1: Its names in Google's checkpoints; None: there are none.
        tf_hub: Its names in TF Hub; None: there are none.
        keras_hub: Its names in KerasHub; None: there are none.
    """

    name: str
    title: str
    config_class: type
    huggingface: HuggingFaceNames
    marks: tuple[str, ...] = ()
    google_tf1: GoogleNames | None = None
    tf_hub: TFHubNames | None = None
    keras_hub: KerasHubNames | None = None
