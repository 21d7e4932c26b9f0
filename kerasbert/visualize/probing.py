"""Linear probes on the layers of an encoder."""

import dataclasses
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from kerasbert.inference.encoder_runner import EncoderRunner, batches_of_tokens
from kerasbert.tasks.embedding.preprocessor import EmbeddingPreprocessor
from kerasbert.visualize.attention import encoder_and_tokenizer
from kerasbert.visualize.logistic import LogisticRegression
from kerasbert.visualize.output import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BATCH_TOKENS = 4096


@dataclasses.dataclass(frozen=True)
class ProbeCurve:
    """Accuracy of a linear probe on each layer.

    Args:
        accuracy: Accuracy on held-out examples for each layer, from 0, the embedding
            output, to L.
        training_accuracy: Accuracy on the training examples for each layer.
        baseline: Accuracy of predicting the most frequent training label.
        labels: The labels, in order.
        counts: Number of training and of held-out examples.
    """

    accuracy: list
    training_accuracy: list
    baseline: float
    labels: list
    counts: tuple

    @property
    def best_layer(self) -> int:
        """The layer with the highest accuracy."""
        return int(np.argmax(self.accuracy))

    def figure(self, title: str | None = None) -> "Figure":
        """Draws the curve.

        Args:
            title: Title of the figure, or None.

        Returns:
            A `matplotlib.figure.Figure`.

        Raises:
            ImportError: If matplotlib is not installed.
        """
        figure, [[axes]] = new_figure()
        layers = range(len(self.accuracy))
        axes.plot(layers, self.accuracy, "o-", color="#4f46e5", label="held out")
        axes.plot(
            layers, self.training_accuracy, color="#4f46e5", alpha=0.3, label="training"
        )
        axes.axhline(
            self.baseline, color="#6b7085", linestyle=":", label="most frequent label"
        )
        axes.set(xlabel="layer", ylabel="accuracy", ylim=(0, 1.03), xticks=layers)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        if title:
            axes.set_title(title)
        return figure


def probe_layers(
    model: Any,
    texts: Sequence,
    labels: Sequence,
    tokenizer: Any = None,
    validation: float = 0.25,
    l2: float = 1.0,
    seed: int = 0,
) -> ProbeCurve:
    """Trains a linear probe on every layer of a frozen encoder.

    Word representations are the means over the word's tokens, text representations the
    means over all tokens.

    Args:
        model: A task, such as a `kerasbert.TextEmbedder`; or an encoder, with
            `tokenizer`.
        texts: A list of strings, or of lists of words, which are joined by spaces.
        labels: One label per text, or a list of labels per text, one per word.
        tokenizer: The tokenizer of an encoder.
        validation: Fraction of the texts that is held out.
        l2: Strength of the L2 penalty of the probe.
        seed: Seed of the split.

    Returns:
        A `ProbeCurve`.

    Raises:
        ValueError: If texts and labels do not match, or there are fewer than two
            labels.

    Example:
        >>> embedder = kerasbert.TextEmbedder.from_pretrained(tiny_bert)
        >>> texts = [["the", "cat", "sat"], ["the", "dog", "ran"]] * 4
        >>> curve = probe_layers(embedder, texts, [["D", "N", "V"]] * 8)
        >>> curve.labels
        ['D', 'N', 'V']

    Reference:
        [Tenney et al., 2019](https://arxiv.org/abs/1905.05950);
        [Hewitt and Liang, 2019](https://arxiv.org/abs/1909.03368) on their limits.
    """
    encoder, tokenizer = encoder_and_tokenizer(model, tokenizer)
    texts, labels = list(texts), list(labels)
    of_words = _check(texts, labels)
    spans = [_spans(words) for words in texts] if of_words else None
    strings = [" ".join(words) for words in texts] if of_words else texts
    vectors = _hidden_states(encoder, tokenizer, strings, spans)
    labels = labels if of_words else [[label] for label in labels]

    held_back = np.zeros(len(texts), bool)
    order = np.random.default_rng(seed).permutation(len(texts))
    held_back[order[: max(1, round(validation * len(texts)))]] = True
    parts = []
    for part in (np.flatnonzero(~held_back), np.flatnonzero(held_back)):
        names = [labels[n][word] for n in part for word in vectors[n][0]]
        rows = [vectors[n][1] for n in part]
        parts.append((np.concatenate(rows) if names else None, names))
    return _curve(parts, l2)


