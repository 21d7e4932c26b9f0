"""Masked, packed batches of a corpus."""

import hashlib
import time

import keras
import numpy as np
import tensorflow as tf

from kerasbert.tasks.pretraining.rows import mapped, rows_of
from kerasbert.training.devices import device_count
from kerasbert.training.features import IGNORED
from kerasbert.training.stream import TrainingStream, dataset_of

FIRST_FRACTION = 0.9  # of the steps, as in BERT, where first sequences are shorter
PLACES = 16


class PretrainingStream(TrainingStream):
    """Batches of a corpus, masked anew in every pass, without padding.

    A pass takes all rows in a random order. A batch has the tokens of its rows one
    after the other, and the labels of masked places alone.

    Args:
        rows: The `Rows`.
        masking: The `Masking`.
        steps_per_epoch: Number of steps between two validations.
        rate: Function from the number of a step to the masking rate.
        ramp: Number of first steps in which the batch grows from an eighth.

    Raises:
        ValueError: If the corpus has fewer rows than a batch.
    """

    def __init__(self, rows, masking, steps_per_epoch, rate, ramp=0):
        super().__init__(steps_per_epoch)
        self.rows = rows
        self.masking = masking
        self.rate = rate
        self.ramp = ramp
        self._order = (None, None)

    def check(self, batch_size):
        """Raises a `ValueError` if the corpus has fewer rows than a batch."""
        if len(self.rows) < batch_size:
            raise ValueError(
                f"Expected a corpus of {batch_size} rows or more, as many as a batch "
                f"has, got {len(self.rows)}. Use more text, or a smaller batch_size."
            )

    def step(self, number, batch_size, seed):
        self.check(batch_size)
        first, count = ramped(number, batch_size, self.ramp)
        return self._batch(range(first, first + count), seed, self.rate(number))

    def digest(self):
        digest = hashlib.blake2b(digest_size=16)
        digest.update(self.rows.documents.digest().encode())
        digest.update(self.rows.plan.reshape(-1))
        masking = (self.masking.whole_words, self.masking.max_ngram)
        settings = (self.rows.rule, *masking, self.ramp)
        rates = [self.rate(step) for step in range(0, 1 << 20, 997)]
        digest.update(repr((*settings, self.steps_per_epoch, rates)).encode())
        return digest.hexdigest()

    def dataset(self, batch_size, most=None):
        """Returns a `tf.data.Dataset` of all rows once, masked always alike.

        Args:
            batch_size: Number of rows of a batch.
            most: Number of rows to take; None: all.
        """
        count = min(most or len(self.rows), len(self.rows))
        starts = range(0, count, batch_size)

        def generate():
            for start in starts:
                yield self.fixed(start, min(start + batch_size, count))

        return dataset_of(self, generate, len(starts))

    def __len__(self):
        return len(self.rows)

    def fixed(self, first, last):
        return self._batch(range(first, last), 0, self.rate(0), fixed=True)

    def _masked(self, places, seed, rate, fixed=False):
        """Yields tokens, segments, masked places, what was there, and class of rows."""
        for place in places:
            turn, index = divmod(place, len(self.rows))
            row = index if fixed else int(self._shuffled(seed, turn)[index])
            random = np.random.default_rng([seed, turn, row])
            token_ids, segment_ids, continues, pair = self.rows.row(row, random)
            masked, hidden, kept = self.masking(token_ids, random, rate, continues)
            yield masked, segment_ids, hidden, kept, pair

    def _batch(self, places, seed, rate, fixed=False):
        tokens, segments, positions, labels, lengths, classes = ([] for _ in range(6))
        offset = 0
        for masked, segment_ids, hidden, kept, pair in self._masked(
            places, seed, rate, fixed
        ):
            tokens.append(masked)
            segments.append(segment_ids)
            positions.append(hidden + offset)
            labels.append(kept)
            lengths.append(len(masked))
            classes.append(pair)
            offset += len(masked)
        inputs = {
            "token_ids": np.concatenate(tokens),
            "segment_ids": np.concatenate(segments),
            "masked_positions": np.concatenate(positions).astype("int32"),
            "row_lengths": np.array(lengths, "int32"),
        }
        targets = {"mlm_logits": np.concatenate(labels)}
        if self.rows.pair:
            targets["pair_logits"] = np.array(classes, "int32")
        return inputs, targets

    def _shuffled(self, seed, turn):
        if self._order[0] != (seed, turn):
            order = mapped(range(len(self.rows)), "uint32")
            np.random.default_rng([seed, turn]).shuffle(order)
            self._order = (seed, turn), order
        return self._order[1]


