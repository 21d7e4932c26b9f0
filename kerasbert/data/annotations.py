"""Conversion of annotation tools' records to words with tags, or texts with entities.

Supported are kerasbert's own form, doccano (`label` or `labels` of lists, `entities`
with `start_offset`), Prodigy (`spans`), spaCy (`["text", {"entities": [[0, 3,
"PER"]]}]` and `ents`), Label Studio (JSON and JSON-MIN), and rows of `datasets` and of
transformers' `run_ner` (`tokens` or `words`, `ner_tags` or `labels`).
"""

from kerasbert.account import quoted

__all__ = [
    *("WANTED", "classified_record", "entity_of", "has_numbers", "tagged_record"),
    "text_of_record",
]

WANTED = (
    'Supported are {"tokens": ["Ada"], "tags": ["B-PER"]} and {"text": "Ada slept", '
    '"entities": [{"start": 0, "end": 3, "type": "PER"}]}.'
)
TOKENS = ("tokens", "words", "token", "sentence")
TAGS = ("tags", "ner_tags", "labels", "ner", "tag", "label", "bio", "iob")
ENTITIES = ("entities", "spans", "ents", "labels", "label", "annotations", "ner")
TEXTS = ("text", "content", "sentence", "data", "data.text")
STARTS = ("start", "start_offset", "startOffset", "begin", "start_char", "start_pos")
ENDS = ("end", "end_offset", "endOffset", "end_char", "end_pos")
TYPES = ("type", "label", "labels", "entity", "entity_type", "tag", "entity_group")


def tagged_record(record, where, names=None):
    """Converts a record to words and tags, or to a text and entities.

    Entities are dictionaries with `start`, `end` and `type`. A record to skip gives the
    reason and None. `where` is its position and `names` are the names of integer tags.

    Example:
        >>> tagged_record({"text": "Ada", "label": [[0, 3, "PER"]]}, "line 1")
        ('Ada', [{'start': 0, 'end': 3, 'type': 'PER'}])
    """
    if isinstance(record, list) and len(record) == 2 and isinstance(record[0], str):
        record = _of_spacy(record, where)
    if not isinstance(record, dict):
        raise ValueError(
            f"Expected a JSON object in {where}, got {quoted(record, 60)}. {WANTED}"
        )
    if record.get("answer") in ("reject", "ignore"):  # Prodigy's
        return f"records whose answer is {record['answer']}", None
    if isinstance(record.get("data"), dict) and _studio_key(record):
        return _of_label_studio(record, where)
    tokens = next((key for key in TOKENS if isinstance(record.get(key), list)), None)
    if tokens is not None and not ("spans" in record and "text" in record):
        return _words(record, tokens, where, names)
    text = next((key for key in TEXTS if isinstance(record.get(key), str)), None)
    if text is None:
        raise ValueError(
            f"Expected tokens and tags, or text and entities, in {where}, got "
            f"{', '.join(list(record)[:8])[:100] or 'nothing'}. {WANTED}"
        )
    entities = next((k for k in ENTITIES if isinstance(record.get(k), list)), None)
    if entities is None:
        raise ValueError(
            f"Expected entities, a list, in {where}, got "
            f"{', '.join(list(record)[:8])[:100]}. {WANTED}"
        )
    found = [entity_of(one, record[text], where) for one in record[entities]]
    return record[text], found


def has_numbers(record):
    """Whether the tags of a record are integers."""
    if not isinstance(record, dict):
        return False
    tags = next((record[k] for k in TAGS if isinstance(record.get(k), list)), [])
    return bool(tags) and all(type(tag) is int for tag in tags)


def text_of_record(record):
    """Returns the text or the words of a record, or None, ignoring tags."""
    tokens = next((key for key in TOKENS if isinstance(record.get(key), list)), None)
    if tokens is not None and not ("spans" in record and "text" in record):
        values = _plain_tokens(record[tokens])
        return values if all(isinstance(value, str) for value in values) else None
    if isinstance(record.get("data"), dict):
        record = record["data"]
    return next((record[k] for k in TEXTS if isinstance(record.get(k), str)), None)


def classified_record(record):
    """Converts a record of an annotation tool for classification to a table row.

    Returns the row, with the chosen classes as `label`, and None; or None and the
    reason to skip the record. Other rows are unchanged.

    Example:
        >>> choice = {"type": "choices", "value": {"choices": ["good"]}}
        >>> task = {"data": {"text": "Ada"}, "annotations": [{"result": [choice]}]}
        >>> classified_record(task)[0]["label"]
        ['good']
    """
    answer = record.get("answer")
    if answer in ("reject", "ignore") and ("text" in record or "_task_hash" in record):
        return None, f"records whose answer is {answer}"
    if answer == "accept" and isinstance(record.get("accept"), list):
        return {**record, "label": record["accept"]}, None
    key = _studio_key(record)
    if key is None or not isinstance(record.get("data"), dict):
        return record, None
    kept = _kept_annotations(record)
    if record[key] and not kept:
        return None, "tasks without an annotation"
    results = kept[0].get("result", []) if kept else []
    chosen = [
        choice
        for result in results
        if isinstance(result, dict) and isinstance(result.get("value"), dict)
        for choice in result["value"].get("choices", [])
    ]
    if kept and not chosen:
        return None, "tasks without a choice"
    return {**record, **record["data"], **({"label": chosen} if chosen else {})}, None


