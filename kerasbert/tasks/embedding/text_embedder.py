"""Text embedding."""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from kerasbert.deprecated import renamed_argument
from kerasbert.shipped import NAME
from kerasbert.tasks.embedding import serving
from kerasbert.tasks.embedding.files import load_embedder, write_modules
from kerasbert.tasks.embedding.groups import (
    columns_of,
    default_loss,
    group_features,
    read_alike,
    retrieval_metrics,
)
from kerasbert.tasks.embedding.preprocessor import (
    EmbeddingPreprocessor,
    check_long_texts,
)
from kerasbert.tasks.embedding.prompts import prompt_length, prompt_text
from kerasbert.tasks.embedding.similarity import (
    check_similarity,
    pairwise_similarity,
    similarity,
)
from kerasbert.tasks.embedding.vectors import (
    BATCH_TOKENS,
    VectorRunner,
    checked_size,
    cut,
    sentence_model,
)
from kerasbert.tasks.encoder_task import EncoderTask
from kerasbert.tasks.examples import list_of_texts, stream_of_strings
from kerasbert.tasks.preprocessor import check_one_segment
from kerasbert.tasks.scores import agreement
from kerasbert.training.features import EncodedExamples
from kerasbert.training.similarity_losses import similarity_loss


class TextEmbedder(EncoderTask):
    """Embeds texts and tokens, and is trained on similar texts.

    A text gets the same vector in any batch. `embedder.model` is a functional
    `keras.Model`. It is trained on pairs of texts with scores; or, without targets, on
    tuples of an anchor, its positive and as many negatives in each. A batch of B
    examples of K texts holds B * K rows, the texts of an example in turn.

    Args:
        model: An encoder, or a `kerasbert.models.SentenceEmbeddingModel`.
        tokenizer: The `kerasbert.Tokenizer` of its vocabulary.
        pooling: One or several (joined) of `"mean"`, `"cls"`, `"max"`,
            `"sqrt_length"`, `"weighted_mean"` and `"last_token"`.
        normalize: Whether a text's vector has length 1; before `truncate_dim`.
        max_length: Maximum sequence length in tokens, special tokens included.
        prompts: Prefixes of texts, by name.
        projections: Dense layers after pooling, as in `kerasbert.layers.SentenceHead`.
        include_prompt: Whether the tokens of a prompt are pooled.
        truncate_dim: Size of the embedding (Matryoshka models); None keeps all values.
        similarity_fn_name: `"cosine"`, `"dot"`, `"euclidean"` or `"manhattan"`.

    Example:
        >>> embedder = kerasbert.TextEmbedder.from_pretrained(tiny_bert)
        >>> embedder.encode(["good morning", "你好"]).shape
        (2, 32)
        >>> [embedding] = embedder.encode_tokens(["good morning"])
        >>> embedding.offsets
        [(0, 0), (0, 4), (5, 12), (0, 0)]
        >>> pairs = [("a man sings", "someone sings"), ("a man sings", "it rains")]
        >>> embedder.compile(kerasbert.Recipe(1e-4), loss="cosent")
        >>> sorted(embedder.fit(pairs, [4.2, 0.3], epochs=1, verbose=0).history)
        ['loss']
    """

    kind = "embed"
    needs_targets = False
    takes_groups = True

    @renamed_argument("encoder", "model")
    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        pooling: str | Sequence[str] | None = "mean",
        normalize: bool = False,
        max_length: int | None = None,
        prompts: dict[str, str] | None = None,
        projections: Sequence[dict] = (),
        include_prompt: bool = True,
        truncate_dim: int | None = None,
        similarity_fn_name: str | None = "cosine",
    ):
        check_similarity(similarity_fn_name)
        encoder = getattr(model, "encoder", model)
        head = pooling, projections, normalize, include_prompt
        model = sentence_model(model, *head)
        super().__init__(model, tokenizer, max_length)
        check_one_segment(tokenizer)
        self.encoder = encoder  # with its pooler, which no pooling uses
        self.prompts = dict(prompts or {})
        self.default_prompt = None
        self.truncate_dim = checked_size(truncate_dim, self._full_size)
        self.similarity_fn_name = similarity_fn_name
        self.loss = None
        self.preprocessor = EmbeddingPreprocessor(tokenizer, self.max_length)
        self._vectors = VectorRunner(model, self.preprocessor)
        self._run = self._vectors.runner()

    def __setstate__(self, state):
        vars(self).update(state)  # encoder and model are copies with weights apart
        self.encoder = self.model.encoder.with_pooler(self.encoder.pooler)

    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike | None = None,
        pooling: str | Sequence[str] | None = None,
        normalize: bool | None = None,
        max_length: int | None = None,
        dtype: str | None = None,
        loss: Any = None,
        strict: bool = False,
        truncate_dim: int | None = None,
    ) -> "TextEmbedder":
        """Loads the encoder and tokenizer of a source.

        Args:
            source: A folder in any format, `hf://org/name`, `kaggle://...`,
                `https://tfhub.dev/...` or a name of the zoo; by default the small
                English model that comes with kerasbert.
            pooling: Pooling, see `TextEmbedder`; by default that of `modules.json`,
                else mean.
            normalize: Whether to normalize; by default as in the folder, else False.
            max_length: Maximum sequence length in tokens.
            dtype: Dtype policy of the encoder, such as `"mixed_bfloat16"`.
            loss: Training loss, see `compile`.
            strict: Whether unknown keys raise an error instead of a warning.
            truncate_dim: Size of the embedding; by default as in the folder.

        Raises:
            FileNotFoundError: If there is no such source.
            ValueError: If the source is broken, or another kind of model.
        """
        embedder = load_embedder(
            *(cls, NAME if source is None else source, dtype, strict),
            pooling=pooling,
            normalize=normalize,
            max_length=max_length,
            truncate_dim=truncate_dim,
        )
        embedder.loss = None if loss is None else similarity_loss(loss)
        return embedder

    @property
    def size(self) -> int:
        """Size of the embedding."""
        return self.truncate_dim or self._full_size

    @property
    def _full_size(self):
        """Size of the embedding before truncation."""
        return self.model.output["embedding"].shape[-1]

    def encode(
        self,
        texts: Any,
        prompt: str | None = None,
        long_texts: str = "truncate",
        batch_tokens: int = BATCH_TOKENS,
        show_progress: bool | None = None,
        prompt_name: str | None = None,
        truncate_dim: int | None = None,
        normalize: bool = False,
    ) -> np.ndarray:
        """Embeds texts.

        Args:
            texts: Strings: an iterable, a `tf.data.Dataset`, or a single one.
            prompt: Prefix of every text: a name in `prompts`, or a text of more than
                one word or sign, such as `"query: "`. By default the model's default
                prompt.
            long_texts: `"truncate"` truncates to `max_length` tokens with a warning;
                `"windows"` averages overlapping windows of that length.
            batch_tokens: Number of tokens per batch.
            show_progress: Whether to show a progress bar on stderr; by default for long
                input, on a terminal.
            prompt_name: A name in `prompts`.
            truncate_dim: Size of the embedding; by default that of the embedder.
            normalize: Whether to scale to unit length, after truncation.

        Returns:
            float32 array `[n, D]`, in the order of the texts.

        Raises:
            TypeError: If a text is no string.
            ValueError: If the prompt, `long_texts` or size is invalid.
        """
        size = checked_size(truncate_dim, self._full_size) or self.size
        chunks = self._encode_chunks(
            *(texts, prompt, long_texts, batch_tokens, show_progress),
            *(prompt_name, size, normalize),
        )
        return np.concatenate([np.empty((0, size), "float32"), *chunks])

    def encode_query(self, texts: Any, **options: Any) -> np.ndarray:
        """Embeds queries, with the prompt named `query` unless a prompt is given.

        Args:
            texts: An iterable of strings.
            **options: Options of `encode`.

        Returns:
            float32 array `[n, D]`, in the order of the texts.
        """
        return self._encode_as(("query",), texts, options)

    def encode_document(self, texts: Any, **options: Any) -> np.ndarray:
        """Embeds documents, with the prompt named `document`, `passage` or `corpus`.

        Args:
            texts: An iterable of strings.
            **options: Options of `encode`.

        Returns:
            float32 array `[n, D]`, in the order of the texts.
        """
        return self._encode_as(("document", "passage", "corpus"), texts, options)

    def encode_stream(self, texts: Any, **options: Any) -> Iterator[np.ndarray]:
        """Embeds an iterable of texts lazily, in constant memory.

        Args:
            texts: An iterable of strings; a few thousand are read ahead.
            **options: Options of `encode`.

        Returns:
            An iterator of float32 vectors `[D]`, in the order of the texts.
        """
        chunks = self._encode_chunks(texts, **options)
        return (vector for chunk in chunks for vector in chunk)

    def encode_tokens(
        self, texts: Any, layers: Sequence[int] = (-1,), combine: str = "concat"
    ) -> list:
        """Embeds every token of every text.

        Args:
            texts: A list of strings.
            layers: Indices of hidden states: 0 is the output of the embeddings, 1 that
                of the first layer, -1 that of the last; `"all"` is all of them.
            combine: How to combine several layers: `"concat"`, `"sum"`, `"mean"` or
                `"stack"`.

        Returns:
            One `TokenEmbeddings` per text: `tokens`, character `offsets`, and
            `vectors`, float32 `[S, D]`; its method `words()` averages the tokens of a
            word.

        Raises:
            TypeError: If a text is no string.
            ValueError: If a layer or combination is invalid.
        """
        return self._vectors.tokens(stream_of_strings(texts), layers, combine)

    def compile(
        self,
        optimizer: Any = None,
        loss: Any = None,
        metrics: Any = None,
        **options: Any,
    ) -> None:
        """Configures the training.

        Args:
            optimizer: A Keras optimizer or a `Recipe`, by default `kerasbert.Recipe()`.
            loss: Name of a loss, or a loss of `kerasbert.training.similarity_losses`.
                For pairs with scores: `"cosent"` (any range; the default), `"cosine"`
                (0 to 1), `"contrastive"` and `"online_contrastive"` (0 or 1). For texts
                without scores: `"multiple_negatives"` (the default).
            metrics: Metrics of `keras.Model.compile`.
            **options: Other arguments of `keras.Model.compile`, such as `jit_compile`.
        """
        if loss is not None:
            self.loss = similarity_loss(loss)
        super().compile(optimizer, None, metrics, **options)

    def predict(self, inputs: Any) -> Any:
        """Embeds texts, or compares pairs of texts.

        Args:
            inputs: A list of strings, or of pairs of strings.

        Returns:
            One dictionary per text with its `embedding`, or per pair with its `score`,
            the similarity.
        """
        inputs = list_of_texts(inputs)
        if inputs and isinstance(inputs[0], tuple | list):
            return [{"score": score} for score in self.similarity(inputs).tolist()]
        return [{"embedding": vector.tolist()} for vector in self.encode(inputs)]

    def similarity(self, first: Any, second: Any = None) -> Any:
        """Computes similarities with the model's `similarity_fn_name`.

        Args:
            first: Vectors `[n, D]`, or a list of n strings; where there is no
                `second`, a list of n pairs of strings.
            second: Vectors `[m, D]`, or a list of m strings.

        Returns:
            float32 array `[n, m]` of each with each; of pairs `[n]`.

        Raises:
            ValueError: If the vectors are not of one size.

        Example:
            >>> embedder = kerasbert.TextEmbedder.from_pretrained(tiny_bert)
            >>> vectors = embedder.encode(["good morning", "hello", "bye"])
            >>> embedder.similarity(vectors[:1], vectors[1:]).shape
            (1, 2)
        """
        if second is not None:
            sides = [self._vectors_of(first), self._vectors_of(second)]
            return similarity(*sides, self.similarity_fn_name)
        texts = columns_of(list_of_texts(first), size=2)
        sides = np.split(self.encode([*texts[0], *texts[1]]), 2)
        return pairwise_similarity(*sides, self.similarity_fn_name)

    def _vectors_of(self, given):
        first = given[0] if not isinstance(given, str | bytes) and len(given) else given
        return self.encode(given) if isinstance(first, str | bytes) else given

    def answer_metrics(self, inputs: Any, targets: Any = None) -> dict[str, float]:
        """Computes the agreement with scores, or retrieval metrics.

        Args:
            inputs: Inputs, see `fit`.
            targets: Targets, see `fit`.

        Returns:
            With scores, `pearson` and `spearman` of the similarities; otherwise
            `accuracy` (the positive is the nearest to its anchor) and `mrr` (mean
            reciprocal rank at 10).
        """
        if targets is not None:
            return agreement(self.similarity(inputs), np.asarray(targets, "float64"))
        columns = columns_of(inputs)
        return retrieval_metrics(self.encode, columns, self.similarity_fn_name)

    def adapt(self, inputs: Any, targets: Any, learns: bool) -> None:
        if self.loss is not None:
            return
        self.loss = default_loss(targets)
        if self._compile_arguments is not None:
            self._compile_arguments |= self.losses()
            if self.model.compiled:
                self.model.compile(**self._compile_arguments)

    def features(
        self, inputs: Any, targets: Any = None, sample_weight: Any = None
    ) -> EncodedExamples:
        loss = self.loss or default_loss(targets)
        return group_features(self, loss, list_of_texts(inputs), targets, sample_weight)

    def losses(self) -> dict[str, Any]:
        loss = None if self.loss is None else {"embedding": self.loss}
        return {"loss": loss, "metrics": None}

    @classmethod
    def read(
        cls,
        file: str | os.PathLike,
        options: Any,
        pairs: bool | None = None,
        learns: bool = False,
    ) -> Any:
        return read_alike(file, options, learns)

    def write(self, folder: str | os.PathLike) -> None:
        self._write_model(self.encoder, folder)
        write_modules(self, folder)

    save_pretrained = EncoderTask.save

    def signatures(
        self,
        graph: Any,
        token_layers: Sequence[int] | None = None,
        combine: str = "concat",
        xla: bool = False,
    ) -> dict[str, Callable]:
        """Returns `serving_default`, from `text` to `embedding`, and other signatures.

        It also returns `token_count`. `tokens` takes the inputs of the model.

        Args:
            graph: The model as a graph, see `EncoderTask.signatures`.
            token_layers: Adds `token_embeddings`, from `text` to `tokens`, offsets
                (`starts`, `ends`) and the vectors of these layers, see `encode_tokens`.
            combine: How to combine several layers, see `encode_tokens`.
            xla: Adds `xla`, an XLA-compiled `serving_default`, which needs a server
                started with XLA and another precision than int8.
        """
        return serving.signatures(self, graph, token_layers, combine, xla)

    def facts(self) -> dict[str, Any]:
        return {**super().facts(), **serving.facts(self)}

    def prompt_of(
        self, prompt: str | None = None, prompt_name: str | None = None
    ) -> str:
        """Returns the prompt of `encode`; "" without one."""
        return prompt_text(prompt, self.prompts, self.default_prompt, prompt_name)

    def tokens_left_out(self, prompt: str | None, max_length: int | None = None) -> int:
        """Returns the number of prompt tokens that are not pooled."""
        if self.model.head.include_prompt:
            return 0
        return prompt_length(self.tokenizer, prompt, max_length or self.max_length)

    def _encode_as(self, names, texts, options):
        if options.get("prompt") is None and options.get("prompt_name") is None:
            name = next((name for name in names if name in self.prompts), None)
            options |= {"prompt": ""} if name is None else {"prompt_name": name}
        return self.encode(texts, **options)

    def _encode_chunks(
        self,
        texts,
        prompt=None,
        long_texts="truncate",
        batch_tokens=BATCH_TOKENS,
        show_progress=None,
        prompt_name=None,
        truncate_dim=None,
        normalize=False,
    ):
        prompt = self.prompt_of(prompt, prompt_name)
        left_out = self.tokens_left_out(prompt)
        check_long_texts(long_texts, left_out)
        texts = stream_of_strings(texts)
        size = checked_size(truncate_dim, self._full_size) or self.size
        vectors = self._vectors.texts(
            texts, prompt, long_texts, batch_tokens, show_progress, left_out
        )
        return (cut(chunk, size, normalize) for chunk in vectors)
