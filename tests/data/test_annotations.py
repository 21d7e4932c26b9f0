"""What annotation tools and libraries of data sets write."""

import json

import pytest

from kerasbert.data import (
    one_label,
    open_words,
    read_examples,
    read_tagged,
    read_tagged_json,
    several_labels,
)

TEXT = "Ada lives in Paris"
ENTITIES = [
    {"start": 0, "end": 3, "type": "PER"},
    {"start": 13, "end": 18, "type": "LOC"},
]
WORDS = TEXT.split()
TAGS = ["B-PER", "O", "O", "B-LOC"]
TUPLES = [[0, 3, "PER"], [13, 18, "LOC"]]
OFFSETS = [
    {"id": 1, "label": "PER", "start_offset": 0, "end_offset": 3},
    {"id": 2, "label": "LOC", "start_offset": 13, "end_offset": 18},
]
SPANS = [
    {"start": 0, "end": 3, "token_start": 0, "token_end": 0, "label": "PER"},
    {"start": 13, "end": 18, "token_start": 3, "token_end": 3, "label": "LOC"},
]
TOKENS = [{"text": word, "start": 0, "end": 3, "id": n} for n, word in enumerate(WORDS)]
VALUES = [
    {"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]},
    {"start": 13, "end": 18, "text": "Paris", "labels": ["LOC"]},
]
RESULTS = [
    *({"type": "labels", "from_name": "label", "value": value} for value in VALUES),
    {"type": "relation", "from_id": "a", "to_id": "b"},
]
RECORDS = {
    "kerasbert": {"text": TEXT, "entities": ENTITIES},
    "doccano, label": {"id": 1, "text": TEXT, "label": TUPLES},
    "doccano, labels": {"text": TEXT, "labels": TUPLES, "meta": {}},
    "doccano, entities": {"text": TEXT, "entities": OFFSETS, "relations": []},
    "prodigy": {"text": TEXT, "tokens": TOKENS, "spans": SPANS, "answer": "accept"},
    "spaCy, a dictionary": {"text": TEXT, "entities": TUPLES},
    "spaCy, a pair": [TEXT, {"entities": TUPLES}],
    "spaCy, ents": {"text": TEXT, "ents": SPANS},
    "label studio": {"data": {"text": TEXT}, "annotations": [{"result": RESULTS}]},
    "label studio, min": {"text": TEXT, "label": VALUES, "annotator": 1},
    "label studio, old": {"data": {"my": TEXT}, "completions": [{"result": RESULTS}]},
    "pipeline": {
        "text": TEXT,
        "entities": [{**v, "entity_group": "X"} for v in VALUES],
    },
}
WORD_RECORDS = {
    "kerasbert": {"tokens": WORDS, "tags": TAGS},
    "datasets": {"id": "0", "tokens": WORDS, "pos_tags": [1] * 4, "ner_tags": TAGS},
    "run_ner": {"words": WORDS, "labels": TAGS},
    "objects": {"tokens": TOKENS, "ner": TAGS},
}


@pytest.fixture
def write(tmp_path):
    def write(records, name):
        content = (
            json.dumps(records)
            if name.endswith(".json")
            else "".join(f"{json.dumps(record)}\n" for record in records)
        )
        (tmp_path / name).write_text(content, "utf-8")
        return tmp_path / name

    return write


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
@pytest.mark.parametrize("name", RECORDS)
def test_entities_are_read_in_all_forms(write, name, suffix):
    file = write([RECORDS[name]] * 2, f"a.{suffix}")
    found = read_tagged(file)
    assert found == ([TEXT] * 2, [ENTITIES] * 2)
    assert (found.account.examples, set(found.account.labels)) == (2, {"PER", "LOC"})


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
@pytest.mark.parametrize("name", WORD_RECORDS)
def test_tags_are_read_in_all_forms_and_words_without_them(write, name, suffix):
    file = write([WORD_RECORDS[name]] * 2, f"a.{suffix}")
    assert read_tagged(file) == ([WORDS] * 2, [TAGS] * 2)
    with open_words(file) as texts:
        assert list(texts) == [WORDS] * 2


def test_columns_of_lists_are_read(write):
    columns = {"tokens": [WORDS, ["x"]], "ner_tags": [TAGS, ["O"]]}
    assert read_tagged(write(columns, "a.json")) == ([WORDS, ["x"]], [TAGS, ["O"]])
    one = {"tokens": WORDS, "ner_tags": TAGS}  # a row of lists is no table of columns
    assert read_tagged(write(one, "a.json")) == ([WORDS], [TAGS])


def test_tags_that_are_numbers_need_names(write):
    file = write([{"tokens": WORDS, "ner_tags": [1, 0, 0, 3]}], "a.jsonl")
    with pytest.raises(ValueError, match="names of tags in line 1 .*--labels O,B-PER"):
        read_tagged(file)
    names = ["O", "B-PER", "I-PER", "B-LOC"]
    assert read_tagged(file, tags=names, names=names) == ([WORDS], [TAGS])
    assert read_tagged(file, names=names).account.numbered
    with pytest.raises(ValueError, match="names of tags"):
        read_tagged(file, tags=names)  # the order of a model's labels says nothing
    with pytest.raises(ValueError, match="tags from 0 to 1, .* got 3 in line 1"):
        read_tagged(file, names=names[:2])


def test_records_that_people_rejected_or_skipped_are_counted(write):
    spans = {"text": TEXT, "spans": SPANS}
    answers = [{**spans, "answer": one} for one in ("accept", "reject", "ignore")]
    found = read_tagged_json(write(answers, "a.jsonl"))
    assert len(found[0]) == 1
    assert found.account.skipped == {
        "records whose answer is reject": 1,
        "records whose answer is ignore": 1,
    }
    studio = RECORDS["label studio"]
    cancelled = {"was_cancelled": True, "result": []}
    tasks = [
        {**studio, "annotations": [cancelled, *studio["annotations"]]},
        {**studio, "annotations": [cancelled]},
        {**studio, "annotations": []},
    ]
    found = read_tagged_json(write(tasks, "b.json"))
    assert found == ([TEXT], [ENTITIES])
    assert found.account.skipped == {"tasks without an annotation": 2}
    with pytest.raises(ValueError, match="holds none .skipped: 1 tasks without"):
        read_tagged_json(write(tasks[1:2], "c.json"))


def test_places_that_javascript_counted_are_read_by_the_words_there(write):
    text = "🗼🗼 Ada in Paris"
    value = {"start": 5, "end": 8, "text": "Ada", "labels": ["PER"]}
    [[entity]] = read_tagged_json(write([{"text": text, "label": [value]}], "a.json"))[
        1
    ]
    assert text[entity["start"] : entity["end"]] == "Ada"
    wrong = {"text": text, "label": [{**value, "start": 9, "end": 12}]}
    with pytest.raises(ValueError, match="'Ada' from character 9 to 12 .*row 1"):
        read_tagged_json(write([wrong], "a.json"))


@pytest.mark.parametrize(
    "record",
    [
        {"text": TEXT, "label": ["positive"]},
        {"text": TEXT, "entities": [[0, 3]]},
        {"text": TEXT, "entities": [{"start": "0", "end": 3, "type": "PER"}]},
        {"text": TEXT, "entities": [{"start": 0, "end": 3}]},
        {"sentence": TEXT},
        [TEXT, {"cats": {}}],
        {"tokens": WORDS, "tags": None},
        {"data": {"a": TEXT, "b": TEXT}, "annotations": [{"result": []}]},
        "Ada",
    ],
    ids=str,
)
def test_other_records_are_refused_with_the_form_that_is_wanted(write, record):
    with pytest.raises(ValueError, match="(row|line) 1 of .*a.json") as error:
        read_tagged_json(write([record], "a.json"))
    if "among the data" not in str(error.value):
        assert '"tags": ["B-PER"]' in str(error.value)
    assert str(error.value).count(TEXT) <= 2


CHOICES = [{"type": "choices", "value": {"choices": ["good"]}}]
CLASSES = {
    "doccano": {"id": 1, "text": "a", "label": ["good"]},
    "prodigy": {"text": "a", "options": [], "accept": ["good"], "answer": "accept"},
    "prodigy, binary": {"text": "a", "label": "good", "answer": "accept"},
    "label studio": {"data": {"text": "a"}, "annotations": [{"result": CHOICES}]},
    "label studio, min": {"text": "a", "sentiment": "good", "annotator": 1},
}


@pytest.mark.parametrize("name", CLASSES)
def test_classes_are_read_in_all_forms(write, name):
    rows = [CLASSES[name], {"text": "b", "answer": "reject"}]
    if "studio" in name:
        rows[1:] = [{"data": {"text": "b"}, "annotations": [{"result": []}]}]
    if "doccano" in name or "min" in name:
        del rows[1:]
    found = read_examples(write(rows, "a.json"), target=one_label)
    assert (found.inputs, found.targets) == (["a"], ["good"])
    assert sum(found.account.skipped.values()) == len(rows) - 1
    found = read_examples(write(rows, "a.json"), target=several_labels())
    assert found.targets == [["good"]]
