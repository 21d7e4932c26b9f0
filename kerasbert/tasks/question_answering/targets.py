"""Answers that people gave: in which form, and on which tokens they stand."""

import warnings

import numpy as np

from kerasbert.tasks.labels import checked_count


def known_answers(targets, count):
    """The answers to questions, as texts and where they begin.

    Returns:
        For each question a list of pairs of a text and its first character, which is
        -1 where it is not known.

    Raises:
        ValueError: If there are more or fewer targets, or one is none; the message
            says which.

    Example:
        >>> known_answers([{"text": "Paris", "answer_start": 3}, None], 2)
        [[('Paris', 3)], []]
    """
    return [
        _answers(target, position)
        for position, target in enumerate(checked_count(targets, count))
    ]


def _answers(target, position):
    if target is None:
        return []
    if isinstance(target, list):
        return [pair for part in target for pair in _answers(part, position)]
    if isinstance(target, dict) and "text" in target:
        texts, starts = target["text"], target.get("answer_start")
        if isinstance(texts, str):
            texts, starts = [texts], [starts]
        starts = [-1] * len(texts) if starts is None else starts
        starts = [-1 if start is None else start for start in starts]
        if (
            len(texts) == len(starts)
            and all(isinstance(text, str) for text in texts)
            and all(isinstance(start, int | np.integer) for start in starts)
        ):
            return list(zip(texts, map(int, starts), strict=True))
    raise ValueError(
        'Expected an answer such as {"text": "Paris", "answer_start": 17}, a list of '
        f"them, or None where there is none; got {str(target)[:80]!r} at position "
        f"{position}."
    )


def answer_tokens(pairs, answers, contexts):
    """The first and the last token of the answer to each question.

    The first answer counts that stands in the context where it says.

    Returns:
        int64 array `[n, 2]`; -1 twice where there is no answer, -2 where none stands
        in the context. A warning says how many of the latter there are, but for those
        whose place is not known, and names one.
    """
    tokens = np.full((len(pairs), 2), NO_ANSWER, "int64")
    wrong = []
    for number, ((_, context), known, text) in enumerate(
        zip(pairs, answers, contexts, strict=True)
    ):
        if not known:
            continue
        spans = [_tokens_of(answer, context, text) for answer in known]
        found = next((span for span in spans if span is not None), None)
        tokens[number] = MISALIGNED if found is None else found
        if found is None and any(start >= 0 for _, start in known):
            wrong.append(number)
    if wrong:
        question = pairs[wrong[0]][0]
        warnings.warn(
            f"{len(wrong)} of the {len(pairs)} questions have no answer that stands in "
            "their context where answer_start, which counts characters, says; such as "
            f"that at position {wrong[0]}: {question[:60]!r}. They are left out of "
            "training.",
            stacklevel=4,
        )
    return tokens


NO_ANSWER, MISALIGNED = -1, -2


def _tokens_of(answer, context, text):
    """The first and the last token of an answer; None where it does not stand."""
    answer, start = answer
    if not answer or start < 0 or not context.startswith(answer, start):
        return None
    end = start + len(answer)
    first = np.searchsorted(text.ends, start, side="right")
    last = np.searchsorted(text.starts, end) - 1
    return (first, last) if first <= last else None


def target_slots(windows, tokens):
    """Where the answer stands in each row; 0, that is `[CLS]`, where it is not there.

    Returns:
        int64 array `[W, 2]`: the slots of the first and the last token of the answer.
    """
    of_windows = tokens[windows.questions]  # [W, 2]
    places = of_windows - windows.starts[:, None]
    first, last = places.T
    there = (of_windows[:, 0] >= 0) & (first >= 0) & (last < windows.sizes)
    return np.where(there[:, None], places + windows.slots[:, None], 0)


def one_hot_rows(slots, lengths):
    """Rows with a one at a slot and zeros elsewhere.

    Returns:
        A list of int8 arrays.

    Example:
        >>> [row.tolist() for row in one_hot_rows([1, 0], [3, 2])]
        [[0, 1, 0], [1, 0]]
    """
    rows = []
    for slot, length in zip(slots, lengths, strict=True):
        row = np.zeros(length, "int8")
        row[slot] = 1
        rows.append(row)
    return rows
