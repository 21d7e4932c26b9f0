"""Segments of documents: the sequences of tokens that a model is pretrained on."""

import itertools

import numpy as np

PAIR_TASKS = ("none", "next_sentence", "sentence_order")


class SegmentMaker:
    """Cuts documents into sequences of one segment or two.

    Args:
        room: How many tokens a sequence has, special tokens not counted.
        pair_task: `"next_sentence"`: the second segment follows the first (label 0),
            or is of another document (label 1); `"sentence_order"`: the two follow
            each other (label 0), or are swapped (label 1); `"none"`: one segment.
        short_probability: Which part of the sequences is cut to a random length.

    Raises:
        ValueError: If there is no such task, or the probability or room is none.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), appendix A.2, and
        [Lan et al., 2019](https://arxiv.org/abs/1909.11942), section 3.1.
    """

    def __init__(self, room, pair_task="none", short_probability=0.1):
        if pair_task not in PAIR_TASKS:
            raise ValueError(
                f"Expected a pair_task among {', '.join(PAIR_TASKS)}, got "
                f"{pair_task!r}."
            )
        if not 0 <= short_probability <= 1:
            raise ValueError(
                f"Expected short_probability from 0 to 1, got {short_probability}."
            )
        if room < 2:
            raise ValueError(f"Expected room for two tokens or more, got {room}.")
        self.room = room
        self.pair_task = pair_task
        self.short_probability = short_probability

    def __call__(self, documents, random):
        """Makes sequences of documents, which are lists of rows of token ids.

        Returns:
            Lists of first segments, of second segments (empty without pairs), and of
            labels.
        """
        documents = [[row for row in rows if len(row)] for rows in documents]
        documents = [rows for rows in documents if rows]
        if not documents:
            raise ValueError("Expected documents with tokens in them, got none.")
        if self.pair_task == "next_sentence" and len(documents) < 2:
            raise ValueError(
                "Expected two documents or more for next_sentence, which takes false "
                "second segments from others, got one. Write an empty line between "
                'documents, or choose pair_task "sentence_order" or "none".'
            )
        make = {
            "none": self._single,
            "next_sentence": self._next_sentence,
            "sentence_order": self._sentence_order,
        }[self.pair_task]
        found = itertools.chain.from_iterable(
            make(documents, number, random) for number in range(len(documents))
        )
        found = list(found)
        if not found:
            raise ValueError(
                "Expected documents of two tokens or more for pairs of segments, got "
                "shorter ones alone."
            )
        return tuple(map(list, zip(*found, strict=True)))

    def _target(self, random):
        if random.random() < self.short_probability:
            return int(random.integers(2, self.room + 1))
        return self.room

    def _single(self, documents, number, random):
        tokens = np.concatenate(documents[number])
        while len(tokens):
            target = self._target(random)
            yield tokens[:target], tokens[:0], 0
            tokens = tokens[target:]

    def _chunk(self, rows, start, target):
        """Returns the end of the sentences from `start` that reach a length."""
        length = 0
        for end in range(start, len(rows)):
            length += len(rows[end])
            if length >= target:
                return end + 1
        return len(rows)

    def _next_sentence(self, documents, number, random):
        rows, start = documents[number], 0
        while start < len(rows):
            target = self._target(random)
            end = self._chunk(rows, start, target)
            split = start + 1
            if end - start > 1:
                split = int(random.integers(start + 1, end))
            first = np.concatenate(rows[start:split])
            if end - start == 1 or random.random() < 0.5:
                other = int(random.integers(len(documents) - 1))
                others = documents[other + (other >= number)]
                begin = int(random.integers(len(others)))
                last = self._chunk(others, begin, max(1, target - len(first)))
                second, label = np.concatenate(others[begin:last]), 1
                end = split  # the sentences that were not used come next
            else:
                second, label = np.concatenate(rows[split:end]), 0
            yield *self._fitted(first, second, random), label
            start = end

    def _sentence_order(self, documents, number, random):
        rows, start = documents[number], 0
        while start < len(rows):
            end = self._chunk(rows, start, self._target(random))
            chunk, start = rows[start:end], end
            if len(chunk) == 1:  # halves of a sentence follow each other, too
                half = len(chunk[0]) // 2
                if not half:
                    continue
                chunk = [chunk[0][:half], chunk[0][half:]]
            split = int(random.integers(1, len(chunk)))
            first, second = np.concatenate(chunk[:split]), np.concatenate(chunk[split:])
            first, second = self._fitted(first, second, random)
            if random.random() < 0.5:
                yield second, first, 1
            else:
                yield first, second, 0

    def _fitted(self, first, second, random):
        """Cuts the longer segment at random ends until both fit."""
        pair = [first, second]
        while (over := len(pair[0]) + len(pair[1]) - self.room) > 0:
            longer = int(len(pair[1]) > len(pair[0]))
            more = abs(len(pair[0]) - len(pair[1]))
            cut = min(over, max(1, more))
            front = int(random.binomial(cut, 0.5))
            row = pair[longer]
            pair[longer] = row[front : len(row) - (cut - front)]
        return pair
