"""Command-line flags from the fields of dataclasses."""

import dataclasses
import enum
import functools
import inspect
from typing import Annotated

import typer

__all__ = [
    *("SEVERAL_FILES", "LearningRate", "Output", "Overwrite"),
    *("devices_flag", "dtype_flag", "flag", "parsed_bits", "seed_flag", "with_flags"),
]

# The metavar of an option after which several files may stand.
SEVERAL_FILES = "FILE..."
# Options of all commands that train.
Output = Annotated[
    str, typer.Option("--output", "-o", metavar="DIR", help="The folder of the run.")
]
LearningRate = Annotated[
    float | None,
    typer.Option(
        "--learning-rate", help="Peak learning rate; default 5e-5, or the task's."
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace a run that is there.")
]


def flag(help, default=None, *, kind=str, names=None, choices=None, **options):
    """Declares a field of a dataclass that is also a flag."""
    if choices is not None:
        kind = enum.Enum("Choice", {choice: choice for choice in choices})
    metadata = {"kind": kind, "names": names, "help": help, "options": options}
    return dataclasses.field(default=default, metadata=metadata)


# Fields of the settings of several commands that train.
seed_flag = functools.partial(flag, "Random seed; default 0.", 0, kind=int)
dtype_flag = functools.partial(
    flag, "Such as mixed_bfloat16, on processors that have it."
)
devices_flag = functools.partial(
    flag,
    "Train on all devices: data, where each has all weights, or model=4, where four "
    "share the weights (JAX).",
    metavar="WAY",
)


def with_flags(options, *names):
    """A decorator that gives a command the flags of a dataclass.

    The command is called with its own arguments, and with `given`: a dictionary from
    the names of those fields whose flags were given to their values.
    """
    fields = {field.name: field for field in dataclasses.fields(options)}
    if not names:  # first those of the class itself
        flags = [name for name, field in fields.items() if field.metadata]
        names = sorted(flags, key=lambda name: name not in vars(options))
    added = [_parameter(fields[name]) for name in names]

    def decorate(command):
        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in inspect.signature(command).parameters.values()
            if parameter.name != "given"
        ]

        @functools.wraps(command)
        def run(**values):
            given = {name: _value(values.pop(name)) for name in names}
            given = {name: x for name, x in given.items() if x is not None}
            return command(**values, given=given)

        run.__signature__ = inspect.Signature([*own, *added])
        run.__annotations__ = {p.name: p.annotation for p in (*own, *added)}
        return run

    return decorate


def _parameter(field):
    about, kind = field.metadata, field.metadata["kind"]
    names = about["names"] or f"--{field.name.replace('_', '-')}"
    names = (names,) if isinstance(names, str) else names
    option = typer.Option(*names, help=about["help"], **about["options"])
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, option],
    )


def _value(value):
    """Converts a flag's value to that of the field."""
    if isinstance(value, list):
        return value[0] if len(value) == 1 else value or None
    return value.value if isinstance(value, enum.Enum) else value


def parsed_bits(text):
    """Returns the bits of weights from a flag.

    Example:
        >>> parsed_bits("6"), parsed_bits("token_embedding=4,kernel=6")
        (6, {'token_embedding': 4, 'kernel': 6})
    """
    try:
        if "=" not in text:
            return int(text)
        parts = (part.partition("=") for part in text.split(","))
        return {name.strip(): int(number) for name, _, number in parts}
    except ValueError:
        raise ValueError(
            "Expected --bits to be a number from 4 to 8, or one for parts of the paths "
            f"of weights, such as token_embedding=4,kernel=6; got {text!r}."
        ) from None
