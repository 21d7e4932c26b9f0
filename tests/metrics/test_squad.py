"""All numbers are worked out by hand from the definitions of the official scripts."""

import pytest

from kerasbert.metrics import squad2_metrics, squad_metrics


def of_one(prediction, *answers, **options):
    metrics = squad_metrics([prediction], [answers], **options)
    return metrics["exact_match"], pytest.approx(metrics["f1"])


# Prediction, answers, exact match, F1.
ENGLISH = {
    "the same": ("Paris", ["Paris"], 100, 100),
    "case, punctuation, articles, spaces": (
        "  The “Eiffel”  tower!! ".replace("“", '"').replace("”", '"'),
        ["a eiffel tower"],
        100,
        100,
    ),
    # 2 of 3 words, and 2 of 4: 2 * 2 / (3 + 4).
    "some words": ("near old Paris", ["Paris, near the big river"], 0, 400 / 7),
    "words count as often as they stand": ("bye bye", ["bye bye bye"], 0, 80),
    "no word": ("Rome", ["Paris"], 0, 0),
    "the best of several": ("on May 1", ["June", "May 1 1903", "1 May"], 0, 80),
    # A hyphen is taken away, not replaced by a space.
    "hyphens": ("well-known", ["well known"], 0, 0),
    "an article within a word stays": ("theatre", ["atre"], 0, 0),
    "punctuation beyond ASCII stays": ("“Paris”", ["Paris"], 0, 0),
    # Nothing is left of either: equal, but no word in common, says SQuAD 1.1.
    "articles alone": ("the", ["an"], 100, 0),
    "no answer": ("", ["Paris"], 0, 0),
}


@pytest.mark.parametrize(
    ("prediction", "answers", "exact", "f1"), ENGLISH.values(), ids=ENGLISH
)
def test_english_answers_count_as_in_squad(prediction, answers, exact, f1):
    assert of_one(prediction, *answers, language="en") == (exact, f1)


CHINESE = {
    "the same": ("北京", ["北京"], 100, 100),
    "punctuation": ("《北京》，", ["北-京。"], 100, 100),
    # The longest run that both have: 3 characters, of 4 and of 5.
    "a run of characters": ("在北京市", ["北京市中心"], 0, 600 / 9),
    # 北京 and 中心 are in both, but apart: 2 of 5 and of 4.
    "one run alone counts": ("北京的中心", ["北京中心"], 0, 400 / 9),
    # The same characters in another order: runs of 1, of 2 and of 2.
    "order": ("京北", ["北京"], 0, 50),
    # 任 天 堂 ds 3.5: 2 of 3 tokens, 2 of 2.
    "other scripts by words": ("买DS 3.5", ["ds 3.5"], 0, 80),
    "the best of several": ("三年", ["两年", "三 年"], 0, 100),
    "nothing in common": ("北京", ["上海"], 0, 0),
}


@pytest.mark.parametrize(
    ("prediction", "answers", "exact", "f1"), CHINESE.values(), ids=CHINESE
)
def test_chinese_answers_count_as_in_cmrc_2018(prediction, answers, exact, f1):
    assert of_one(prediction, *answers, language="zh") == (exact, f1)


def test_the_language_is_that_of_most_answers():
    chinese = squad_metrics(["北京", "a b"], [["在北京"], ["上海 b"]])
    assert chinese == squad_metrics(
        ["北京", "a b"], [["在北京"], ["上海 b"]], language="zh"
    )
    # 2 of 2 and 3; a b: 1 of 2 and 3. In English 北京 would have nothing in common.
    assert chinese["f1"] == pytest.approx((80 + 40) / 2)
    mostly_english = [["Beijing 北京"], ["Rome"], ["Oslo"]]
    found = squad_metrics(["北京", "Rome", "Oslo"], mostly_english)
    assert found["f1"] == pytest.approx((200 / 3 + 100 + 100) / 3)


def test_metrics_are_means_over_questions():
    metrics = squad_metrics(["Paris", "a b", "no"], [["paris"], ["b c"], ["yes"]])
    # In "a b" the article goes: b, of 1 and 2 words.
    assert metrics == {
        "exact_match": pytest.approx(100 / 3),
        "f1": pytest.approx((100 + 200 / 3) / 3),
    }


SQUAD2 = {
    # Predictions, answers: hit, half hit, missed answer; right and wrong no answer.
    "predictions": ["Paris", "old Rome", "", "", "Oslo"],
    "answers": [["paris"], ["Rome"], ["Bonn"], [], []],
}


def test_squad_2_counts_questions_without_answers_apart():
    metrics = squad2_metrics(**SQUAD2)
    assert metrics == {
        "exact_match": pytest.approx(40.0),
        "f1": pytest.approx((100 + 200 / 3 + 0 + 100 + 0) / 5),
        "HasAns_exact_match": pytest.approx(100 / 3),
        "HasAns_f1": pytest.approx((100 + 200 / 3) / 3),
        "NoAns_exact_match": 50.0,
        "NoAns_f1": 50.0,
    }


def test_squad_2_leaves_out_answers_of_which_nothing_is_left():
    # The only answers are articles, so that no answer is the right one; the questions
    # count as ones with an answer all the same, as in the official script.
    metrics = squad2_metrics(
        ["", "the", "Rome"], [["the"], ["a", "an"], ["An", "Oslo"]]
    )
    assert metrics["f1"] == metrics["HasAns_f1"] == pytest.approx(200 / 3)
    assert "NoAns_f1" not in metrics


def test_squad_2_finds_the_best_threshold():
    metrics = squad2_metrics(
        ["Paris", "old Rome", "Lima", "Oslo"],
        [["Paris"], ["Rome"], [], []],
        no_answer_scores=[0.1, 0.2, 0.6, 0.9],
    )
    # Nothing answered: 2 of 4. Up to 0.1: 3. Up to 0.2: 3 exact, 3 + 2/3 in F1. Up to
    # 0.6 and 0.9, one question without an answer more is answered.
    assert metrics["best_exact_match"] == 75
    assert metrics["best_exact_match_threshold"] == 0.1
    assert metrics["best_f1"] == pytest.approx(100 * (3 + 2 / 3) / 4)
    assert metrics["best_f1_threshold"] == 0.2


def test_squad_2_answers_nothing_where_that_is_best():
    metrics = squad2_metrics(["Oslo", "Bonn"], [[], ["Rome"]], [0.3, 0.4])
    assert metrics["best_f1"] == 50
    assert metrics["best_f1_threshold"] == 0


@pytest.mark.parametrize("metric", [squad_metrics, squad2_metrics])
def test_as_many_predictions_as_questions_are_asked_for(metric):
    with pytest.raises(ValueError, match="got 1 predictions for 2"):
        metric(["a"], [["a"], ["b"]])
    with pytest.raises(ValueError, match="at least one question"):
        metric([], [])


def test_questions_without_answers_are_sent_to_squad_2():
    with pytest.raises(ValueError, match="none at position 1.*squad2_metrics"):
        squad_metrics(["a", "b"], [["a"], []])


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match="'en' or 'zh', got 'fr'"):
        squad_metrics(["a"], [["a"]], language="fr")
