"""What the keys of a published configuration mean to us: the four-sided account.

Every key is handled, ignored by name, refused where it asks for mathematics that we
do not have, or warned about.
"""

import dataclasses
import warnings

from kerasbert.config import AlbertConfig, BertConfig


@dataclasses.dataclass(frozen=True)
class ConfigKeys:
    """The keys of a container's configuration.

    Args:
        handled: From their key to our field.
        ignored: Keys that are book-keeping.
        required: From a key to the values that it may have: others ask for something
            that is not BERT or ALBERT.
    """

    handled: dict
    ignored: frozenset
    required: dict

    def read(self, values, file, strict=False):
        """Our fields, from their configuration.

        Args:
            values: What the file holds.
            file: The file, for messages.
            strict: Whether keys that nobody knows are refused.

        Returns:
            A dictionary from our field to its value; keys that the file does not have
            are not in it.

        Raises:
            ValueError: If the configuration asks for mathematics that we do not have.
        """
        if not isinstance(values, dict):
            raise ValueError(
                f"Expected an object of keys and values in {file}, got "
                f"{type(values).__name__}."
            )
        for key, allowed in self.required.items():
            if key in values and values[key] not in allowed:
                expected = " or ".join(map(repr, allowed))
                raise ValueError(
                    f"{file} asks for {key}={values[key]!r}, which kerasbert does not "
                    f"compute; expected {expected}."
                )
        known = {*self.handled, *self.ignored, *self.required}
        unknown = sorted(set(values) - known)
        if unknown:
            message = f"{file} has keys that kerasbert does not know: " + ", ".join(
                f"{key}={values[key]!r}" for key in unknown
            )
            if strict:
                raise ValueError(f"{message}. Load without strict=True to ignore them.")
            warnings.warn(f"{message}. They are ignored.", stacklevel=2)
        return {
            field: values[key] for key, field in self.handled.items() if key in values
        }


def make_config(config_class, fields, file):
    """A configuration of ours from fields of a file.

    Args:
        config_class: `BertConfig` or `AlbertConfig`.
        fields: From field to value.
        file: The file, for messages.

    Raises:
        ValueError: If a field that decides about shapes is missing, or makes no sense.
    """
    needed = ["vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads"]
    needed += ["intermediate_size"]
    if config_class is AlbertConfig:
        needed.append("embedding_size")
    missing = [field for field in needed if field not in fields]
    if missing:
        raise ValueError(
            f"Expected {', '.join(missing)} in {file}, which does not have them. Is it "
            "the configuration of a BERT or ALBERT model?"
        )
    try:
        return config_class(**fields)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{file}: {error}") from None


def activation_of(name, meanings, file):
    """Our name of an activation of theirs.

    Args:
        name: Their name.
        meanings: From their name to ours.
        file: The file, for messages.

    Raises:
        ValueError: If nobody here knows the name.
    """
    if name not in meanings:
        raise ValueError(
            f"{file} asks for the activation {name!r}, which kerasbert does not know; "
            f"expected one of {', '.join(sorted(meanings))}."
        )
    return meanings[name]


CONFIG_CLASSES = {"bert": BertConfig, "albert": AlbertConfig}
