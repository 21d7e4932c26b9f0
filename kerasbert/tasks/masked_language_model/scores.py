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
