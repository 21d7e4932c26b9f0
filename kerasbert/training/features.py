"""Tokenized examples and their targets."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

IGNORED = -1  # the target of tokens that losses and metrics ignore


@dataclasses.dataclass(frozen=True)
class EncodedExamples:
    """Tokenized examples with targets, before batching.

    Args:
        inputs: Maps model inputs to one int32 row per example; `token_ids` is required.
            `padding_mask` is derived from the lengths of its rows.
        targets: Maps model outputs to an array `[n, ...]`, or to a list of rows `[S]`
            for outputs per token.
        weights: Loss weight of each example, float32 `[n]`; None weights all alike.
        pad_token_id: The token id used for padding.

    Example:
        >>> features = EncodedExamples({"token_ids": [[2, 7, 3], [2, 3]]})
        >>> inputs, targets, weights = features.batch([0, 1])
        >>> inputs["token_ids"].tolist(), inputs["padding_mask"].tolist()
        ([[2, 7, 3], [2, 3, 0]], [[1, 1, 1], [1, 1, 0]])
    """

    inputs: dict
    targets: dict = dataclasses.field(default_factory=dict)
    weights: np.ndarray | None = None
    pad_token_id: int = 0

    @classmethod
    def of_rows(
        cls,
        rows: Any,
        targets: dict,
        weights: np.ndarray | None,
        tokenizer: Any,
        **options: Any,
    ) -> "EncodedExamples":
        """Returns the examples of rows with the lists `token_ids` and `segment_ids`."""
        inputs = {"token_ids": rows.token_ids, "segment_ids": rows.segment_ids}
        return cls(inputs, targets, weights, tokenizer.pad_token_id, **options)

    def __len__(self):
        return len(self.inputs["token_ids"])

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each example, int64 `[n]`."""
        return np.array([len(row) for row in self.inputs["token_ids"]], "int64")

    def for_epoch(self, seed: int, epoch: int) -> "EncodedExamples":
        """Returns the examples of an epoch; subclasses may vary them, as masking does.

        Args:
            seed: The seed of the training.
            epoch: Index of the epoch, from 0.
        """
        return self

    def batch(
        self, rows: Sequence[int] | np.ndarray
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray | None]:
        """Returns a batch of examples, padded to the longest of them.

        Args:
            rows: Indices of the examples.

        Returns:
            The inputs, int32 `[B, S]`, the targets, padded with `IGNORED` where they
            are per token, and the weights or None.
        """
        inputs = {
            name: _padded(
                values, rows, self.pad_token_id if name == "token_ids" else 0, "int32"
            )
            for name, values in self.inputs.items()
        }
        lengths = np.array([len(self.inputs["token_ids"][row]) for row in rows])
        positions = np.arange(inputs["token_ids"].shape[1])
        inputs["padding_mask"] = (positions < lengths[:, None]).astype(
            "int32"
        )  # [B, S]
        targets = {
            name: values[rows]
            if isinstance(values, np.ndarray)
            else _padded(values, rows, IGNORED, "int32")
            for name, values in self.targets.items()
        }
        weights = None if self.weights is None else self.weights[rows]
        return inputs, targets, weights


@dataclasses.dataclass(frozen=True)
class GroupedExamples(EncodedExamples):
    """Examples of `size` texts each, such as the pairs of a similarity loss.

    A batch of B examples of K texts has the rows `[B * K, S]`, the texts of an example
    next to each other.

    Args:
        inputs: See `EncodedExamples`; the K rows of an example follow each other.
        targets: Maps model outputs to an array `[n, ...]` for n examples.
        weights: Loss weight of each example, float32 `[n]`; None weights all alike.
        pad_token_id: The token id used for padding.
        size: Number of texts per example, K.

    Example:
        >>> rows = [[2, 7, 3], [2, 3], [2, 8, 3], [2, 9, 3]]
        >>> features = GroupedExamples({"token_ids": rows}, size=2)
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
        alone = EncodedExamples(self.inputs, pad_token_id=self.pad_token_id)
        inputs, _, _ = alone.batch(texts.ravel())
        targets = {name: values[rows] for name, values in self.targets.items()}
        weights = None if self.weights is None else self.weights[rows]
        return inputs, targets, weights


def _padded(values, rows, filler, dtype):
    longest = max(len(values[row]) for row in rows)
    table = np.full((len(rows), longest), filler, dtype)  # [B, S]
    for target, row in zip(table, rows, strict=True):
        target[: len(values[row])] = values[row]
    return table
