"""Log probabilities of the vocabulary at positions of rows."""

import numpy as np
from keras import ops

from kerasbert.inference.encoder_runner import EncoderRunner, batches_of_tokens

BATCH_TOKENS = 4096
BATCH_PLACES = 256  # whose logits, each as long as the vocabulary, are held at once


class MaskedLMScores:
    """Runs a masked language model, with its head at given positions only.

    Args:
        model: A `kerasbert.models.MaskedLMModel`.
        vocabulary_size: How many tokens its tokenizer has; the model may have more,
            that stand for nothing.
    """

    def __init__(self, model, vocabulary_size):
        self.vocabulary_size = vocabulary_size
        self._states = EncoderRunner(model, _last_states)

    def log_probs(self, lengths, row):
        """Computes log probabilities at positions of rows."""
        for batch in batches_of_tokens(lengths, BATCH_TOKENS):
            token_ids, segment_ids, places = zip(*map(row, batch), strict=True)
            states = self._states(token_ids, segment_ids)  # [B, S, D]
            slots = [
                (number, order, slot)
                for number, slots in enumerate(places)
                for order, slot in enumerate(slots)
            ]
            for start in range(0, len(slots), BATCH_PLACES):
                chunk = slots[start : start + BATCH_PLACES]
                rows, orders, positions = np.array(chunk).T
                logits = self._states.model.head(states[rows, positions])  # [P, V]
                found = ops.log_softmax(logits)[:, : self.vocabulary_size]
                found = ops.convert_to_numpy(found)  # [P, V]
                yield from zip(batch[rows], orders, found, strict=True)


def _last_states(hidden_states, padding_mask):
    return ops.cast(hidden_states[-1], "float32")  # [B, S, D]


def one_at_a_time(scores, rows, mask_token_id):
    """Computes the log probability of each token given all others."""
    tries = [(n, slot) for n, row in enumerate(rows) for slot in row.places.tolist()]

    def masked(which):
        number, slot = tries[which]
        token_ids = rows[number].token_ids.copy()
        token_ids[slot] = mask_token_id
        return token_ids, rows[number].segment_ids, [slot]

    found = np.zeros(len(tries), "float32")
    lengths = [len(rows[n].token_ids) for n, _ in tries]
    for which, _, log_probs in scores.log_probs(lengths, masked):
        number, slot = tries[which]
        found[which] = log_probs[rows[number].token_ids[slot]]
    ends = np.cumsum([len(row.places) for row in rows], dtype=int)
    return np.split(found, ends)[: len(rows)]


class Beam:
    """The most probable tokens for all masks of a row, from left to right.

    The model reads what was filled in before, so that the probabilities of the tokens
    multiply to that of all of them together.

    Args:
        scores: A `MaskedLMScores`.
        width: How many ways to fill a row are kept from mask to mask.
    """

    def __init__(self, scores, width):
        self.scores = scores
        self.width = width

    def search(self, rows):
        """Fills the masks of rows."""
        ways = [[((), 0.0)] for _ in rows]
        for step in range(max((len(row.places) for row in rows), default=0)):
            open_rows = [n for n, row in enumerate(rows) if len(row.places) > step]
            found = self._extended(rows, ways, open_rows)
            for number in open_rows:
                best = sorted(found[number], key=lambda way: -way[1])
                ways[number] = best[: self.width]
        return ways

    def _extended(self, rows, ways, open_rows):
        """Returns all hypotheses, extended by tokens for the next mask."""
        tries = [(n, way) for n in open_rows for way in ways[n]]

        def row(number):
            source, (tokens, _) = tries[number]
            return _filled(rows[source], tokens)

        found = {n: [] for n in open_rows}
        lengths = [len(rows[n].token_ids) for n, _ in tries]
        for number, _, log_probs in self.scores.log_probs(lengths, row):
            source, (tokens, total) = tries[number]
            for token in largest(log_probs, self.width).tolist():
                way = ((*tokens, token), total + float(log_probs[token]))
                found[source].append(way)
        return found


def mean_log_probs(scores, rows, fillings):
    """Scores given tokens for the masks of rows, from left to right."""
    tries = [(n, step) for n, ids in enumerate(fillings) for step in range(len(ids))]

    def row(which):
        number, step = tries[which]
        return _filled(rows[number], fillings[number][:step])

    totals = np.zeros(len(rows))
    lengths = [len(rows[n].token_ids) for n, _ in tries]
    for which, _, log_probs in scores.log_probs(lengths, row):
        number, step = tries[which]
        totals[number] += log_probs[fillings[number][step]]
    return totals / [len(ids) for ids in fillings]


def _filled(row, tokens):
    """Returns a row with its first masks filled, and the next position."""
    token_ids, segment_ids, places = row
    token_ids = token_ids.copy()
    token_ids[places[: len(tokens)]] = tokens
    return token_ids, segment_ids, places[len(tokens) : len(tokens) + 1]


def largest(values, count):
    """Returns the indices of the largest values, descending; ties in order.

    Example:
        >>> largest(np.array([0.1, 0.7, 0.2]), 2).tolist()
        [1, 2]
    """
    count = min(count, len(values))
    least = np.partition(values, -count)[-count]
    among = np.flatnonzero(values >= least)
    return among[np.argsort(-values[among], kind="stable")][:count]
