"""What the keys of a published configuration mean to us: the four-sided account.

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
    """The reason for each key, from groups of keys.

    Args:
        groups: From a reason to keys, in one string.

    Returns:
        A dictionary from key to reason.
    """
    return {key: reason for reason, keys in groups.items() for key in keys.split()}


@dataclasses.dataclass(frozen=True)
class ConfigKeys:
    """The keys of a container's configuration.

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

    def with_names(self, handled, ignored=None):
        """These keys, with those of a family."""
        ignored = {**self.ignored, **(ignored or {})}
        return dataclasses.replace(self, handled=handled, ignored=ignored)

    def read(self, values, file, account, prefix=""):
        """Our fields, from their configuration.

        Args:
            values: What the file holds.
            file: The file, for messages.
            account: The `kerasbert.account.Account` that books every key.
            prefix: The dotted path of the values in the file, ending in a dot.

        Returns:
            A dictionary from our field to its value; keys that the file does not
            have, or has as null, are not in it.

        Raises:
            ValueError: If the configuration asks for mathematics that we do not have,
                or, in a strict account, has keys that nobody knows.
        """
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
    """Reads a JSON file that holds an object, as every configuration does.

    Args:
        file: A `pathlib.Path`.

    Raises:
        ValueError: If it is no JSON, something else than an object, or far larger
            than any configuration.
    """
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
    """A configuration of ours from fields of a file.

    Args:
        config_class: A class of `kerasbert.config`.
        fields: From field to value.
        file: The file, for messages.

    Raises:
        ValueError: If a field that decides about shapes is missing, or makes no sense.
    """
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
    """Our name of an activation of theirs.

    Args:
        name: Their name.
        meanings: From their name to ours.
        file: The file, for messages.

    Raises:
        ValueError: If nobody here knows the name.
    """
    if not isinstance(name, str) or name not in meanings:
        raise ValueError(
            f"{file} asks for the activation {quoted(name)}, which kerasbert does not "
            f"know; expected one of {', '.join(sorted(meanings))}."
        )
    return meanings[name]


def dropout_rate(rate, file):
    """The dropout rate of a head, checked.

    Args:
        rate: What the file says.
        file: The file, for the message.

    Raises:
        ValueError: If it is no rate.
    """
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
    """Compares the number of a tokenizer's tokens with a model's embeddings.

    Published models often round the rows of their table up, so that a few more rows
    than tokens are well; many more are the sign of another model's vocabulary.

    Args:
        tokenizer_size: Number of tokens of the tokenizer.
        config: The configuration of the model that it is paired with.
        source: Where the tokenizer comes from, for the message.
        account: The `kerasbert.account.Account`; None: one that is not strict.

    Raises:
        ValueError: If a token would have no embedding; in a strict account, if many
            embeddings have no token.
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
