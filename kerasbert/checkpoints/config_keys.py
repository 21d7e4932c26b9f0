"""Meaning of the keys of published configs: used, ignored, required or unknown.

Every key is handled, ignored by name for a reason, refused where it asks for
mathematics that we do not have, or warned about.
"""

import dataclasses
import math
from collections.abc import Mapping

from kerasbert.account import Account, KeyTable, quoted
from kerasbert.files import read_json

# No published model comes near; what is beyond makes no graph that anyone can run.
MOST = {"num_hidden_layers": 1000, "num_hidden_groups": 1000, "inner_group_num": 1000}
# The fields that decide about shapes, which have no default here.
NEEDED = """vocab_size hidden_size num_hidden_layers num_attention_heads
    intermediate_size embedding_size""".split()
MOST_ELSEWHERE = 10_000_000
MOST_BYTES = 8 << 20


def reasons(groups):
    """Maps keys to reasons, given groups of keys."""
    return {key: reason for reason, keys in groups.items() for key in keys.split()}


@dataclasses.dataclass(frozen=True)
class ConfigKeys:
    """The config keys of a format.

    Args:
        handled: From their key to our field.
        ignored: From a key to the reason why it changes no number here.
        required: From a key to the values that it may have: others ask for something
            that is not computed here.
        used: From a key that is no field of a configuration to what it decides.
    """

    handled: Mapping[str, str]
    ignored: Mapping[str, str]
    required: Mapping[str, tuple] = dataclasses.field(default_factory=dict)
    used: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def with_names(self, handled, ignored=None, required=None):
        """Returns the keys, extended by those of a family."""
        return dataclasses.replace(
            self,
            handled=handled,
            ignored={**self.ignored, **(ignored or {})},
            required={**self.required, **(required or {})},
        )

    def read(self, values, file, account, prefix=""):
        """Converts a config of the format to fields of ours."""
        used = {key: f"config: {field}" for key, field in self.handled.items()}
        table = KeyTable(
            used={**used, **self.used}, ignored=self.ignored, required=self.required
        )
        table.settle(values, file, account, prefix)
        return {
            field: values[key]
            for key, field in self.handled.items()
            if values.get(key) is not None
        }


def read_object(file):
    """Reads a JSON file that contains an object of plausible size."""
    if file.is_file() and file.stat().st_size > MOST_BYTES:
        raise ValueError(
            f"Expected a configuration of at most {MOST_BYTES:,} bytes in {file}, got "
            f"{file.stat().st_size:,}. Is it the configuration of a model?"
        )
    values = read_json(file)
    if not isinstance(values, dict):
        raise ValueError(
            f"Expected an object of keys and values in {file}, got "
            f"{type(values).__name__}. Is it the configuration of a model?"
        )
    return values


def make_config(config_class, fields, file):
    """Creates a config from the fields of a file."""
    known = [field.name for field in dataclasses.fields(config_class)]
    missing = [name for name in NEEDED if name in known and name not in fields]
    if missing:
        raise ValueError(
            f"Expected {', '.join(missing)} in {file}, which does not have them. Is it "
            f"the configuration of such a model ({config_class.__name__})?"
        )
    for name, value in fields.items():
        _check_number(name, value, file)
    try:
        return config_class(**fields)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{file}: {str(error)[:200]}") from None


def _check_number(name, value, file):
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if name == "hidden_act":
        return
    if not is_number or not math.isfinite(value):
        raise ValueError(
            f"Expected {name} in {file} to be a number, got {quoted(value)}."
        )
    most = MOST.get(name, MOST_ELSEWHERE)
    if not 0 <= value <= most:
        raise ValueError(
            f"Expected {name} in {file} to lie between 0 and {most:,}, got "
            f"{quoted(value)}."
        )


def activation_of(name, meanings, file):
    """Converts the name of an activation to ours."""
    if not isinstance(name, str) or name not in meanings:
        raise ValueError(
            f"{file} asks for the activation {quoted(name)}, which kerasbert does not "
            f"know; expected one of {', '.join(sorted(meanings))}."
        )
    return meanings[name]


def dropout_rate(rate, file):
    """Validates the dropout rate of a head."""
    if not isinstance(rate, int | float) or not 0 <= rate < 1:
        raise ValueError(
            f"Expected the dropout of the head in {file} to be a rate in [0, 1), got "
            f"{quoted(rate)}."
        )
    return rate


# Tables are padded to a multiple of up to 1,024 rows; more rows without a token are
# those of another vocabulary (BERT's cased one has 1,526 tokens less than the other).
MOST_PADDING = 1024


def check_vocabulary_size(tokenizer_size, config, source="", account=None):
    """Compares the vocabulary size of a tokenizer and a model.

    Published models often round the rows of their table up, so that a few more rows
    than tokens are well; many more are the sign of another model's vocabulary.
    """
    rows = config.vocab_size
    where = f" in {source}" if source else ""
    if tokenizer_size > rows:
        raise ValueError(
            f"Expected a vocabulary of at most {rows} tokens (the model's vocab_size), "
            f"got {tokenizer_size}{where}. Take the vocabulary that the model was "
            "published with."
        )
    if rows - tokenizer_size > MOST_PADDING or 2 * tokenizer_size < rows:
        (account or Account()).doubt(
            f"The vocabulary{where} has {tokenizer_size} tokens, and the model has "
            f"embeddings of {rows}: is it the one that the model was published with? "
            "With another, the ids mean other words."
        )
