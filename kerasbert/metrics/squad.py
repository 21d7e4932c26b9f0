"""Exact match and F1 of answers, equal to the official scripts of SQuAD and CMRC 2018.

Metrics are percentages.
"""

import collections
import re
import string
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_CHINESE = re.compile("[\u4e00-\u9fa5]")
# Punctuation as defined by CMRC 2018.
_NO_CHINESE_PUNCTUATION = str.maketrans(
    "", "", "-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』"
)
_OTHER_WORD = r"[^\W\u4e00-\u9fa5]+"
_CHINESE_TOKEN = re.compile(
    rf"[\u4e00-\u9fa5]|{_OTHER_WORD}(?:[.,']{_OTHER_WORD})*|[^\w\s]"
)


def squad_metrics(
    predictions: Sequence[str],
    answers: Sequence[Sequence[str]],
    language: str | None = None,
) -> dict[str, float]:
    """Computes exact match and F1 as defined by SQuAD 1.1 and CMRC 2018.

    Of several reference answers, the best match counts. In English, case, punctuation,
    articles and whitespace are ignored, and F1 compares bags of words. In Chinese, case
    and punctuation are ignored, and F1 is based on the longest common substring of
    characters; words in other scripts are one token each (where the official script
    calls NLTK).

    Args:
        predictions: One string per question.
        answers: Reference answers of each question, strings.
        language: `"en"` or `"zh"`; None infers Chinese if most questions have an answer
            with a Chinese character.

    Returns:
        `{"exact_match", "f1"}`, from 0 to 100.

    Raises:
        ValueError: If there are no questions, the numbers of predictions and answers
            differ, or a question has no answer.

    Example:
        >>> squad_metrics(["The Hague", "May 1"], [["hague"], ["1 May 1903", "1903"]])
        {'exact_match': 50.0, 'f1': 90.0}

    Reference:
        [Rajpurkar et al., 2016](https://arxiv.org/abs/1606.05250), section 6.1;
        [Cui et al., 2019](https://arxiv.org/abs/1810.07366), section 3.
    """
    answers = _checked(predictions, answers)
    for position, golds in enumerate(answers):
        if not golds:
            raise ValueError(
                f"Expected an answer for each question, got none at position "
                f"{position}. Use squad2_metrics for unanswerable questions."
            )
    exact, overlap = _measures(answers, language)
    pairs = list(zip(predictions, answers, strict=True))
    return {
        "exact_match": _percent([_best(exact, text, golds) for text, golds in pairs]),
        "f1": _percent([_best(overlap, text, golds) for text, golds in pairs]),
    }


def squad2_metrics(
    predictions: Sequence[str],
    answers: Sequence[Sequence[str]],
    no_answer_scores: Sequence[float] | None = None,
    language: str | None = None,
) -> dict[str, float]:
    """Computes exact match and F1 as defined by SQuAD 2.0.

    Args:
        predictions: One string per question, `""` for no answer.
        answers: Reference answers of each question; empty for unanswerable questions.
        no_answer_scores: Score of "no answer" for each question. The best threshold
            above which a question counts as unanswerable is searched; predictions are
            then the best answers, regardless of the score.
        language: `"en"` or `"zh"`, see `squad_metrics`.

    Returns:
        `{"exact_match", "f1"}`, and if there are such questions, `HasAns_exact_match`
        and `HasAns_f1` of answerable questions, and `NoAns_exact_match` and `NoAns_f1`
        of unanswerable ones. With `no_answer_scores` also `best_exact_match`, `best_f1`
        and their thresholds `best_exact_match_threshold` and `best_f1_threshold`.

    Raises:
        ValueError: If there are no questions, or the numbers of predictions and answers
            differ.

    Example:
        >>> squad2_metrics(["Paris", ""], [["Paris"], []])["NoAns_f1"]
        100.0

    Reference:
        [Rajpurkar et al., 2018](https://arxiv.org/abs/1806.03822), section 5.
    """
    answers = _checked(predictions, answers)
    exact, overlap = _measures(answers, language)
    # Answers that normalize to nothing, such as "the", count as no answer.
    normalize = _normalized if exact is _same_words else _normalized_chinese
    has_answer = [bool(golds) for golds in answers]
    answers = [[gold for gold in golds if normalize(gold)] for golds in answers]
    scores = {"exact_match": [], "f1": []}
    for text, golds in zip(predictions, answers, strict=True):
        scores["exact_match"].append(_best(exact, text, golds or [""]))
        said, known = bool(normalize(text)), bool(golds)
        both = said and known
        scores["f1"].append(_best(overlap, text, golds) if both else said == known)
    metrics = {name: _percent(values) for name, values in scores.items()}
    for group, wanted in (("HasAns", True), ("NoAns", False)):
        for name, values in scores.items():
            of_group = [
                value
                for value, has in zip(values, has_answer, strict=True)
                if has == wanted
            ]
            if of_group:
                metrics[f"{group}_{name}"] = _percent(of_group)
    if no_answer_scores is not None:
        for name, values in scores.items():
            best, threshold = _best_threshold(
                values, list(no_answer_scores), has_answer, map(bool, predictions)
            )
            metrics[f"best_{name}"] = best
            metrics[f"best_{name}_threshold"] = threshold
    return metrics


