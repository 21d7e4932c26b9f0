"""Examples as numbers: rows of tokens, and what a model should make of them."""

import dataclasses

import numpy as np

IGNORED = -1  # the target of a token that no loss counts


@dataclasses.dataclass(frozen=True)
class Features:
    """What a task makes of its examples before they are batched.

    Args:
        inputs: From an input of the model to one int32 row an example; `token_ids` is
            among them. `padding_mask` is made from the lengths of its rows.
        targets: From an output of the model to an array `[n, ...]`, or to a list of
            rows `[S]` where the output has an axis for the tokens.
        weights: How much each example counts, float32 `[n]`; None: all alike.
        pad_token_id: The token that fills rows up.

    Example:
        >>> features = Features({"token_ids": [[2, 7, 3], [2, 3]]})
        >>> inputs, targets, weights = features.batch([0, 1])
        >>> inputs["token_ids"].tolist(), inputs["padding_mask"].tolist()
        ([[2, 7, 3], [2, 3, 0]], [[1, 1, 1], [1, 1, 0]])
    """

    inputs: dict
    targets: dict = dataclasses.field(default_factory=dict)
    weights: np.ndarray | None = None
    pad_token_id: int = 0

    def __len__(self):
        return len(self.inputs["token_ids"])

    @property
    def lengths(self):
        """Number of tokens of each example, int64 `[n]`."""
        return np.array([len(row) for row in self.inputs["token_ids"]], "int64")

    def in_epoch(self, seed, epoch):
        """The features of an epoch: here, the same ones in all.

        Args:
            seed: The seed of the run.
            epoch: Number of the epoch, from 0.
        """
        return self

    def batch(self, rows):
        """Some of the examples, padded to the longest of them.

        Args:
            rows: Numbers of the examples.

        Returns:
            The model's inputs, its targets, and the weights or None; inputs int32
            `[B, S]`, with targets of tokens padded with `IGNORED`.
        """
        inputs = {
            name: _padded(
                values, rows, self.pad_token_id if name == "token_ids" else 0, "int32"
            )
            for name, values in self.inputs.items()
        }
        lengths = np.array([len(self.inputs["token_ids"][row]) for row in rows])
        slots = np.arange(inputs["token_ids"].shape[1])
        inputs["padding_mask"] = (slots < lengths[:, None]).astype("int32")  # [B, S]
        targets = {
            name: values[rows]
            if isinstance(values, np.ndarray)
            else _padded(values, rows, IGNORED, "int32")
            for name, values in self.targets.items()
        }
        weights = None if self.weights is None else self.weights[rows]
        return inputs, targets, weights


def _padded(values, rows, filler, dtype):
    longest = max(len(values[row]) for row in rows)
    table = np.full((len(rows), longest), filler, dtype)  # [B, S]
    for place, row in zip(table, rows, strict=True):
        place[: len(values[row])] = values[row]
    return table
