"""The task of continuing texts."""

import dataclasses
import os
from typing import Any

import numpy as np
import tensorflow as tf

from kerasbert.checkpoints import write_checkpoint
from kerasbert.checkpoints.config_keys import check_vocabulary_size
from kerasbert.checkpoints.vocabulary import write_tokenizer
from kerasbert.config import BertConfig
from kerasbert.decoding import Sampling
from kerasbert.models import BertDecoder
from kerasbert.models.decoder import Continuation
from kerasbert.models.loading import checkpoint_of
from kerasbert.tasks.examples import list_of_texts
from kerasbert.tasks.generation.preprocessor import LanguageModelPreprocessor
from kerasbert.tasks.generation_task import GenerationTask
from kerasbert.tasks.pretrained_task import load_parts
from kerasbert.tasks.seq2seq_task import checked_length
from kerasbert.tasks.translation.vocabulary import train_vocabulary
from kerasbert.training.features import EncodedExamples

SIZES = {
    "bert_decoder_tiny": {
        "hidden_size": 128,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "intermediate_size": 512,
        "max_position_embeddings": 256,
    },
    "bert_decoder_small": {
        "hidden_size": 256,
        "num_hidden_layers": 6,
        "num_attention_heads": 4,
        "intermediate_size": 1024,
        "max_position_embeddings": 512,
    },
}


