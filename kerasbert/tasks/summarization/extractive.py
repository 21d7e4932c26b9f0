"""Summaries of the sentences that stand for a text."""

import os
from typing import Any

import numpy as np

from kerasbert.metrics.text import summary_scores
from kerasbert.tasks.embedding import TextEmbedder
from kerasbert.tasks.examples import list_of_texts
from kerasbert.tasks.summarization.sentences import sentences_of


class ExtractiveSummarizer:
    """Summarises by the sentences that are closest to a text and not to each other.

    It needs no training: an embedder computes the vectors of the sentences, and that of
    the text is their mean, of which long ones are a larger part. Sentences are taken
    one by one by their maximal marginal relevance, in which early ones have an
    advantage, and given in the order of the text.

    Args:
        embedder: A `kerasbert.TextEmbedder`.
        sentences: Number of sentences of a summary, or the part of those of the text,
            below 1.
        diversity: From 0 to 1: how much a sentence loses by being close to one that is
            taken before it.
        position: How much more relevant the first sentence is than the last one, as a
            cosine; 0: all places are alike.

    Raises:
        ValueError: If a value is out of range.

    Reference:
        [Carbonell and Goldstein, 1998](https://dl.acm.org/doi/10.1145/290941.291025).
    """

    def __init__(
        self,
        embedder: Any,
        sentences: float = 2,
        diversity: float = 0.3,
        position: float = 0.6,
    ):
        if not sentences > 0 or (sentences >= 1 and sentences != int(sentences)):
            raise ValueError(
                "Expected a number of sentences, or a part of those of the text from 0 "
                f"to 1, got {sentences}."
            )
        if not 0 <= diversity <= 1:
            raise ValueError(f"Expected diversity from 0 to 1, got {diversity}.")
        self.embedder = embedder
        self.sentences = sentences
        if not 0 <= position < float("inf"):
            raise ValueError(f"Expected position of 0 or more, got {position}.")
        self.diversity = diversity
        self.position = position

    @classmethod
    def from_pretrained(
        cls, source: str | os.PathLike | None = None, **options: Any
    ) -> "ExtractiveSummarizer":
        """Loads the embedder of a source.

        Args:
            source: As in `TextEmbedder.from_pretrained`.
            **options: Others of the constructor, such as `sentences`.
        """
        return cls(TextEmbedder.from_pretrained(source), **options)

    def predict(self, inputs: Any) -> list[dict[str, Any]]:
        """Summarises texts.

        Args:
            inputs: A list of strings.

        Returns:
            A dictionary a text: the `summary`, and the `sentences` that it is made of,
            each with `text`, `start` and `end` in the text, in characters, and its
            `score`, the cosine to the text.
        """
        texts = list_of_texts(inputs)
        spans = [sentences_of(text) for text in texts]
        pieces = [
            text[start:end]
            for text, places in zip(texts, spans, strict=True)
            for start, end in places
        ]
        vectors = self.embedder.encode(pieces) if pieces else []
        answers, first = [], 0
        for text, places in zip(texts, spans, strict=True):
            own = vectors[first : first + len(places)]
            first += len(places)
            answers.append(self._answer(text, places, own))
        return answers

    def summarize(self, texts: Any) -> list[str]:
        """Summarises texts.

        Args:
            texts: A list of strings.

        Returns:
            A list of strings.
        """
        return [answer["summary"] for answer in self.predict(texts)]

    def evaluate(self, inputs: Any, targets: Any) -> dict[str, float]:
        """Computes the means of ROUGE-1, ROUGE-2 and ROUGE-L, by rouge-score.

        Args:
            inputs: As in `predict`.
            targets: A summary of each.

        Raises:
            ImportError: If the package rouge-score is not installed.
        """
        return summary_scores(self.summarize(inputs), list_of_texts(targets))

    def _answer(self, text, places, vectors):
        if not places:
            return {"summary": "", "sentences": []}
        vectors = np.asarray(vectors, "float64")
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        sizes = np.array([end - start for start, end in places], "float64")  # [n]
        centre = sizes @ vectors  # [D]
        cosines = vectors @ centre / max(float(np.linalg.norm(centre)), 1e-12)
        early = np.linspace(1.0, 0.0, len(places))  # [n]
        chosen = marginally_relevant(
            *(cosines + self.position * early, vectors @ vectors.T),
            *(self._count(len(places)), self.diversity),
        )
        sentences = [
            {
                "text": text[slice(*places[index])],
                "start": places[index][0],
                "end": places[index][1],
                "score": float(cosines[index]),
            }
            for index in sorted(chosen)
        ]
        summary = " ".join(sentence["text"] for sentence in sentences)
        return {"summary": summary, "sentences": sentences}

    def _count(self, available):
        if self.sentences >= 1:
            return min(int(self.sentences), available)
        return max(1, round(self.sentences * available))


def marginally_relevant(relevance, similarities, count, diversity):
    """Returns the indices of maximal marginal relevance, the best first.

    Args:
        relevance: How relevant each item is, `[n]`.
        similarities: How similar each is to each, `[n, n]`.
        count: Number of items to take.
        diversity: Weight of the similarity to those that are taken before.

    Example:
        >>> alike = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        >>> marginally_relevant(np.array([0.9, 0.8, 0.5]), alike, 2, 0.5)
        [0, 2]
    """
    chosen, left = [], list(range(len(relevance)))
    while left and len(chosen) < count:
        taken = similarities[np.ix_(left, chosen)].max(axis=1) if chosen else 0.0
        scores = (1 - diversity) * relevance[left] - diversity * taken
        best = left[int(np.argmax(scores))]
        chosen.append(best)
        left.remove(best)
    return chosen
