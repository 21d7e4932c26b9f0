import numpy as np
import pytest

from kerasbert.tasks.question_answering.preprocessor import TokenizedText
from kerasbert.tasks.question_answering.targets import (
    answer_tokens,
    known_answers,
    one_hot_rows,
    target_slots,
)
from kerasbert.tasks.question_answering.windows import Windows

CONTEXT = "An old  unhappy man"
# an, old, un, ##happy, man
TEXT = TokenizedText(
    np.arange(5), np.array([0, 3, 8, 10, 16]), np.array([2, 6, 10, 15, 19])
)


def tokens_of(*answers):
    return answer_tokens([("Who?", CONTEXT)], [list(answers)], [TEXT]).tolist()[0]


def test_answers_come_in_every_form_that_people_write_them_in():
    forms = [
        {"text": "old", "answer_start": 3},
        {"text": ["old"], "answer_start": [3]},
        [{"text": "old", "answer_start": 3}],
    ]
    assert known_answers(forms, 3) == [[("old", 3)]] * 3
    assert known_answers([None, [], {"text": [], "answer_start": []}], 3) == [[]] * 3
    assert known_answers([{"text": ["old", "An"]}], 1) == [[("old", -1), ("An", -1)]]


@pytest.mark.parametrize(
    "wrong",
    ["old", {"answer": "old"}, {"text": ["a", "b"], "answer_start": [1]}, {"text": [3]}]
    + [{"text": "old", "answer_start": "3"}],
)
def test_what_is_no_answer_is_refused_by_its_position(wrong):
    with pytest.raises(ValueError, match="or None where there is none; .*position 1"):
        known_answers([None, wrong], 2)


def test_as_many_targets_as_questions_are_asked_for():
    with pytest.raises(ValueError, match="each of 2 examples, got 1"):
        known_answers([None], 2)


def test_an_answer_stands_on_the_tokens_that_it_touches():
    assert tokens_of(("old", 3)) == [1, 1]
    assert tokens_of(("old  unhappy", 3)) == [1, 3]
    assert tokens_of(("happ", 10)) == [3, 3]
    assert tokens_of((" unhappy ", 7)) == [2, 3]
    assert tokens_of((CONTEXT, 0)) == [0, 4]


def test_the_first_answer_that_stands_in_the_context_counts():
    assert tokens_of(("old", 4), ("man", 16), ("An", 0)) == [4, 4]


def test_an_answer_that_is_not_there_is_counted_and_named():
    pairs = [("Who is it?", CONTEXT), ("What is it?", CONTEXT), ("Why?", CONTEXT)]
    answers = [[("man", 16)], [("old", 4), ("young", 3)], [("", 3), ("  ", 6)]]
    with pytest.warns(UserWarning, match="2 of the 3 .* at position 1: 'What is it"):
        tokens = answer_tokens(pairs, answers, [TEXT] * 3)
    assert tokens.tolist() == [[4, 4], [-2, -2], [-2, -2]]


def test_a_place_that_nobody_knows_and_no_answer_are_no_mistakes():
    assert tokens_of(("old", -1)) == [-2, -2]
    assert tokens_of() == [-1, -1]


def test_targets_are_slots_of_windows_that_hold_the_whole_answer():
    windows = Windows(
        token_ids=None,
        segment_ids=None,
        questions=np.array([0, 0, 0, 1, 2]),
        slots=np.array([3, 3, 3, 5, 4]),
        starts=np.array([0, 2, 4, 0, 0]),
        sizes=np.array([4, 4, 4, 4, 4]),
    )
    slots = target_slots(windows, np.array([[3, 4], [0, 3], [-1, -1]]))
    # The first window ends at token 3, the third begins at 4.
    assert slots.tolist() == [[0, 0], [4, 5], [0, 0], [5, 8], [0, 0]]


def test_rows_have_a_one_at_the_slot():
    rows = one_hot_rows(np.array([2, 0]), [3, 1])
    assert [row.tolist() for row in rows] == [[0, 0, 1], [1]]
