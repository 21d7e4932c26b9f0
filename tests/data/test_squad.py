import json
import warnings

import pytest

from kerasbert.data import read_squad

CONTEXT = "She lives in Paris 🗼, near the river."


def answer(text, start):
    return {"text": text, "answer_start": start}


def question(number, *answers, **others):
    return {
        "id": f"q{number}",
        "question": f"Where, {number}?",
        "answers": list(answers),
        **others,
    }


def squad(*questions, context=CONTEXT):
    return {"data": [{"paragraphs": [{"context": context, "qas": list(questions)}]}]}


@pytest.fixture
def read(tmp_path):
    def read(contents, **options):
        file = tmp_path / "squad.json"
        file.write_text(json.dumps(contents), "utf-8")
        return read_squad(file, **options)

    return read


def test_questions_come_in_order_with_their_contexts_and_answers(read):
    data = read(squad(question(1, answer("Paris", 13), answer("near the river", 22))))
    assert data.ids == ["q1"]
    assert data.inputs == [("Where, 1?", CONTEXT)]
    # Starts count characters, of which the tower is one.
    assert data.targets == [
        {"text": ["Paris", "near the river"], "answer_start": [13, 22]}
    ]
    assert data.misaligned == []


def test_impossible_questions_have_no_answer_and_plausible_ones_do_not_count(read):
    impossible = question(1, is_impossible=True, plausible_answers=[answer("She", 0)])
    answered = question(2, answer("She", 0), is_impossible=False)
    data = read(squad(impossible, answered, question(3)))
    assert data.targets == [None, {"text": ["She"], "answer_start": [0]}, None]


def test_answers_that_do_not_match_their_context_are_counted_and_reported(read):
    questions = [
        question(1, answer("Paris", 13)),
        question(2, answer("Paris", 12), answer("She", 0)),
        question(3, answer("Rome", 13)),
        question(4, answer("", 3)),
        question(5, answer("river.", -7)),
    ]
    with pytest.warns(UserWarning) as caught:
        data = read(squad(*questions))
    [warning] = caught
    assert "3 of the 5 questions" in str(warning.message)
    assert "'q2'" in str(warning.message)
    assert "excludes 2 of the questions" in str(warning.message)
    assert data.misaligned == ["q2", "q3", "q5"]
    assert [target and target["answer_start"] for target in data.targets] == [
        [13],
        [-1, 0],
        [-1],
        None,  # an empty text is no answer
        [-1],
    ]
    assert data.targets[2]["text"] == ["Rome"]  # metrics compare texts


def test_questions_may_be_read_without_what_the_file_says_of_answers(read):
    wrong = [question(1, answer("Rome", 13)), question(2, "none", answers=7)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = read(squad(*wrong), answers=False)
    assert (data.ids, data.targets, data.misaligned) == (["q1", "q2"], None, [])


def test_a_file_without_answers_gives_questions_alone(read):
    asked = [{"id": "a", "question": "Who?"}, {"id": "b", "question": "Where?"}]
    data = read(squad(*asked))
    assert data.inputs == [("Who?", CONTEXT), ("Where?", CONTEXT)]
    assert data.targets is None
    assert len(data) == 2


def test_other_fields_are_passed_over(read):
    contents = squad({**question(1, answer("She", 0)), "level": 3})
    contents |= {"version": "v2.0"}
    contents["data"][0]["title"] = "a city"
    assert len(read(contents)) == 1


BROKEN = {
    "a list": ([], "Expected questions in .*, got none"),
    "a string": ("data", "Expected questions as JSON in .*, got"),
    "no data": ({"dat": []}, "Expected data in .*got 'dat' instead"),
    "data of another type": (
        {"data": {}},
        "Expected a list at data of .*, got dict",
    ),
    "a text among paragraphs": (
        {"data": [{"paragraphs": ["x"]}]},
        r"Expected an object with 'context' at data\[0\].paragraphs\[0\]",
    ),
    "no context": (
        {"data": [{"paragraphs": [{"qas": []}]}]},
        r"Expected data\[0\].paragraphs\[0\].context in .*got 'qas' instead",
    ),
    "no text": (
        squad(question(1, answer("She", 0)), question(2, {"answer_start": 3})),
        r"Expected data\[0\].paragraphs\[0\].qas\[1\].answers\[0\].text in",
    ),
    "a start that is a string": (
        squad(question(1, answer("She", "0"))),
        r"a whole number at .*answers\[0\].answer_start of .*, got str: '0'",
    ),
    "an id that is a list": (
        squad({"id": [1], "question": "Who?", "answers": []}),
        r"Expected a string at data\[0\].paragraphs\[0\].qas\[0\].id of",
    ),
    "answers for some": (
        squad(question(1), {"id": "2", "question": "Who?"}),
        r"for all questions .* or for none, got none at .*qas\[1\]",
    ),
    "nothing": ({"data": []}, "Expected questions in .*, got none"),
}


@pytest.mark.parametrize(("contents", "message"), BROKEN.values(), ids=BROKEN)
def test_a_file_in_another_format_is_refused_by_its_place(read, contents, message):
    with pytest.raises(ValueError, match=f"(?s){message}") as error:
        read(contents)
    assert "squad.json" in str(error.value)


def test_a_file_that_is_cut_off_is_refused_by_its_line(tmp_path):
    file = tmp_path / "squad.json"
    file.write_text('{"data": [\n{"paragraphs": [', "utf-8")
    with pytest.raises(ValueError, match="Expected JSON in .*squad.json, but line 2"):
        read_squad(file)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"squad\.json"):
        read_squad(tmp_path / "squad.json")


