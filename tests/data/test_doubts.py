"""Labels, scores and tags that were likely read from the wrong column."""

import pytest

from kerasbert.data import (
    DataAccount,
    check_label,
    check_labels,
    check_scores,
    check_tagged,
)


@pytest.fixture
def account():
    return DataAccount("train.tsv", "TSV", [], False, {"text": 1, "score": 2})


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (
            [f"text number {n}" for n in range(40)],
            "40 different ones in 40.*--label-col",
        ),
        ([f"this is a text {n}" for n in range(6)], "6 different ones in 6 examples"),
        (["1", "2", "3", "label"], "'label' once.*--header"),
        (["good", "bad", "good", "Sentiment"], "'Sentiment' once.*--header"),
        (["1.0", "4.75", "1.0"], "numbers such as 4.75.*regress"),
        (["good", "nan", "bad"], "'nan' for 1 of 3"),
        (["good", "Good"], "'good' .1 times. and 'Good'.*--labels"),
        (["very good", "very_good "], "more than spelling"),
        (["1", "1.0", "0"], "'1' .1 times. and '1.0'"),
        (["True", "true", "no"], "more than spelling"),
        (["1", "true"], "more than spelling"),
        (["ｇood", "good"], "more than spelling"),
        (["a"] * 999 + ["b"] * 500 + ["odd"], "only one of 'odd' among 1,500"),
        (["good"] * 37 + ["bad"] * 37 + ["godo"], "only one of 'godo' among 75"),
        (["old,big", "old", "big", "old,big"], "--multi-label"),
        (["old;big", "old;small", "small;big"], "--label-separator ';'"),
        (["B-PER", "O", "I-PER"], "tags of words.*task .tag"),
    ],
)
def test_labels_that_are_unlike_classes_are_refused(account, targets, message):
    with pytest.raises(ValueError, match=message) as error:
        check_labels(targets, account)
    assert "train.tsv" in str(error.value)


@pytest.mark.parametrize(
    "targets",
    [
        ["1", "0"] * 2,
        ["good", "bad", "so so", "fine"],  # a class each, among few
        [str(n % 10) for n in range(20)],
        ["0.0", "1.0"] * 5,
        ["1", "2", "3", "4", "5"] * 4,
        ["label", "text"] * 4,
        ["neither", "some"] * 3,
        ["good", "bad"] * 36 + ["so so"],  # fewer than 25 of a class
        ["C", "C++", "C#", "-", "+"] * 2,
        [f"intent {n % 150}" for n in range(600)],
        ["a"] * 1500 + ["b"] * 2,
        ["Food, drink", "Sports"] * 8,
        ["yes", "no", "O"] * 4,
    ],
)
def test_labels_of_honest_data_pass(account, targets):
    check_labels(targets, account)


def test_lists_of_labels_are_looked_at_one_by_one(account):
    check_labels([["a,b", "a"], [], ["b"]], account, several=True)
    check_labels([[], []], account, several=True)
    with pytest.raises(ValueError, match="more than spelling"):
        check_labels([["a"], ["A", "b"]], account, several=True)


def test_a_label_that_differs_in_writing_alone_is_said_to(account):
    with pytest.raises(ValueError, match="differs from 'Good' in spelling only"):
        check_label("good ", ["Good", "Bad"], "line 3 of a.tsv")
    with pytest.raises(ValueError, match="among Good, Bad, got 'fine' in line 3"):
        check_label("fine", ["Good", "Bad"], "line 3 of a.tsv")


def test_scores_that_are_constant_or_number_the_rows_are_refused(account):
    with pytest.raises(ValueError, match="got 4 for all 5 examples"):
        check_scores([4.0] * 5, account)
    check_scores([4.0] * 5, account, learns=False)
    with pytest.raises(ValueError, match="got 1, 2, 3, ..., which are row numbers"):
        check_scores([float(n) for n in range(1, 30)], account)
    check_scores([1.0, 2.0, 3.0, 4.0], account)
    check_scores([float(n % 5) for n in range(100)], account)


WORDS = [["word", "of", "a", "text"]] * 30
TAGS = [["O", "B-X", "O", "O"]] * 30


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        ([["a"] * 501], [["O"] * 501], "one text of 501 words.*--sentence-column"),
        (WORDS, [[f"{n}{m}" for m in range(4)] for n in range(30)], "120 different"),
        (WORDS, [["_"] * 4] * 30, "'_' for every word.*--label-column"),
        ([["口0", "腔1"]] * 30, [["O", "O"]] * 30, "--characters"),
        ([["en:a", "en:b"]] * 30, [["O", "O"]] * 30, "--word-prefix en:"),
        ([["1", "2"]] * 30, [["O", "O"]] * 30, "got numbers.*--text-column"),
        ([["1"], ["1", "2"]], [["O"], ["O", "O"]], "got numbers.*--text-column"),
        ([["1-2", "1", "2"]], [["_", "A", "O"]], "got numbers, such as '1-2'"),
    ],
)
def test_tagged_words_of_the_wrong_columns_are_refused(
    account, inputs, targets, message
):
    with pytest.raises(ValueError, match=message):
        check_tagged(inputs, targets, account)


def test_tagged_words_of_honest_data_pass(account):
    check_tagged(WORDS, TAGS, account)
    check_tagged([["a"]], [["O"]], account)
    check_tagged([["1"], ["2", "1"]], [["O"], ["O", "O"]], account)
    check_tagged(["a text"], [[]], account)
    check_tagged([["en:a", "b"]] * 30, [["O", "O"]] * 30, account)