def _best_threshold(scores, no_answer_scores, has_answer, said):
    """Returns the best percentage over all thresholds, and the threshold."""
    total = best = sum(not has for has in has_answer)
    threshold = 0.0
    questions = zip(no_answer_scores, scores, has_answer, said, strict=True)
    for no_answer, score, has, answered in sorted(questions, key=lambda q: q[0]):
        total += score if has else -answered
        if total > best:
            best, threshold = total, no_answer
    return 100.0 * best / len(scores), threshold


def _checked(predictions, answers):
    answers = [list(golds) for golds in answers]
    if len(predictions) != len(answers) or not answers:
        raise ValueError(
            "Expected one prediction per question, for at least one question, got "
            f"{len(predictions)} predictions for {len(answers)} questions."
        )
    return answers


def _measures(answers, language):
    """Returns the functions that compute exact match and F1 of an answer."""
    if language is None:
        chinese = sum(any(map(_CHINESE.search, golds)) for golds in answers)
        language = "zh" if chinese > sum(map(bool, answers)) / 2 else "en"
    if language not in _MEASURES:
        raise ValueError(f"Expected the language 'en' or 'zh', got {language!r}.")
    return _MEASURES[language]


def _best(measure, text, golds):
    return max(measure(text, gold) for gold in golds)


def _percent(values):
    return 100.0 * sum(values) / len(values)


def _normalized(text):
    text = _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION))
    return " ".join(text.split())


def _same_words(text, gold):
    return float(_normalized(text) == _normalized(gold))


def _common_words(text, gold):
    words, gold_words = _normalized(text).split(), _normalized(gold).split()
    common = collections.Counter(words) & collections.Counter(gold_words)
    return _f1(common.total(), len(words), len(gold_words))


def _normalized_chinese(text):
    return text.lower().strip().translate(_NO_CHINESE_PUNCTUATION)


def _same_characters(text, gold):
    return float(_normalized_chinese(text) == _normalized_chinese(gold))


def _common_run(text, gold):
    tokens = _CHINESE_TOKEN.findall(_normalized_chinese(text))
    gold_tokens = _CHINESE_TOKEN.findall(_normalized_chinese(gold))
    longest, row = 0, [0] * (len(gold_tokens) + 1)
    for token in tokens:
        # row[i]: length of the common run that ends at this token and gold token i.
        row = [0] + [
            before + 1 if token == other else 0
            for before, other in zip(row, gold_tokens, strict=False)
        ]
        longest = max(longest, *row)
    return _f1(longest, len(tokens), len(gold_tokens))


def _f1(common, predicted, known):
    return 2.0 * common / (predicted + known) if common else 0.0


_MEASURES = {
    "en": (_same_words, _common_words),
    "zh": (_same_characters, _common_run),
}