def test_what_stands_where_it_should_gives_no_warning(read):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(squad(question(1, answer(CONTEXT, 0))))


NONE = {
    "no answers": [],
    "an empty text": [answer("", 0)],
    "a start of -1": [answer("", -1)],
}


@pytest.mark.parametrize("name", NONE)
def test_a_question_without_an_answer_is_one_however_that_is_written(read, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = read(squad(question(1, answer("She", 0)), question(2, *NONE[name])))
        lists = {"text": [a["text"] for a in NONE[name]]}
        lists["answer_start"] = [a["answer_start"] for a in NONE[name]]
        other = read(squad({**question(2), "answers": lists}))
    assert data.targets[1] is other.targets[0] is None
    assert "1 questions have none" in data.account.line


@pytest.mark.parametrize("value", [True, 1, "true", "1"])
def test_what_is_impossible_may_be_a_number_or_a_word(read, value):
    data = read(squad(question(1, answer("She", 0), is_impossible=value)))
    assert data.targets == [None]
    data = read(squad(question(1, answer("She", 0), is_impossible=type(value)(0) or 0)))
    assert data.targets == [{"text": ["She"], "answer_start": [0]}]
    with pytest.raises(ValueError, match="true or false at .*is_impossible"):
        read(squad(question(1, is_impossible=2)))


def test_ids_may_be_numbers_or_missing(read):
    asked = [question(1), question(2), question(3)]
    asked[0]["id"] = 7
    del asked[1]["id"], asked[2]["id"]
    data = read(squad(*asked))
    assert data.ids[0] == "7"
    assert len(set(data.ids)) == 3
    assert data.ids == read(squad(*asked)).ids
    with pytest.warns(UserWarning, match="1 questions .* duplicate ids, .*'q1'"):
        read(squad(question(1), question(1)))


ROW = {
    "id": "a",
    "title": "t",
    "context": CONTEXT,
    "question": "Where?",
    "answers": {"text": ["Paris"], "answer_start": [13]},
}
FLAT = {
    "rows": [ROW, {**ROW, "id": "b"}],
    "a row": ROW,
    "rows under data": {"data": [ROW, {**ROW, "id": "b"}]},
    "one answer": [{**ROW, "answers": {"text": "Paris", "answer_start": 13}}],
    "paragraphs": [{"context": CONTEXT, "qas": [question(1, answer("Paris", 13))]}],
    "articles": squad(question(1, answer("Paris", 13)))["data"],
    "CMRC": [
        {
            "context_id": "T1",
            "context_text": CONTEXT,
            "qas": [{"query_id": "Q", "query_text": "Where?", "answers": ["Paris"]}],
        }
    ],
}


@pytest.mark.parametrize("name", FLAT)
def test_cousins_of_squad_are_read(read, name):
    data = read(FLAT[name])
    assert data.inputs[0][1] == CONTEXT
    assert data.targets[0] == {"text": ["Paris"], "answer_start": [13]}
    assert len(set(data.ids)) == len(data) == data.account.examples


def test_rows_may_be_lines(tmp_path):
    file = tmp_path / "rows.jsonl"
    lines = [json.dumps({**ROW, "id": str(n)}) + "\n" for n in range(3)]
    file.write_text("\n".join(lines), "utf-8")
    data = read_squad(file)
    assert data.ids == ["0", "1", "2"]
    assert data.account.format == "questions, JSON lines"
    document = json.dumps(squad(question(1, answer("She", 0))))
    file.write_text(f"{document}\n", "utf-8")
    assert read_squad(file).ids == ["q1"]


def test_answers_without_starts_have_to_stand_there_once(read):
    with pytest.warns(UserWarning, match="1 of the 2 questions"):
        data = read(squad(question(1, "Paris"), question(2, "e")))
    assert [target["answer_start"] for target in data.targets] == [[13], [-1]]
    with pytest.raises(ValueError, match="as many starts as texts"):
        read([{**ROW, "answers": {"text": ["a", "b"], "answer_start": [1]}}])


def test_a_file_of_other_things_is_refused_with_the_form_that_is_wanted(read, tmp_path):
    for other in ([{"text": "a", "label": 1}], {"text": "a"}, [["a"]]):
        with pytest.raises(ValueError, match='Supported are {"data": .*"answer_start"'):
            read(other)
    (tmp_path / "a.csv").write_text("question,context\n")
    with pytest.raises(ValueError, match="Expected questions as JSON .*Supported are"):
        read_squad(tmp_path / "a.csv")