class TextGenerator(GenerationTask):
    """Continues texts: BERT with a causal mask, as a language model.

    A published BERT is where it starts from; it was trained to fill masks, and has to
    be trained to go on. `for_texts` makes a small new model.

    Args:
        model: A `kerasbert.models.BertDecoder` without cross-attention.
        tokenizer: The `kerasbert.Tokenizer` of its vocabulary.
        max_length: The longest prompt, and the longest block to learn from, in tokens;
            by default half of the model's positions.
        max_new_tokens: The longest continuation, in tokens; by default 64, or what the
            positions leave.
        temperature: As in `kerasbert.decoding.Sampling`.
        top_k: As there.
        top_p: As there.

    Raises:
        ValueError: If the tokenizer is not that of the model, or the positions do not
            suffice.

    Example:
        >>> texts = ["once upon a time", "once upon a hill"] * 8
        >>> generator = TextGenerator.for_texts(
        ...     texts, "bert_decoder_tiny", vocab_size=30)
        >>> history = generator.fit(texts, epochs=1, verbose=0)
        >>> [answer] = generator.predict(["once"])
        >>> sorted(answer)
        ['continuation', 'is_complete', 'length', 'score']

    Reference:
        [Rothe et al., 2019](https://arxiv.org/abs/1907.12461), section 2.
    """

    kind = "generate"
    answer_name = "continuation"
    needs_targets = False
    goes_on_from_nothing = True
    seed = None
    run_settings = {"learning_rate": 5e-4, "epochs": 10, "weight_decay": 0.01}

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        max_length: int | None = None,
        max_new_tokens: int | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = 0.95,
    ):
        super().__init__(model)
        if getattr(model, "encoder_size", None) is not None:
            raise ValueError(
                "Expected a decoder without cross-attention, got one with it, which "
                "needs an encoder. Make it with encoder_size=None."
            )
        self.tokenizer = tokenizer
        self.encoder = model  # what freezing and learning rates take
        positions = self.max_positions
        self.max_length = checked_length(
            "max_length", max_length, positions // 2, positions
        )
        left = positions - self.max_length
        self.max_new_tokens = checked_length(
            "max_new_tokens", max_new_tokens, min(64, left), left
        )
        self.strategy = Sampling(temperature, top_k, top_p)
        self.preprocessor = LanguageModelPreprocessor(tokenizer, self.max_length)
        check_vocabulary_size(tokenizer.vocabulary_size, model.config)

    @classmethod
    def from_pretrained(
        cls, source: str | os.PathLike, dtype: str | None = None, **options: Any
    ) -> "TextGenerator":
        """Loads a saved generator, or starts one from a published BERT.

        Args:
            source: As in `BertDecoder.from_pretrained`.
            dtype: A dtype policy, such as `"mixed_bfloat16"`.
            **options: Those of the constructor.

        Raises:
            FileNotFoundError: If there is no such source.
            ValueError: If it holds no BERT, or is broken.
        """
        _, checkpoint, tokenizer = load_parts(source)
        return cls(BertDecoder.from_pretrained(checkpoint, dtype), tokenizer, **options)

    @classmethod
    def for_texts(
        cls,
        texts: Any,
        size: str | BertConfig = "bert_decoder_small",
        vocab_size: int = 8000,
        dtype: str | None = None,
        dropout: float | None = None,
        vocabulary: str = "unigram",
        **options: Any,
    ) -> "TextGenerator":
        """Makes a new generator with a vocabulary of the texts it will learn from.

        Args:
            texts: The texts.
            size: `"bert_decoder_tiny"`, `"bert_decoder_small"`, or a
                `kerasbert.BertConfig`, whose `vocab_size` becomes that of the
                vocabulary.
            vocab_size: Number of tokens; less where the texts have fewer pieces.
            dtype: A dtype policy, such as `"mixed_bfloat16"`.
            dropout: The dropout rate, if not that of the size.
            vocabulary: `"unigram"` or `"bpe"` (byte pair encoding), by SentencePiece.
            **options: Those of the constructor.

        Raises:
            ImportError: If the package sentencepiece is not installed.
            ValueError: If there is no such size, or no vocabulary can be made.
        """
        if isinstance(size, str):
            if size not in SIZES:
                raise ValueError(
                    f"Expected a size among {', '.join(SIZES)}, or a "
                    f"kerasbert.BertConfig, got {size!r}."
                )
            size = BertConfig(**SIZES[size])
        tokenizer = train_vocabulary(
            list_of_texts(texts), vocab_size, vocabulary=vocabulary
        )
        changes = {"vocab_size": tokenizer.vocabulary_size}
        if dropout is not None:
            changes["hidden_dropout_prob"] = dropout
            changes["attention_probs_dropout_prob"] = dropout
        model = BertDecoder(dataclasses.replace(size, **changes), dtype=dtype)
        return cls(model, tokenizer, **options)

    @classmethod
    def for_run(cls, model: str, examples: Any, **options: Any) -> "TextGenerator":
        """Makes the task of a run: a new one of a size, or of a source."""
        if model in SIZES:
            return cls.for_texts(examples.inputs, model, **options)
        return cls.from_pretrained(model, **options)

    @classmethod
    def read(
        cls,
        file: str | os.PathLike,
        options: Any,
        pairs: bool | None = None,
        learns: bool = False,
    ) -> Any:
        from kerasbert.data import Examples
        from kerasbert.tasks.example_files import open_texts

        with open_texts(file, options) as rows:
            read = [(row.line, row.input) for row in rows]
            account = rows.account
        lines, texts = map(list, zip(*read, strict=True)) if read else ([], [])
        account.examples = len(texts)
        return Examples(account.name, lines, texts, None, None, account)

    @property
    def max_positions(self) -> int | None:
        """The most tokens of a prompt and its continuation."""
        return self.model.config.max_position_embeddings

    @property
    def longest_answer(self) -> int:
        """The longest continuation, in tokens."""
        return self.max_new_tokens

    def compile(
        self,
        optimizer: Any = None,
        loss: Any = None,
        metrics: Any = None,
        label_smoothing: float = 0.0,
        **options: Any,
    ) -> None:
        """Configures the training, see `GenerationTask.compile`.

        Args:
            optimizer: As there.
            loss: As there.
            metrics: As there.
            label_smoothing: As there; by default none.
            **options: As there.
        """
        super().compile(optimizer, loss, metrics, label_smoothing, **options)

    def features(
        self, inputs: Any, targets: Any = None, sample_weight: Any = None
    ) -> Any:
        if targets is not None:
            raise ValueError(
                "Expected texts alone, which are learned as they go on, got targets. "
                "From a text to another: kerasbert.Translator, kerasbert.Summarizer."
            )
        blocks = self.preprocessor.blocks(list_of_texts(inputs))
        zeros = [np.zeros_like(row) for row in blocks.before]
        weights = None if sample_weight is None else sample_weight[blocks.text]
        return EncodedExamples(
            {"token_ids": blocks.before, "segment_ids": zeros},
            {"logits": blocks.after},
            weights,
            self.tokenizer.pad_token_id,
        )

    def answer_metrics(self, inputs: Any, targets: Any) -> dict[str, float]:
        """Computes the perplexity of the tokens."""
        blocks = self.preprocessor.blocks(list_of_texts(inputs))
        total, count = 0.0, 0
        for before, after in zip(blocks.before, blocks.after, strict=True):
            ids = tf.constant([before])
            inputs = {"token_ids": ids, "segment_ids": ids * 0}
            logits = self.model({**inputs, "padding_mask": ids * 0 + 1})["logits"]
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(after, logits[0])
            total, count = total + float(tf.reduce_sum(losses)), count + len(after)
        return {"perplexity": float(np.exp(total / max(1, count)))}

    def begin(self, model: Any, token_ids: Any, mask: Any, longest: int) -> Any:
        length = tf.minimum(longest, self.max_positions - tf.shape(token_ids)[1])
        begun = Continuation(model, token_ids, mask, length=length)
        return begun, token_ids, mask

    def options(self) -> dict[str, Any]:
        search = dataclasses.asdict(self.strategy)
        return {
            "max_length": self.max_length,
            "max_new_tokens": self.max_new_tokens,
            **search,
        }

    def write(self, folder: str | os.PathLike) -> None:
        checkpoint = dataclasses.replace(checkpoint_of(self.model), folder=None)
        write_checkpoint(checkpoint, folder)
        write_tokenizer(self.tokenizer.config, folder, "huggingface")

    def facts(self) -> dict[str, Any]:
        config = self.model.config
        return {
            **super().facts(),
            "model": f"{config.num_hidden_layers} layers, {config.hidden_size} wide; "
            f"{self.model.count_params() / 1e6:.1f} M weights",
            "search": f"`{self.strategy}`",
            "longest continuation": f"{self.max_new_tokens} tokens",
        }
