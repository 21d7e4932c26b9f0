"""Encoded recordings and their targets."""

import dataclasses

import numpy as np

from kerasbert.training.features import IGNORED, EncodedExamples


@dataclasses.dataclass(frozen=True)
class SpeechExamples(EncodedExamples):
    """Waveforms with the units of their texts.

    Args:
        inputs: `waveform`, a list of float32 `[n]`.
        targets: `logits`, a list of the units of each text.
        weights: As in `EncodedExamples`.
        pad_token_id: Not used.
    """

    def __len__(self):
        return len(self.inputs["waveform"])

    @property
    def lengths(self):
        """Number of samples of each recording, int64 `[n]`."""
        return np.array([len(row) for row in self.inputs["waveform"]], "int64")

    def batch(self, rows):
        waveforms = [self.inputs["waveform"][row] for row in rows]
        lengths = np.array([len(one) for one in waveforms], "int32")  # [B]
        inputs = {"waveform": _table(waveforms, 0.0, "float32"), "length": lengths}
        targets = {
            name: _table([values[row] for row in rows], IGNORED, "int32")
            for name, values in self.targets.items()
        }
        weights = None if self.weights is None else self.weights[rows]
        return inputs, targets, weights


def _table(rows, filler, dtype):
    table = np.full((len(rows), max(1, *map(len, rows), 1)), filler, dtype)
    for target, row in zip(table, rows, strict=True):
        target[: len(row)] = row
    return table
