"""Texts and their tags or entities as JSON lines."""

import json

from kerasbert.data.lines import open_lines
from kerasbert.data.targets import check_label


def read_tagged_json(file, tags=None):
    r"""Reads tagged texts from JSON lines.

    A line is `{"tokens": [...], "tags": [...]}`, or `{"text": ..., "entities":
    [{"start", "end", "type"}, ...]}` with characters of the text; all lines are one or
    all the other.

    Args:
        file: The file; `"-"`: standard input.
        tags: The tags of tokens that there may be; None: any.

    Returns:
        For each text its words and its tags; or the text and its entities.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is empty, or a line is none of these; the message names
            the file and the line.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "train.jsonl"
        >>> _ = file.write_text('{"tokens": ["Ada"], "tags": ["B-PER"]}\n')
        >>> read_tagged_json(file)
        ([['Ada']], [['B-PER']])
    """
    inputs, targets = [], []
    with open_lines(file) as (name, lines):
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            where = f"line {number} of {name}"
            text, target = _tagged(_json(line, where), where)
            if inputs and isinstance(text, str) != isinstance(inputs[0], str):
                raise ValueError(
                    f"Expected texts or tokens, as in the lines before it, in {where}."
                )
            if tags is not None and not isinstance(text, str):
                for tag in target:
                    check_label(tag, tags, where)
            inputs.append(text)
            targets.append(target)
    return not_empty(inputs, targets, name)


def not_empty(inputs, targets, name):
    """The texts of a file and their tags, if there are any.

    Args:
        inputs: The texts.
        targets: Their tags.
        name: What messages call the file.
    """
    if not inputs:
        raise ValueError(f"Expected tagged texts in {name}, but it holds none.")
    return inputs, targets


def _json(line, where):
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"Expected JSON in {where}: {error.msg}.") from None
    except RecursionError:
        raise ValueError(f"Expected plain JSON in {where}, got one too deep.") from None
    if not isinstance(record, dict):
        raise ValueError(f"Expected a JSON object in {where}, got {line[:60]!r}.")
    return record


def _tagged(record, where):
    if "tokens" in record:
        tokens, tags = (record.get(name) for name in ("tokens", "tags"))
        for name, values in (("tokens", tokens), ("tags", tags)):
            strings = isinstance(values, list)
            if not strings or not all(isinstance(value, str) for value in values):
                raise ValueError(f"Expected {name}, a list of strings, in {where}.")
        if len(tokens) != len(tags):
            raise ValueError(
                f"Expected as many tags as tokens in {where}, got {len(tags)} for "
                f"{len(tokens)}."
            )
        return tokens, tags
    if not isinstance(record.get("text"), str):
        raise ValueError(
            f"Expected tokens and tags, or text and entities, in {where}, got "
            f"{', '.join(record) or 'nothing'}."
        )
    entities = record.get("entities")
    if not isinstance(entities, list):
        raise ValueError(f"Expected entities, a list, in {where}.")
    return record["text"], [_entity(one, record["text"], where) for one in entities]


def _entity(entity, text, where):
    values = [
        entity.get(name) if isinstance(entity, dict) else None
        for name in ("start", "end", "type")
    ]
    start, end, kind = values
    numbers = type(start) is int and type(end) is int
    if not numbers or not isinstance(kind, str) or not 0 <= start < end <= len(text):
        raise ValueError(
            f"Expected an entity with a start and an end among the {len(text)} "
            f"characters and a type, in {where}, got {entity!r}."
        )
    return {"start": start, "end": end, "type": kind}
