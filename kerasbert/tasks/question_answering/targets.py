"""Reference answers, and their tokens."""

import warnings

import numpy as np

from kerasbert.tasks.labels import checked_count


def known_answers(targets, count):
    """Validates reference answers; returns texts and starts.

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
    """Returns the first and last token of each question's answer.

    The first answer counts that stands in the context where it says.
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
    """Returns the first and last token of an answer, or None if misaligned."""
    answer, start = answer
    if not answer or start < 0 or not context.startswith(answer, start):
        return None
    end = start + len(answer)
    first = np.searchsorted(text.ends, start, side="right")
    last = np.searchsorted(text.starts, end) - 1
    return (first, last) if first <= last else None


def target_slots(windows, tokens):
    """Returns the positions of the answer in each row; 0 (`[CLS]`) if absent."""
    of_windows = tokens[windows.questions]  # [W, 2]
    places = of_windows - windows.starts[:, None]
    first, last = places.T
    there = (of_windows[:, 0] >= 0) & (first >= 0) & (last < windows.sizes)
    return np.where(there[:, None], places + windows.slots[:, None], 0)


def one_hot_rows(slots, lengths):
    """Returns one-hot rows for positions.

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
