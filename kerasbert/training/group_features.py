"""Examples of several texts each, such as pairs whose vectors are compared."""

import dataclasses

import numpy as np

from kerasbert.training.features import Features


@dataclasses.dataclass(frozen=True)
class GroupFeatures(Features):
    """Examples of several rows of tokens: a batch holds those of each in turn.

    The rows of B examples of K texts are `[B * K, S]`, the texts of the first example
    before those of the second.

    Args:
        inputs: As in `Features`; the K rows of an example follow each other.
        targets: From an output of the model to an array `[n, ...]`, of n examples.
        weights: How much each example counts, float32 `[n]`; None: all alike.
        pad_token_id: The token that fills rows up.
        size: K, the number of texts of an example.

    Example:
        >>> rows = [[2, 7, 3], [2, 3], [2, 8, 3], [2, 9, 3]]
        >>> features = GroupFeatures({"token_ids": rows}, size=2)
        >>> len(features), features.batch([1])[0]["token_ids"].tolist()
        (2, [[2, 8, 3], [2, 9, 3]])
    """

    size: int = 2

    def __len__(self):
        return len(self.inputs["token_ids"]) // self.size

    @property
    def lengths(self):
        """Number of tokens of the longest text of each example, int64 `[n]`."""
        return super().lengths.reshape(-1, self.size).max(axis=1)

    def batch(self, rows):
        rows = np.asarray(rows)
        texts = rows[:, None] * self.size + np.arange(self.size)  # [B, K]
        alone = Features(self.inputs, pad_token_id=self.pad_token_id)
        inputs, _, _ = alone.batch(texts.ravel())
        targets = {name: values[rows] for name, values in self.targets.items()}
        weights = None if self.weights is None else self.weights[rows]
        return inputs, targets, weights
