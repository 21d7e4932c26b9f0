"""The zoo: tested models, with their size, languages and license.

The table is `zoo.json`. Parameters are those of the encoder with its pooler, in
millions; megabytes are those of its weights as published.
"""

import dataclasses
import difflib
import functools
import importlib.resources
import json

__all__ = ["ZooModel", "find", "models"]


@dataclasses.dataclass(frozen=True)
class ZooModel:
    """A known model.

    Args:
        name: What to write for `source`.
        summary: What it is, in a line.
        parameters: Parameters of the encoder, in millions.
        megabytes: Size of the weights, in 10^6 bytes.
        languages: Language codes, or `("multilingual",)` for a hundred or so.
        licence: The licence of the weights.
        handles: The places that hold the model, the first choice first.
        sha256: Digests of files, by name, where they are pinned.
        note: What a user of the model has to know, or an empty string.
    """

    name: str
    summary: str
    parameters: float
    megabytes: int
    languages: tuple[str, ...]
    licence: str
    handles: tuple[str, ...]
    sha256: dict[str, str] = dataclasses.field(default_factory=dict, hash=False)
    note: str = ""


@functools.cache
def models():
    """Returns all models of the zoo.

    Example:
        >>> models()[0].name
        'minilm'
    """
    table = importlib.resources.files(__package__).joinpath("zoo.json")
    return tuple(
        ZooModel(
            **{
                key: tuple(value) if isinstance(value, list) else value
                for key, value in row.items()
            }
        )
        for row in json.loads(table.read_text(encoding="utf-8"))
    )


def find(name):
    """Returns a model by name, ignoring case and kinds of dashes.

    Example:
        >>> find("BERT-base-Chinese").languages
        ('zh',)
    """
    known = {model.name: model for model in models()}
    wanted = name.lower().replace("-", "_")
    if wanted in known:
        return known[wanted]
    close = difflib.get_close_matches(wanted, known, n=3)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    raise ValueError(
        f"Expected a model of the zoo, got {name!r}.{hint} `kerasbert zoo` lists all."
    )