class PaddedStream(PretrainingStream):
    """The same rows with padding, of which JAX compiles one shape or few.

    Rows are as long as the longest that the plan allows, and so many places of each are
    masked as a multiple of `PLACES` holds.
    """

    def _batch(self, places, seed, rate, fixed=False):
        columns = zip(*self._masked(places, seed, rate, fixed), strict=True)
        tokens, segments, positions, labels, classes = columns
        length = self.rows.max_length
        count = -(-max(map(len, positions)) // PLACES) * PLACES
        inputs = {
            "token_ids": _padded(tokens, length, self.rows.pad),
            "segment_ids": _padded(segments, length),
            "padding_mask": _padded([np.ones_like(row) for row in tokens], length),
            "masked_positions": _padded(positions, count),
        }
        targets = {"mlm_logits": _padded(labels, count, IGNORED)}
        if self.rows.pair:
            targets["pair_logits"] = np.array(classes, "int32")
        return inputs, targets


class StagedStream(TrainingStream):
    """Short sequences in the first steps, and then long ones.

    Batches of short sequences have as many more of them as they are shorter.

    Args:
        short: The `PretrainingStream` of the first steps.
        long: That of the other steps, and of validation.
        steps: Number of the first steps.
    """

    def __init__(self, short, long, steps):
        super().__init__(long.steps_per_epoch)
        self.short = short
        self.long = long
        self.steps = steps
        self.ramp = long.ramp
        self.more = long.rows.max_length // short.rows.max_length

    def check(self, batch_size):
        if self.steps:
            self.short.check(batch_size * self.more)
        self.long.check(batch_size)

    def step(self, number, batch_size, seed):
        if number < self.steps:
            return self.short.step(number, batch_size * self.more, seed)
        return self.long.step(number, batch_size, seed)

    def __len__(self):
        return len(self.long)

    def dataset(self, batch_size):
        return self.long.dataset(batch_size)

    def fixed(self, first, last):
        return self.long.fixed(first, last)

    def digest(self):
        return f"{self.long.digest()} {self.steps} {self.short.digest()}"


def _padded(rows, length, filler=0):
    table = np.full((len(rows), length), filler, "int32")  # [B, S]
    for target, row in zip(table, rows, strict=True):
        target[: len(row)] = row
    return table


def stream_of(
    task,
    corpus,
    steps_per_epoch=1,
    steps=1,
    batch_ramp=0,
    first_mask_rate=None,
    first_max_length=None,
    first_fraction=FIRST_FRACTION,
):
    """Returns the batches of a corpus for a `Pretrainer`."""
    last = task.mask_rate
    first = last if first_mask_rate is None else first_mask_rate
    if not 0 < first < 1:
        raise ValueError(
            f"Expected first_mask_rate above 0 and below 1, got {first_mask_rate}."
        )
    if not 0 < first_fraction < 1:
        raise ValueError(
            f"Expected first_fraction above 0 and below 1, got {first_fraction}."
        )
    if first_max_length is None and first_fraction != FIRST_FRACTION:
        raise ValueError(
            f"Expected first_max_length with first_fraction ({first_fraction}): it is "
            "the part of all steps whose sequences are that long at most."
        )

    def rate(step):
        return first + (last - first) * min(1.0, step / steps)

    def stream(max_length):
        on_tensorflow = keras.backend.backend() == "tensorflow"
        make = PretrainingStream if on_tensorflow else PaddedStream
        rows = rows_of(task, corpus, max_length)
        return make(rows, task._masking, steps_per_epoch, rate, batch_ramp)

    whole = stream(task.max_length)
    if first_max_length is None:
        return whole
    if first_max_length >= task.max_length:
        raise ValueError(
            f"Expected first_max_length below max_length ({task.max_length}), got "
            f"{first_max_length}."
        )
    short = stream(first_max_length)
    return StagedStream(short, whole, int(steps * first_fraction))


def steps_within(seconds, task, corpus, batch_size, samples=8):
    """Estimates how many steps a time allows, from a few that change no weight.

    The update of the weights and validation are not timed, so a training may take some
    more.
    """
    devices = device_count(task.model)
    if devices > 1:
        raise ValueError(
            "Expected a number of steps: a time is turned into steps on one device, "
            f"and there are {devices}."
        )
    on_tensorflow = keras.backend.backend() == "tensorflow"
    compute = (_on_tensorflow if on_tensorflow else _on_jax)(task)
    stream, begun = stream_of(task, corpus), None
    for number in range(samples + 2):
        if number == 2:  # both shapes of the graph are there
            begun = time.perf_counter()
        compute(*stream.step(number, batch_size, 0))
    each = (time.perf_counter() - begun) / samples
    if seconds < each:
        raise ValueError(f"Expected {each:.3g} s or more, for a step, got {seconds:g}.")
    return int(seconds / each)


def _on_tensorflow(task):
    """Returns a function that computes the gradients of a batch."""
    model, loss_of = task.packed_model, task.losses()["loss"]

    @tf.function(reduce_retracing=True)
    def gradients(inputs, targets):
        with tf.GradientTape() as tape:
            outputs = model(inputs, training=True)
            total = sum(loss_of[n](targets[n], outputs[n]) for n in loss_of)
        weights = [variable.value for variable in model.trainable_variables]
        found = tape.gradient(total, weights, unconnected_gradients="zero")
        return [tf.reduce_sum(tf.convert_to_tensor(g)) for g in found]

    def compute(*batch):
        found = gradients(*tf.nest.map_structure(tf.constant, batch))
        tf.nest.map_structure(lambda tensor: tensor.numpy(), found)

    return compute


def _on_jax(task):
    """Returns a function that computes the gradients of a batch."""
    import jax

    model, loss_of = task.model, task.losses()["loss"]

    @jax.jit
    @jax.grad
    def gradients(weights, others, inputs, targets):
        outputs, _ = model.stateless_call(weights, others, inputs, training=True)
        return sum(loss_of[n](targets[n], outputs[n]) for n in loss_of)

    weights = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]
    return lambda *batch: jax.block_until_ready(gradients(weights, others, *batch))


def ramped(number, batch_size, ramp):
    """Returns the first row of a step and its number of rows.

    In the first `ramp` steps the batch grows evenly from an eighth to the whole.

    Example:
        >>> [ramped(step, 8, 4) for step in (0, 1, 3, 4, 5)]
        [(0, 1), (1, 2), (7, 6), (13, 8), (21, 8)]
    """
    if not ramp:
        return number * batch_size, batch_size
    least = max(1, batch_size // 8)
    steps = np.arange(min(number, ramp))
    sizes = least + (batch_size - least) * steps // ramp
    first = int(sizes.sum()) + max(0, number - ramp) * batch_size
    if number >= ramp:
        return first, batch_size
    return first, least + (batch_size - least) * number // ramp
