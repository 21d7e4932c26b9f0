"""Masking of tokens for training."""

import dataclasses

import keras
import numpy as np
from keras import ops

from kerasbert.training.features import IGNORED, EncodedExamples

MASKED, KEPT = 0.8, 0.1  # of the chosen tokens; the rest become others


class Masking:
    """Selects tokens and masks them.

    Of the chosen tokens 80 % become the mask, 10 % a random token, and 10 % stay.

    Args:
        tokenizer: A `kerasbert.Tokenizer`.
        rate: Which part of the tokens is chosen; at least one of a text.
        whole_words: Whether all pieces of a word are chosen, or none.
        max_ngram: The most words in a row that are chosen together; n words with a
            probability proportional to 1 / n. Above 1, words are whole.

    Raises:
        ValueError: If the rate is none.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 3.1, task 1;
        [Lan et al., 2019](https://arxiv.org/abs/1909.11942), section 4.1.
    """

    def __init__(self, tokenizer, rate=0.15, whole_words=False, max_ngram=1):
        if not 0 < rate < 1:
            raise ValueError(f"Expected mask_rate above 0 and below 1, got {rate}.")
        self.rate = rate
        self.whole_words = whole_words or max_ngram > 1
        self.max_ngram = max_ngram
        self.mask_token_id = tokenizer.mask_token_id
        self.special = np.zeros(tokenizer.vocabulary_size, bool)  # [V]
        self.special[list(tokenizer.special_token_ids)] = True
        self.ordinary = np.flatnonzero(~self.special)
        self.continues = tokenizer.is_continuation & ~self.special  # [V]

    def __call__(self, token_ids, random, rate=None, continues=None):
        """Masks tokens of a row.

        Args:
            token_ids: The row.
            random: The generator of random numbers.
            rate: Which part of the tokens is chosen; None: that of the masking.
            continues: Whether each token continues a word; None: as the vocabulary
                marks it.

        Returns:
            The masked row, the chosen positions, and the tokens that were there.
        """
        rate = self.rate if rate is None else rate
        if continues is None:
            continues = self.continues[token_ids]
        positions = self._chosen(token_ids, random, rate, continues)  # [P]
        masked = token_ids.copy()
        draws = random.random(len(positions))
        others = random.choice(self.ordinary, len(positions))
        kept = token_ids[positions]
        masked[positions] = np.where(
            draws < MASKED,
            self.mask_token_id,
            np.where(draws < MASKED + KEPT, kept, others),
        )
        return masked, positions, kept

    def check(self, rows):
        """Raises a `ValueError` for rows without maskable tokens."""
        for position, token_ids in enumerate(rows):
            if self.special[token_ids].all():
                raise ValueError(
                    "Expected texts with tokens in them, got one without at position "
                    f"{position}. Leave texts out of which no token is left."
                )

    def _chosen(self, token_ids, random, rate, continues):
        places = np.flatnonzero(~self.special[token_ids])
        count = max(1, round(rate * len(places)))
        if not self.whole_words:
            return np.sort(random.choice(places, count, replace=False))
        follows = np.diff(places, prepend=-1) == 1
        begins = ~(continues[places] & follows)
        begins[0] = True
        words = np.split(places, np.flatnonzero(begins)[1:])
        chosen, taken, room = [], np.zeros(len(words), bool), count
        for number in random.permutation(len(words)):
            for word in range(number, number + self._ngram(random)):
                if word >= len(words) or taken[word]:
                    break
                if len(words[word]) > room and chosen:
                    break
                chosen.append(words[word])
                taken[word] = True
                room -= len(words[word])
            if room <= 0:
                break
        return np.sort(np.concatenate(chosen))

    def _ngram(self, random):
        """Draws how many words are chosen together."""
        if self.max_ngram == 1:
            return 1
        sizes = np.arange(1, self.max_ngram + 1)
        return int(random.choice(sizes, p=(1 / sizes) / (1 / sizes).sum()))


@dataclasses.dataclass(frozen=True)
class MaskedExamples(EncodedExamples):
    """Examples that are masked when they are batched, anew in every epoch.

    What is hidden follows from the seed of the run, the epoch and the number of the
    text, so that a run that goes on hides the same.

    Args:
        masking: A `Masking`.
        seed: The seed of the run.
        epoch: Number of the epoch.
    """

    masking: Masking = None
    seed: int = 0
    epoch: int = 0

    def for_epoch(self, seed, epoch):
        return dataclasses.replace(self, seed=seed, epoch=epoch + 1)

    def batch(self, rows):
        hidden = [self._hidden(row) for row in rows]
        masked, positions, labels = map(list, zip(*hidden, strict=True))
        inputs = {
            "token_ids": masked,
            "segment_ids": [self.inputs["segment_ids"][row] for row in rows],
            "masked_positions": positions,
        }
        weights = None if self.weights is None else self.weights[rows]
        targets = {name: values[rows] for name, values in self._others()}
        features = EncodedExamples(
            *(inputs, {**targets, "mlm_logits": labels}, weights, self.pad_token_id)
        )
        return features.batch(range(len(rows)))

    def _others(self):
        """Returns the names and arrays of targets besides the hidden tokens."""
        return [item for item in self.targets.items() if item[0] != "mlm_logits"]

    def _hidden(self, row):
        random = np.random.default_rng([self.seed, self.epoch, row])
        return self.masking(self.inputs["token_ids"][row], random)


@keras.saving.register_keras_serializable(package="kerasbert")
class Perplexity(keras.metrics.Mean):
    """Perplexity of masked tokens: the exponential of their mean cross-entropy.

    Args:
        name: Name of the metric.
        dtype: Its dtype.

    Example:
        >>> metric = Perplexity()
        >>> logits = np.zeros((1, 2, 4), "float32")
        >>> metric.update_state(np.array([[1, -1]]), logits)
        >>> round(float(metric.result()), 4)
        4.0
    """

    def __init__(self, name="perplexity", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = ops.convert_to_tensor(y_true)
        counted = ops.not_equal(y_true, IGNORED)
        labels = ops.where(counted, y_true, 0)
        losses = ops.sparse_categorical_crossentropy(labels, y_pred, from_logits=True)
        counted = ops.cast(counted, losses.dtype)  # [B, P]
        if sample_weight is not None:
            counted *= ops.reshape(ops.cast(sample_weight, losses.dtype), (-1, 1))
        super().update_state(losses, counted)

    def result(self):
        return ops.exp(super().result())