def _of_spacy(pair, where):
    text, about = pair
    if not isinstance(about, dict) or not isinstance(about.get("entities"), list):
        raise ValueError(
            f"Expected a text and its entities in {where}, got {quoted(about, 60)} "
            f"beside the text. {WANTED}"
        )
    return {"text": text, "entities": about["entities"]}


def _plain_tokens(tokens):
    """Returns tokens as strings; some formats have objects with a `text`."""
    return [
        token.get("text", token.get("orth")) if isinstance(token, dict) else token
        for token in tokens
    ]


def _words(record, key, where, names):
    tokens = _plain_tokens(record[key])
    tags_key = next((k for k in TAGS if isinstance(record.get(k), list)), "tags")
    tags = record.get(tags_key)
    if isinstance(tags, list) and tags and all(type(tag) is int for tag in tags):
        tags = _named(tags, tags_key, where, names)
    for name, values in ((key, tokens), (tags_key, tags)):
        strings = isinstance(values, list)
        if not strings or not all(isinstance(value, str) for value in values):
            raise ValueError(
                f"Expected {name}, a list of strings, in {where}, got "
                f"{quoted(values, 60)}. {WANTED}"
            )
    if len(tokens) != len(tags):
        raise ValueError(
            f"Expected as many {tags_key} as {key} in {where}, got {len(tags)} for "
            f"{len(tokens)}."
        )
    return tokens, tags


def _named(tags, key, where, names):
    """Converts integer tags to names, as for a `ClassLabel` of `datasets`."""
    if names is None:
        raise ValueError(
            f"Expected the names of tags in {where}, got numbers: "
            f"{key}={quoted(tags, 40)}. List them in order, from 0: --labels "
            "O,B-PER,I-PER,... The features of the dataset have them: "
            f'dataset.features["{key}"].feature.names.'
        )
    if not 0 <= min(tags) <= max(tags) < len(names):
        raise ValueError(
            f"Expected tags from 0 to {len(names) - 1}, since --labels lists "
            f"{len(names)}, got {max(tags)} in {where}."
        )
    return [names[tag] for tag in tags]


def _studio_key(record):
    return next((k for k in ("annotations", "completions") if k in record), None)


def _kept_annotations(record):
    annotations = record[_studio_key(record)]
    if not isinstance(annotations, list):
        return []
    return [
        one
        for one in annotations
        if isinstance(one, dict) and not one.get("was_cancelled")
    ]


def _of_label_studio(record, where):
    """Converts a task of Label Studio's JSON export: its first kept annotation."""
    texts = [value for value in record["data"].values() if isinstance(value, str)]
    data = record["data"]
    text = next((data[key] for key in TEXTS if isinstance(data.get(key), str)), None)
    if text is None and len(texts) == 1:
        [text] = texts
    if text is None:
        raise ValueError(
            f"Expected one text among the data of {where}, got {quoted(data, 80)}."
        )
    kept = _kept_annotations(record)
    if not kept:
        return "tasks without an annotation", None
    entities = []
    for result in kept[0].get("result", []):
        value = result.get("value", {}) if isinstance(result, dict) else {}
        if "start" in value:
            entities.append(entity_of(value, text, where))
        elif result.get("type") != "relation":
            raise ValueError(
                f"Expected spans of a text in {where}, got a result of the type "
                f"{quoted(result.get('type'), 40)}. {WANTED}"
            )
    return text, entities


def entity_of(entity, text, where):
    """Converts an entity to a dictionary with `start`, `end` and `type`.

    Raises a `ValueError` if it is invalid, or its text is not found at its offsets.
    """
    if isinstance(entity, list) and len(entity) == 3:
        entity = dict(zip(("start", "end", "type"), entity, strict=True))
    known = entity if isinstance(entity, dict) else {}
    start, end, kind = (
        next((known[name] for name in names if name in known), None)
        for names in (STARTS, ENDS, TYPES)
    )
    if isinstance(kind, list) and len(kind) == 1:
        [kind] = kind
    if type(start) is not int or type(end) is not int or not isinstance(kind, str):
        raise ValueError(
            "Expected an entity with a start and an end among the "
            f"{len(text)} characters and a type, in {where}, got {quoted(entity, 80)}. "
            f"{WANTED}"
        )
    said = known.get("text")
    if (
        isinstance(said, str)
        and text[max(start, 0) : max(end, 0)].strip() != said.strip()
    ):
        start, end = _of_utf16(start, end, text, said, where)
    if not 0 <= start < end <= len(text):
        raise ValueError(
            f"Expected an entity with a start and an end among the {len(text)} "
            f"characters and a type, in {where}, got {quoted(entity, 80)}."
        )
    return {"start": start, "end": end, "type": kind}


def _of_utf16(start, end, text, said, where):
    """Converts offsets in UTF-16 code units, as JavaScript counts, to characters."""
    code = text.encode("utf-16-le", "surrogatepass")
    found = code[2 * start : 2 * end].decode("utf-16-le", "replace")
    if 0 <= start < end and found.strip() == said.strip():
        before = code[: 2 * start].decode("utf-16-le", "replace")
        return len(before), len(before) + len(found)
    raise ValueError(
        f"Expected {quoted(said, 40)} from character {start} to {end} of the text in "
        f"{where}, got {quoted(text[max(start, 0) : max(end, 0)], 40)}. Likely causes: "
        "offsets that count bytes, or a text that was changed afterwards."
    )
