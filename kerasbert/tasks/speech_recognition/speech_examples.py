"""Encoded recordings and their targets."""

import dataclasses

import numpy as np

from kerasbert.tasks.speech_recognition.waveforms import stretched
from kerasbert.training.features import IGNORED, EncodedExamples

BLOCK = 128  # samples


@dataclasses.dataclass(frozen=True)
class SpeechExamples(EncodedExamples):
    """Waveforms with the units of their texts; in training, their speed may vary.

    Args:
        inputs: `waveform`, a list of float32 `[n]`; for a decoder `decoder_token_ids`,
            a list of what it gets of each text.
        targets: `logits`, a list of the units of each text; for a decoder
            `decoder_logits`, a list of these and their end.
        weights: As in `EncodedExamples`.
        pad_token_id: Not used.
        speed: The most by which a recording is faster or slower, and its pitch higher
            or lower: 0.1 for up to a tenth.
        least: The fewest samples that each may have, int64 `[n]`.
    """

    speed: float = 0.0
    least: np.ndarray | None = None
    epoch: tuple | None = None  # seed and number of the epoch, in training

    def __len__(self):
        return len(self.inputs["waveform"])

    @property
    def lengths(self):
        """Number of samples of each recording, int64 `[n]`."""
        return np.array([len(row) for row in self.inputs["waveform"]], "int64")

    def for_epoch(self, seed, epoch):
        return dataclasses.replace(self, epoch=(seed, epoch))

    def batch(self, rows):
        waveforms = [self._waveform(row) for row in rows]
        lengths = np.array([len(one) for one in waveforms], "int32")  # [B]
        inputs = {"waveform": _table(waveforms, 0.0, "float32"), "length": lengths}
        if texts := self.inputs.get("decoder_token_ids"):
            texts = [texts[row] for row in rows]
            inputs["decoder_token_ids"] = _table(texts, 0, "int32")
        targets = {
            name: _table([values[row] for row in rows], IGNORED, "int32")
            for name, values in self.targets.items()
        }
        weights = None if self.weights is None else self.weights[rows]
        return inputs, targets, weights

    def _waveform(self, row):
        samples = self.inputs["waveform"][row]
        if self.epoch is None or not self.speed or not len(samples):
            return samples
        random = np.random.default_rng([*self.epoch, int(row)])
        factor = random.uniform(1 - self.speed, 1 + self.speed)
        # Lengths that Fourier transforms are fast for.
        size = -(-len(samples) // BLOCK) * BLOCK
        count = max(1, round(size / factor / BLOCK)) * BLOCK
        varied = stretched(np.pad(samples, (0, size - len(samples))), count)
        varied = varied[: round(len(samples) * count / size)]
        return varied if len(varied) >= self.least[row] else samples


def _table(rows, filler, dtype):
    table = np.full((len(rows), max(1, *map(len, rows), 1)), filler, dtype)
    for target, row in zip(table, rows, strict=True):
        target[: len(row)] = row
    return table
