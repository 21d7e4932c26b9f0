"""The task of writing summaries."""

import os
from typing import Any

from kerasbert.config import Seq2SeqConfig
from kerasbert.metrics.text import summary_scores
from kerasbert.models import Seq2SeqTransformer
from kerasbert.models.seq2seq_files import holds_model
from kerasbert.tasks.examples import list_of_texts
from kerasbert.tasks.seq2seq_task import Seq2SeqTask
from kerasbert.tasks.translation.parallel_files import read_parallel
from kerasbert.text import Tokenizer

DECODER_LAYERS = 2


class Summarizer(Seq2SeqTask):
    """Writes summaries, with an encoder that has read much before.

    A published encoder reads the text, and a small decoder that is new writes; they are
    trained together. `ExtractiveSummarizer` needs no training.

    Args:
        model: A `kerasbert.models.Seq2SeqTransformer`.
        tokenizer: The `kerasbert.Tokenizer` of texts and summaries.
        max_length: The longest text, in tokens; by default 128, or what the model has.
        max_target_length: The longest summary, in tokens; by default `max_length`.
        num_beams: Number of beams; 1: the likeliest token each time.
        length_penalty: As in `kerasbert.decoding.BeamSearch`.

    Raises:
        ValueError: If the tokenizer is not that of the model.

    Example:
        >>> summarizer = Summarizer.from_pretrained(tiny_bert, max_length=16)
        >>> texts, summaries = ["hello world hello"] * 4, ["hello"] * 4
        >>> history = summarizer.fit(texts, summaries, epochs=1, verbose=0)
        >>> [answer] = summarizer.predict(["hello world"])
        >>> sorted(answer)
        ['is_complete', 'length', 'score', 'summary']

    Reference:
        [Liu and Lapata, 2019](https://arxiv.org/abs/1908.08345), section 4.2.
    """

    kind = "summarize"
    answer_name = "summary"
    run_settings = {"learning_rate": 3e-4, "label_smoothing": 0.1, "batch_size": 16}

    @classmethod
    def from_pretrained(
        cls, source: str | os.PathLike, dtype: str | None = None, **options: Any
    ) -> "Summarizer":
        """Loads a saved summarizer, or starts one from a published encoder.

        Args:
            source: A folder that `save` wrote, transformers' `EncoderDecoderModel`, or
                an encoder as in `kerasbert.load_encoder`, for which a decoder of
                `decoder_layers` is new.
            dtype: A dtype policy, such as `"mixed_bfloat16"`.
            **options: Those of the constructor; and `decoder_layers`, 2 by default, for
                a new decoder.

        Raises:
            FileNotFoundError: If there is no such source.
            ValueError: If it is broken, or has no vocabulary.
        """
        layers = options.pop("decoder_layers", DECODER_LAYERS)
        tokenizer = Tokenizer.from_pretrained(source, special_tokens_in_text=False)
        if holds_model(source):
            model = Seq2SeqTransformer.from_pretrained(source, dtype=dtype)
        else:
            model = with_new_decoder(source, layers, dtype)
        return cls(model, tokenizer, **options)

    @classmethod
    def read(
        cls,
        file: str | os.PathLike,
        options: Any,
        pairs: bool | None = None,
        learns: bool = False,
    ) -> Any:
        return read_parallel(file, options, "summary")

    def summarize(self, texts: Any, **options: Any) -> list[str]:
        """Summarises texts.

        Args:
            texts: A list of strings.
            **options: Those of `predict`.

        Returns:
            A list of strings.
        """
        return [answer["summary"] for answer in self.predict(texts, **options)]

    def answer_metrics(self, inputs: Any, targets: Any) -> dict[str, float]:
        """Computes the means of ROUGE-1, ROUGE-2 and ROUGE-L, by rouge-score."""
        return summary_scores(self.summarize(inputs), list_of_texts(targets))


def with_new_decoder(source, layers, dtype=None):
    """Makes a model of a published encoder and a new decoder as wide as it."""
    from kerasbert.models import load_encoder

    encoder = load_encoder(source, dtype=dtype, add_pooler=False)
    config = encoder.config
    decoder = Seq2SeqConfig(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        num_attention_heads=config.num_attention_heads,
        intermediate_size=config.intermediate_size,
        num_decoder_layers=layers,
        max_position_embeddings=config.max_position_embeddings,
    )
    return Seq2SeqTransformer(decoder, dtype, encoder)
