"""The task of translation."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

from kerasbert.account import quoted
from kerasbert.config import Seq2SeqConfig
from kerasbert.metrics.text import translation_scores
from kerasbert.models import Seq2SeqTransformer
from kerasbert.tasks.examples import list_of_texts
from kerasbert.tasks.seq2seq_task import Seq2SeqTask
from kerasbert.tasks.translation.parallel_files import read_parallel
from kerasbert.tasks.translation.vocabulary import train_vocabulary
from kerasbert.text import Tokenizer

# New models by name: deep encoders with one decoder layer, which is what takes time.
SIZES = {
    "transformer_tiny": {
        "hidden_size": 128,
        "num_hidden_layers": 3,
        "intermediate_size": 512,
    },
    "transformer_small": {
        "hidden_size": 256,
        "num_hidden_layers": 6,
        "intermediate_size": 1024,
    },
    "transformer_base": {
        "hidden_size": 512,
        "num_hidden_layers": 12,
        "num_attention_heads": 8,
        "intermediate_size": 2048,
    },
}


class Translator(Seq2SeqTask):
    """Translates texts.

    `for_texts` makes a new one of a given size, with a vocabulary of the texts that it
    will learn from; `fit` trains it.

    Args:
        model: A `kerasbert.models.Seq2SeqTransformer`.
        tokenizer: The `kerasbert.Tokenizer` of both languages.
        max_length: The longest source, in tokens, end token included; by default 128,
            or what the model has.
        max_target_length: The longest translation, in tokens; by default `max_length`.
        num_beams: Number of beams; 1: the likeliest token each time.
        length_penalty: As in `kerasbert.decoding.BeamSearch`.

    Raises:
        ValueError: If the tokenizer is not that of the model.

    Example:
        >>> english, german = ["a dog", "a cat"] * 8, ["ein Hund", "eine Katze"] * 8
        >>> translator = Translator.for_texts(
        ...     english, german, "transformer_tiny", vocab_size=40)
        >>> history = translator.fit(english, german, epochs=1, verbose=0)
        >>> [answer] = translator.predict(["a cat"])
        >>> sorted(answer)
        ['is_complete', 'length', 'score', 'translation']

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 5.
    """

    kind = "translate"
    answer_name = "translation"
    run_settings = {
        "learning_rate": 1e-3,
        "warmup": 0.1,
        "weight_decay": 0.0001,
        "epochs": 10,
        "batch_size": 64,
        "label_smoothing": 0.1,
    }

    @classmethod
    def for_texts(
        cls,
        sources: Any,
        targets: Any,
        size: str | Seq2SeqConfig = "transformer_small",
        vocab_size: int = 8000,
        dtype: str | None = None,
        dropout: float | None = None,
        max_length: int | None = None,
        vocabulary: str = "unigram",
        **options: Any,
    ) -> "Translator":
        """Makes a new translator with a vocabulary of the texts it will learn from.

        Args:
            sources: The texts of one language.
            targets: Those of the other, or of the same.
            size: `"transformer_tiny"`, `"transformer_small"`, `"transformer_base"`, or
                a `kerasbert.Seq2SeqConfig`, whose `vocab_size` becomes that of the
                vocabulary.
            vocab_size: Number of tokens; less where the texts have fewer pieces.
            dtype: A dtype policy, such as `"mixed_bfloat16"`.
            dropout: The dropout rate, if not that of the size.
            max_length: As in the constructor.
            vocabulary: `"unigram"` or `"bpe"` (byte pair encoding), by SentencePiece.
            **options: Others of the constructor.

        Raises:
            ImportError: If the package sentencepiece is not installed.
            ValueError: If there is no such size, or no vocabulary can be made.
        """
        if isinstance(size, str):
            if size not in SIZES:
                raise ValueError(
                    f"Expected a size among {', '.join(SIZES)}, or a "
                    f"kerasbert.Seq2SeqConfig, got {quoted(size)}."
                )
            size = Seq2SeqConfig(**SIZES[size])
        texts = [*cls.vocabulary_texts(sources), *list_of_texts(targets)]
        tokenizer = train_vocabulary(
            *(texts, vocab_size, max_length), vocabulary=vocabulary
        )
        changes = {"vocab_size": tokenizer.vocabulary_size, "source_vocab_size": None}
        if dropout is not None:
            changes["hidden_dropout_prob"] = dropout
        model = Seq2SeqTransformer(dataclasses.replace(size, **changes), dtype=dtype)
        return cls(model, tokenizer, max_length=max_length, **options)

    @classmethod
    def vocabulary_texts(cls, inputs: Any) -> list[str]:
        """Returns the texts of inputs, of which a vocabulary is made."""
        return list_of_texts(inputs)

    @classmethod
    def from_pretrained(
        cls, source: str | os.PathLike, dtype: str | None = None, **options: Any
    ) -> "Translator":
        """Loads a translator that `save` wrote.

        Args:
            source: The folder.
            dtype: A dtype policy, such as `"mixed_bfloat16"`.
            **options: Those of the constructor, such as `num_beams`.

        Raises:
            FileNotFoundError: If there is no such folder.
            ValueError: If it holds no translator.
        """
        model = Seq2SeqTransformer.from_pretrained(source, dtype=dtype)
        tokenizer = Tokenizer.from_pretrained(source, special_tokens_in_text=False)
        return cls(model, tokenizer, **options)

    @classmethod
    def for_run(cls, model: str, examples: Any, **options: Any) -> "Translator":
        """Makes the task of a run: a new one of a size, or one that was saved."""
        if model not in SIZES:
            for name in ("vocab_size", "vocabulary", "dropout"):
                if name in options:
                    raise ValueError(
                        f"Expected no {name} for a model that was trained before, got "
                        f"{options[name]}. New ones are {', '.join(SIZES)}."
                    )
            return cls.from_pretrained(model, **options)
        return cls.for_texts(examples.inputs, examples.targets, model, **options)

    @classmethod
    def read(
        cls,
        file: str | os.PathLike,
        options: Any,
        pairs: bool | None = None,
        learns: bool = False,
    ) -> Any:
        return read_parallel(file, options)

    def translate(self, texts: Sequence[str], **options: Any) -> list[str]:
        """Translates texts.

        Args:
            texts: A list of strings.
            **options: Those of `predict`.

        Returns:
            A list of strings.
        """
        return [answer["translation"] for answer in self.predict(texts, **options)]

    def answer_metrics(self, inputs: Any, targets: Any) -> dict[str, float]:
        """Computes corpus BLEU and chrF of the translations, by sacrebleu."""
        return translation_scores(self.translate(inputs), list_of_texts(targets))
