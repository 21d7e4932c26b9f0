"""A checkpoint, independent of its format."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping

from kerasbert.checkpoints.ledger import Ledger
from kerasbert.config import EncoderConfig


@dataclasses.dataclass(frozen=True)
class StoredTensors:
    """The tensors of a file: shapes are known, values are read lazily.

    Args:
        shapes: From name to shape.
        read: From name to a numpy array.
        notes: How tensors are stored, by name, where it is not plainly.
    """

    shapes: Mapping[str, tuple[int, ...]]
    read: Callable
    notes: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """Configuration and weights of a published model.

    Args:
        container: The container's name, such as `"huggingface"`.
        folder: Where it lies.
        config: The encoder's configuration.
        weights: From the path of our variable to a function that reads its array.
        heads: Names of the heads that it holds, of `names.table.HEADS`.
        has_pooler: Whether it holds the pooler.
        ledger: Where every tensor went.
        labels: The names of the classes of a classification head.
        token_labels: Whether that head classifies tokens rather than texts.
        head_dropout: Dropout rate of that head's input.
        other_head: The class of transformers that the head is of, where it classifies
            neither texts nor tokens, as in multiple choice.
        score_activation: How the logits of a head of texts become scores:
            `"softmax"`, `"sigmoid"`, `"linear"`, or the name of another, which
            kerasbert does not compute; None: nothing says.
        pairs: Whether that head was trained on pairs of texts; None: nothing says.
        score_doubt: A sentence where other readers differ on `score_activation`.
        doubts: Sentences on what else the container leaves open of that head, for
            those who use it.
        masked_lm: What the masked LM head computes otherwise than the encoder:
            `activation` and `epsilon`.
        set_aside: From heads that it holds, but that cannot be computed, to the
            reason.
    """

    container: str
    folder: pathlib.Path
    config: EncoderConfig
    weights: Mapping[str, Callable]
    heads: tuple[str, ...]
    has_pooler: bool
    ledger: Ledger
    labels: tuple[str, ...] = ()
    token_labels: bool = False
    head_dropout: float = 0.1
    other_head: str = ""
    score_activation: str | None = None
    pairs: bool | None = None
    score_doubt: str = ""
    doubts: tuple[str, ...] = ()
    masked_lm: Mapping[str, str | float] = dataclasses.field(default_factory=dict)
    set_aside: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def without_pooler(self) -> "Checkpoint":
        """Returns the checkpoint without its pooler."""
        weights = self.weights.items()
        return dataclasses.replace(
            self,
            has_pooler=False,
            weights={
                path: read for path, read in weights if not path.startswith("pooler/")
            },
        )