def _curve(parts, l2):
    (inputs, names), (others, other_names) = parts
    classes = sorted(set(names), key=str)
    if len(classes) < 2 or not other_names:
        raise ValueError(
            "Expected training texts with at least two labels, and held-out texts, got "
            f"the labels {classes} on {len(names)} training examples and "
            f"{len(other_names)} held-out examples. Pass more texts."
        )
    numbers = {name: number for number, name in enumerate(classes)}
    y = np.array([numbers[name] for name in names])
    other_y = np.array([numbers.get(name, -1) for name in other_names])
    accuracy, training_accuracy = [], []
    for layer in range(inputs.shape[1]):
        probe = LogisticRegression(l2).fit(inputs[:, layer].astype("float64"), y)
        accuracy.append(float(np.mean(probe.predict(others[:, layer]) == other_y)))
        training_accuracy.append(float(np.mean(probe.predict(inputs[:, layer]) == y)))
    baseline = float(np.mean(other_y == np.bincount(y).argmax()))
    counts = (len(names), len(other_names))
    return ProbeCurve(accuracy, training_accuracy, baseline, classes, counts)


def _check(texts, labels):
    """Checks texts and labels; returns whether labels are per word."""
    if len(texts) != len(labels):
        raise ValueError(
            f"Expected as many labels as texts, got {len(labels)} for {len(texts)}."
        )
    of_words = bool(texts) and not isinstance(texts[0], str)
    for number, (text, label) in enumerate(zip(texts, labels, strict=True)):
        if isinstance(text, str) == of_words:
            raise TypeError(
                "Expected strings alone or lists of words alone, got "
                f"{type(text).__name__} at position {number}."
            )
        if of_words and (isinstance(label, str) or len(text) != len(label)):
            raise ValueError(
                "Expected one label a word in a list, got "
                f"{label!r} for {len(text)} words at position {number}."
            )
    return of_words


def _spans(words):
    """Returns the character spans of words joined by spaces."""
    ends = np.cumsum([len(word) + 1 for word in words]) - 1
    return [(end - len(word), end) for word, end in zip(words, ends, strict=True)]


def _hidden_states(encoder, tokenizer, texts, spans):
    """Returns the hidden states of words; a text counts as one word.

    For each text: the indices of its words that have tokens, and float32 `[W, L + 1,
    D]`.
    """
    preprocessor = EmbeddingPreprocessor(
        tokenizer, encoder.config.max_position_embeddings
    )
    ids, _, *edges, _ = preprocessor.run(preprocessor.located, texts)
    offsets = [np.stack(pair, axis=-1) for pair in zip(*edges, strict=True)]
    run = EncoderRunner(encoder, lambda states, mask: ops.stack(states, axis=2))
    found, lost = [None] * len(texts), 0
    for batch in batches_of_tokens(map(len, ids), BATCH_TOKENS):
        states = run([ids[n] for n in batch])  # [B, S, L + 1, D]
        for index, n in enumerate(batch):
            tokens = states[index, : len(ids[n])].astype("float32")  # [S, L + 1, D]
            groups = {0: np.arange(len(tokens))}
            if spans is not None:
                groups = _tokens_of_words(offsets[n], spans[n])
                lost += len(spans[n]) - len(groups)
            means = [tokens[group].mean(axis=0) for group in groups.values()]
            shape = (len(groups), *tokens.shape[1:])
            found[n] = list(groups), np.reshape(np.array(means, "float32"), shape)
    if lost:
        warnings.warn(
            f"{lost} words are ignored: they have no token, or are beyond the maximum "
            "sequence length.",
            stacklevel=3,
        )
    return found


def _tokens_of_words(offsets, spans):
    """Maps the words that have tokens to the indices of their tokens."""
    starts, ends = offsets.T
    groups = {}
    for word, (start, end) in enumerate(spans):
        inside = np.flatnonzero((starts < ends) & (starts >= start) & (starts < end))
        if len(inside):
            groups[word] = inside
    return groups
