"""Masked language modeling: filling masks, and scoring texts."""

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kerasbert.data import Examples
from kerasbert.inference.serving_graph import text_function
from kerasbert.models import MaskedLMModel
from kerasbert.tasks.encoder_task import EncoderTask
from kerasbert.tasks.example_files import read_table
from kerasbert.tasks.examples import list_of_texts
from kerasbert.tasks.masked_language_model.masking import (
    MaskedExamples,
    Masking,
    Perplexity,
)
from kerasbert.tasks.masked_language_model.scores import (
    Beam,
    MaskedLMScores,
    largest,
    mean_log_probs,
    one_at_a_time,
)
from kerasbert.tasks.masked_language_model.text import MaskedRow, MaskedTexts
from kerasbert.tasks.preprocessor import TextPreprocessor
from kerasbert.tasks.pretrained_task import load_parts
from kerasbert.tasks.scores import sparse_crossentropy
from kerasbert.training.counts import check_count
from kerasbert.training.features import IGNORED

TOP_K = 5  # tokens of a mask, in an export


class MaskedLM(EncoderTask):
    """Fills masks in texts, and computes probabilities of texts.

    Args:
        model: A `kerasbert.models.MaskedLMModel`.
        tokenizer: The `kerasbert.Tokenizer` of its vocabulary.
        max_length: The longest sequence in tokens, special tokens included.
        mask_rate: Which part of the tokens is hidden in training.
        whole_words: Whether all pieces of a word are hidden together in training.
            Where words are not written apart, as in Chinese, pieces are words.

    Example:
        >>> masked = kerasbert.MaskedLM.from_pretrained(tiny_bert)
        >>> [answer] = masked.predict(["the capital of france is [MASK]."], top_k=3)
        >>> len(answer["masks"]), len(answer["masks"][0])
        (1, 3)
        >>> sorted(answer["masks"][0][0])
        ['score', 'text', 'token']

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 3.1, task 1.
    """

    kind = "fill"
    needs_targets = False

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        max_length: int | None = None,
        mask_rate: float = 0.15,
        whole_words: bool = False,
    ):
        super().__init__(model, tokenizer, max_length)
        self.mask_rate = mask_rate
        self.whole_words = whole_words
        self._masking = Masking(tokenizer, mask_rate, whole_words)
        self.preprocessor = TextPreprocessor(tokenizer, self.max_length)
        self._texts = MaskedTexts(tokenizer, self.preprocessor)
        self._scores = MaskedLMScores(model, tokenizer.vocabulary_size)

    @classmethod
    def from_pretrained(
        cls, source: str | os.PathLike, dtype: str | None = None, **options: Any
    ) -> "MaskedLM":
        """Loads an encoder with its masked LM head.

        Args:
            source: As in `BertEncoder.from_pretrained`.
            dtype: A dtype policy of the encoder, such as `"mixed_bfloat16"`.
            **options: `max_length`, `mask_rate` and `whole_words`, as in the
                constructor.

        Raises:
            FileNotFoundError: If there is no such source.
            ValueError: If the source is broken, or has no such head, as models made
                for sentence vectors have none.
        """
        folder, checkpoint, tokenizer = load_parts(source)
        set_aside = "masked_lm_head" in checkpoint.set_aside  # told when it is built
        if "masked_lm_head" not in checkpoint.heads and not set_aside:
            raise ValueError(
                "Expected a model with a masked language model head, but "
                f"{folder} has {', '.join(checkpoint.heads) or 'an encoder alone'}. "
                "Take one that was pretrained and not yet fine-tuned, such as "
                "bert_base_uncased."
            )
        return cls(
            MaskedLMModel.from_pretrained(checkpoint, dtype=dtype), tokenizer, **options
        )

    # Filling in.

    def predict(
        self, inputs: Any, top_k: int = 5, candidates: Sequence[str] | None = None
    ) -> Any:
        """Predicts the most probable tokens of each mask independently.

        Args:
            inputs: A list of strings, or of pairs of strings, with `[MASK]` in each.
            top_k: How many tokens a mask.
            candidates: Words to choose from, each a single token; None: the whole
                vocabulary. `rank` takes words of several pieces.

        Returns:
            A dictionary a text: `text`, with the likeliest token in each mask; and
            `masks`, for each mask a list of `token`, its `score` (its probability),
            and `text` with it in this mask alone.

        Raises:
            ValueError: If a text has no mask, or a candidate is several tokens.
        """
        check_count("top_k", top_k)
        inputs = list_of_texts(inputs)
        allowed = self._texts.single_tokens(candidates)
        rows = self._texts.rows(inputs)
        found = [[None] * len(row.places) for row in rows]
        lengths = [len(row.token_ids) for row in rows]
        scores = self._scores.log_probs(lengths, rows.__getitem__)
        for number, mask, log_probs in scores:
            best = allowed[largest(log_probs[allowed], top_k)]
            found[number][mask] = list(zip(best, np.exp(log_probs[best]), strict=True))
        return list(map(self._texts.answer, inputs, found))

    def fill(
        self, inputs: Any, pieces: int = 1, top_k: int = 5, beams: int = 10
    ) -> list[list[dict]]:
        """Predicts the most probable tokens of all masks of a text jointly.

        The masks are filled from left to right, each by a model that reads what was
        filled in before, and the likeliest ways are kept (beam search).

        Args:
            inputs: A list of strings, or of pairs of strings, with `[MASK]` in each.
            pieces: How many tokens each `[MASK]` stands for; or several such numbers,
                all of which are tried.
            top_k: How many ways to fill a text.
            beams: How many ways are kept from token to token; `top_k` at least.

        Returns:
            For each text a list of dictionaries, the likeliest first: `tokens`, a
            list a mask; `score`, the geometric mean of the probabilities of all
            tokens, so that more pieces and fewer compare; and `text`.

        Raises:
            ValueError: If a text has no mask, or becomes longer than `max_length`.
        """
        check_count("top_k", top_k)
        check_count("beams", beams)
        inputs = list_of_texts(inputs)
        rows = self._texts.rows(inputs)
        beam = Beam(self._scores, max(beams, top_k))
        answers = [[] for _ in inputs]
        for count in [pieces] if isinstance(pieces, int) else pieces:
            check_count("pieces", count)
            widened = self._texts.widened(rows, [count] * len(rows))
            for number, ways in enumerate(beam.search(widened)):
                for tokens, total in ways:
                    masks = np.reshape(tokens, (-1, count)).tolist()
                    answer = {
                        "tokens": self.tokenizer.tokens(masks),
                        "score": float(np.exp(total / len(tokens))),
                        "text": self._texts.filled(inputs[number], masks),
                    }
                    answers[number].append(answer)
        return [_best(answer)[:top_k] for answer in answers]

    def rank(self, inputs: Any, candidates: Sequence[str]) -> list[list[dict]]:
        """Scores candidate words, of any number of tokens, for the mask of each text.

        Args:
            inputs: A list of strings, or of pairs of strings, with one `[MASK]` each.
            candidates: A list of words, or of phrases.

        Returns:
            For each text a list of dictionaries, the likeliest first: `candidate`,
            `score` as in `fill`, and `text`.

        Raises:
            ValueError: If a text has not exactly one mask, or becomes longer than
                `max_length`.
        """
        inputs, candidates = list_of_texts(inputs), list_of_texts(candidates)
        rows = self._texts.rows(inputs)
        for number, row in enumerate(rows):
            if len(row.places) != 1:
                raise ValueError(
                    f"Expected one mask in each text, got {len(row.places)} at "
                    f"position {number}. fill fills several masks together."
                )
        tokens = [self._texts.tokens_of(word) for word in candidates]
        answers = []
        for text, row in zip(inputs, rows, strict=True):
            wide = self._texts.widened([row] * len(tokens), map(len, tokens))
            scores = np.exp(mean_log_probs(self._scores, wide, tokens)).tolist()
            ranked = [
                dict(candidate=word, score=score, text=self._texts.filled(text, [ids]))
                for word, ids, score in zip(candidates, tokens, scores, strict=True)
            ]
            answers.append(_best(ranked))
        return answers

    # How probable texts are.

    def pseudo_log_likelihoods(self, texts: Any) -> Any:
        """Computes the log probability of each token given all others.

        Args:
            texts: A list of strings, or of pairs of strings.

        Returns:
            For each text a float32 array `[S - 2]`, one number a token, special tokens
            left out.

        Reference:
            [Salazar et al., 2020](https://arxiv.org/abs/1910.14659), section 2.
        """
        rows = self.preprocessor.encode(list_of_texts(texts))
        places = [np.flatnonzero(~self._masking.special[ids]) for ids in rows.token_ids]
        masked = map(MaskedRow, rows.token_ids, rows.segment_ids, places)
        mask_token_id = self.tokenizer.mask_token_id
        return one_at_a_time(self._scores, list(masked), mask_token_id)

    def pseudo_perplexity(self, texts: Any) -> np.ndarray:
        """Computes the pseudo-perplexity of texts.

        A token is hidden at a time, so a text of n tokens is read n times.

        Args:
            texts: A list of strings, or of pairs of strings.

        Returns:
            float64 array `[n]`: e to the power of the mean of minus
            `pseudo_log_likelihoods`.

        Raises:
            ValueError: If a text has no tokens; the message says which.

        Reference:
            [Salazar et al., 2020](https://arxiv.org/abs/1910.14659), section 2.3.
        """
        texts = list_of_texts(texts)
        self._masking.check(self.preprocessor.encode(texts).token_ids)
        found = self.pseudo_log_likelihoods(texts)
        return np.exp([-values.mean(dtype="float64") for values in found])

    # Training.

    def features(
        self, inputs: Any, targets: Any = None, sample_weight: Any = None
    ) -> Any:
        if targets is not None:
            raise ValueError(
                "Expected no targets: a masked language model learns the tokens that "
                "are hidden from it. Call fit(texts)."
            )
        rows = self.preprocessor.encode(list_of_texts(inputs))
        self._masking.check(rows.token_ids)
        targets = {"mlm_logits": rows.token_ids}
        return MaskedExamples.of_rows(
            rows, targets, sample_weight, self.tokenizer, masking=self._masking
        )

    def losses(self) -> dict[str, Any]:
        return {
            "loss": {"mlm_logits": sparse_crossentropy(ignore_class=IGNORED)},
            "metrics": {"mlm_logits": [Perplexity()]},
        }

    def fit(
        self,
        inputs: Any,
        targets: Any = None,
        validation_data: Any = None,
        **options: Any,
    ) -> Any:
        """Trains the model to predict masked tokens.

        Other tokens are hidden in every epoch, and the same ones in every validation.

        Args:
            inputs: A list of strings, or of pairs of strings.
            targets: None: the texts are their own.
            validation_data: Texts to test on after every epoch.
            **options: As in `Task.fit`.

        Returns:
            A `keras.callbacks.History`.
        """
        if validation_data is not None and not isinstance(validation_data, tuple):
            validation_data = (validation_data, None)
        return super().fit(inputs, targets, validation_data, **options)

    @classmethod
    def read(
        cls,
        file: str | os.PathLike,
        options: Any,
        pairs: bool | None = None,
        learns: bool = False,
    ) -> Any:
        examples = read_table(file, options, None, bool(pairs))
        inputs = [x for x in examples.inputs if isinstance(x, tuple) or x.strip()]
        if not inputs:
            raise ValueError(
                f"Expected texts in {file}, but all of its lines are empty."
            )
        if len(inputs) < len(examples):  # such as those between documents
            examples.account.skip("empty lines", len(examples) - len(inputs))
            examples.account.examples = len(inputs)
        return Examples(examples.name, None, inputs, account=examples.account)

    def answer_rows(self, inputs: Any, options: Any) -> Iterable[dict]:
        mask = self.tokenizer.special_tokens.mask
        masked = [text for text in inputs if mask in text]
        if unmasked := len(inputs) - len(masked):
            warnings.warn(
                f"{unmasked} of the texts have no {mask} to fill in.", stacklevel=2
            )
        answers = iter(self.predict(masked))
        found = []
        for text in inputs:
            answer = next(answers) if mask in text else {"text": text, "masks": []}
            found.append({"filled": answer["text"], "masks": answer["masks"]})
        return found

    def example_text(self, words: int = 2) -> str:
        return f"{self.tokenizer.special_tokens.mask} {super().example_text(words)}"

    def signatures(self, graph: Any) -> dict[str, Callable]:
        """`serving_default`, from `text` with masks to the likeliest tokens of each.

        It gives for each text the `tokens` and their `scores` `[B, M, K]`, with M the
        most masks of a text of the batch, the likeliest first; `mask_count`, how many
        masks each text has, those that were cut not among them; and `token_count`.
        Where a text has fewer masks, tokens are empty and scores 0.
        """
        tokenizer = self.tokenizer
        count = min(TOP_K, tokenizer.vocabulary_size)
        vocabulary = tf.constant(tokenizer.vocabulary)  # [V]
        preprocessor = self.preprocessor.with_length(graph.max_length)

        def of_texts(text):
            token_ids, segment_ids, token_count = preprocessor(text)
            is_mask = token_ids.with_values(
                tf.equal(token_ids.values, tokenizer.mask_token_id)
            )
            places = tf.where(is_mask.to_tensor(False))  # [P, 2]
            outputs = graph.outputs_at(token_ids, segment_ids, places)
            # The model may have more tokens, that stand for nothing.
            probs = tf.nn.softmax(outputs["mlm_logits"])[:, : len(tokenizer.vocabulary)]
            scores, best = tf.math.top_k(probs, count)  # [P, K] each
            mask_count = tf.reduce_sum(tf.cast(is_mask, tf.int32), axis=1)  # [B]

            def by_text(values, filler):
                rows = tf.RaggedTensor.from_row_lengths(values, mask_count)
                return rows.to_tensor(filler, shape=[None, None, count])  # [B, M, K]

            return {
                "tokens": by_text(tf.gather(vocabulary, best), ""),
                "scores": by_text(scores, 0.0),
                "mask_count": mask_count,
                "token_count": token_count,
            }

        return {"serving_default": text_function(of_texts, "text")}

    def options(self) -> dict[str, Any]:
        return {
            **super().options(),
            "mask_rate": self.mask_rate,
            "whole_words": self.whole_words,
        }


def _best(answers):
    return sorted(answers, key=lambda answer: -answer["score"])
