"""Readers of tagged files for the command line."""

from kerasbert.data import (
    Examples,
    check_tagged,
    read_columns,
    read_tagged,
    read_tagged_json,
)


def read_tagged_file(file, options):
    """Reads the `Examples` of a file of tagged words or entities."""
    found = _read(file, options)
    told = options.labels is not None or options.label_column is not None
    check_tagged(
        *(*found, found.account, options.characters),
        *(options.word_prefix, told, options.text_column is not None),
    )
    return Examples(str(file), None, *found, account=found.account)


def _read(file, options):
    tags = options.label_names
    names = tags if options.names_numbers else None
    if options.format == "jsonl":
        return read_tagged_json(file, tags, options.encoding, names)
    separator = options.delimiter or {"csv": ",", "tsv": "\t"}.get(options.format)
    label = options.columns.label
    given = {
        "prefix": options.word_prefix,
        "characters": options.characters,
        "tags": tags,
        "sentence": options.sentence,
        "encoding": options.encoding,
        "word": options.columns.text,
        "tag": label[0] if isinstance(label, list) else label,
        "separator": separator,
    }
    if options.format is None:
        return read_tagged(file, names=names, **given)
    if options.format == "txt":
        raise ValueError(
            f"Expected --format conll, csv, tsv or jsonl for {file}, got txt, which "
            "has no tags."
        )
    return read_columns(file, form=options.format, **given)


def without_spaces(entity, characters):
    """Converts an entity of a text whose words are single characters."""
    start, end = entity["first_word"], entity["last_word"] + 1
    text = "".join(characters[start:end])
    place = {"text": text, "start": start, "end": end}
    return {"type": entity["type"], **place, "score": entity["score"]}
