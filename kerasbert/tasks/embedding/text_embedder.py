"""Text embedding."""

import numpy as np

from kerasbert.models import SentenceEmbeddingModel
from kerasbert.models.encoder import Encoder
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
)
from kerasbert.tasks.encoder_task import EncoderTask
from kerasbert.tasks.examples import list_of_texts, stream_of_strings
from kerasbert.tasks.preprocessor import check_one_segment
from kerasbert.tasks.scores import agreement
from kerasbert.training.similarity_losses import similarity_loss

DEFAULT_SOURCE = "minilm"


class TextEmbedder(EncoderTask):
    """Embeds texts and tokens, and is trained on similar texts.

    A text gets the same vector whatever else is in its batch, and however many texts
    there are. `embedder.model` is the functional `keras.Model` behind it.

    It is trained on pairs of texts with scores as targets; or, without targets, on
    tuples of an anchor, its positive and any number of negatives, as many in each. A
    batch of B examples of K texts holds B * K rows, the texts of an example in turn.

    Args:
        model: A `BertEncoder` or `AlbertEncoder`; or, instead of pooling, projections
            and the like, a `kerasbert.models.SentenceEmbeddingModel`.
        tokenizer: The `kerasbert.Tokenizer` of its vocabulary.
        pooling: One or several (joined) of `"mean"`, `"cls"`, `"max"`,
            `"sqrt_length"`, `"weighted_mean"` and `"last_token"`.
        normalize: Whether a text's vector has length 1; before `truncate_dim`.
        max_length: The longest sequence in tokens, `[CLS]` and `[SEP]` included; by
            default, that of the tokenizer and the model.
        prompts: Texts that may be put before a text, by their names.
        projections: Dense layers after pooling, as in `kerasbert.layers.SentenceHead`.
        include_prompt: Whether the tokens of a prompt are pooled.
        truncate_dim: How many values of a text's vector are kept, for models that
            were trained so; None: all.
        similarity_fn_name: How `similarity` compares vectors: `"cosine"`, `"dot"`,
            `"euclidean"` or `"manhattan"`.

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

    def __init__(
        self,
        model,
        tokenizer,
        pooling="mean",
        normalize=False,
        max_length=None,
        prompts=None,
        projections=(),
        include_prompt=True,
        truncate_dim=None,
        similarity_fn_name="cosine",
    ):
        check_similarity(similarity_fn_name)
        if isinstance(model, Encoder):
            poolings = [pooling] if isinstance(pooling, str) else pooling
            model = SentenceEmbeddingModel(
                model, poolings, projections, normalize, include_prompt
            )
        super().__init__(model, tokenizer, max_length)
        check_one_segment(tokenizer)
        self.prompts = dict(prompts or {})
        self.default_prompt = None
        self.truncate_dim = self._checked_size(truncate_dim)
        self.similarity_fn_name = similarity_fn_name
        self.loss = None
        self.preprocessor = EmbeddingPreprocessor(tokenizer, self.max_length)
        self._vectors = VectorRunner(model, self.preprocessor)
        self._run = self._vectors.runner()

    @classmethod
    def from_pretrained(
        cls,
        source=None,
        pooling=None,
        normalize=None,
        max_length=None,
        dtype=None,
        loss=None,
        strict=False,
        truncate_dim=None,
    ):
        """Loads the encoder and tokenizer of a source.

        Args:
            source: A folder in any container, `hf://org/name`, `kaggle://...`,
                `https://tfhub.dev/...` or a name of the zoo; by default a small
                English sentence encoder.
            pooling: As in the constructor; by default what the folder says in
                `modules.json`, else the mean.
            normalize: As in the constructor; by default what the folder says there,
                else False.
            max_length: As in the constructor.
            dtype: A dtype policy of the encoder, such as `"mixed_bfloat16"`.
            loss: What it is trained with, as in `compile`.
            strict: Whether keys of its files that kerasbert does not know are
                refused, rather than warned about.
            truncate_dim: As in the constructor; by default what the folder says.

        Raises:
            FileNotFoundError: If there is no such source.
            ValueError: If the source is broken, or holds another kind of model.
        """
        embedder = load_embedder(
            *(cls, DEFAULT_SOURCE if source is None else source, dtype, strict),
            pooling=pooling,
            normalize=normalize,
            max_length=max_length,
            truncate_dim=truncate_dim,
        )
        embedder.loss = None if loss is None else similarity_loss(loss)
        return embedder

    @property
    def size(self):
        """Size of the embedding."""
        return self.truncate_dim or self._full_size

    @property
    def _full_size(self):
        """Size of the embedding before truncation."""
        return self.model.output["embedding"].shape[-1]

    def encode(
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
        """Embeds texts.

        Args:
            texts: Strings: an iterable, a `tf.data.Dataset`, or one alone.
            prompt: What to put before every text: the name of one of `prompts`, or a
                text of more than one word or sign, such as `"query: "`. By default
                the prompt that the model always wants, if any.
            long_texts: `"truncate"` cuts texts at `max_length` tokens and warns;
                `"windows"` takes the mean of overlapping windows of that length.
            batch_tokens: How many tokens are computed at once.
            show_progress: Whether to draw a progress bar on stderr; by default for
                long input, on a terminal.
            prompt_name: The name of one of `prompts`, which is no text.
            truncate_dim: How many values of a vector are kept; by default the
                embedder's.
            normalize: Whether vectors are scaled to length 1, after the cut.

        Returns:
            float32 array `[n, D]`, in the order of the texts.

        Raises:
            TypeError: If a text is no string.
            ValueError: If there is no such prompt, way with long texts, or size.
        """
        size = self._checked_size(truncate_dim) or self.size
        chunks = self._encode_chunks(
            *(texts, prompt, long_texts, batch_tokens, show_progress),
            *(prompt_name, size, normalize),
        )
        return np.concatenate([np.empty((0, size), "float32"), *chunks])

    def encode_query(self, texts, **options):
        """Embeds queries, with the prompt of the model for queries.

        Args:
            texts: A list or other iterable of strings.
            **options: Those of `encode`. Where they name no prompt, it is the model's
                of the name `query`, or none: no other stands in for it.

        Returns:
            float32 array `[n, D]`, in the order of the texts.
        """
        return self._encode_as(("query",), texts, options)

    def encode_document(self, texts, **options):
        """Embeds documents, with the prompt of the model for documents.

        Args:
            texts: A list or other iterable of strings.
            **options: Those of `encode`. Where they name no prompt, it is the model's
                of the name `document`, `passage` or `corpus`, the first that it has,
                or none: no other stands in for it.

        Returns:
            float32 array `[n, D]`, in the order of the texts.
        """
        return self._encode_as(("document", "passage", "corpus"), texts, options)

    def encode_stream(self, texts, **options):
        """Embeds an iterable of texts lazily, in constant memory.

        Args:
            texts: An iterable of strings, of which a few thousand are read ahead.
            **options: Those of `encode`.

        Returns:
            An iterator of float32 vectors `[D]`, in the order of the texts.
        """
        chunks = self._encode_chunks(texts, **options)
        return (vector for chunk in chunks for vector in chunk)

    def encode_tokens(self, texts, layers=(-1,), combine="concat"):
        """Embeds every token of every text.

        Args:
            texts: A list of strings.
            layers: Which hidden states: 0 is the output of the embeddings, 1 that of
                the first layer, -1 that of the last; `"all"` is every one.
            combine: How several layers become one vector: `"concat"`, `"sum"`,
                `"mean"`, or `"stack"`, which keeps them apart.

        Returns:
            One `TokenEmbeddings` a text: `tokens`, character `offsets`, and
            `vectors`, float32 `[S, D]`; its method `words()` merges pieces of words.

        Raises:
            TypeError: If a text is no string.
            ValueError: If there is no such layer or combination.
        """
        return self._vectors.tokens(stream_of_strings(texts), layers, combine)

    def compile(self, optimizer=None, loss=None, metrics=None, **options):
        """Configures the training.

        Args:
            optimizer: As in `TextClassifier.compile`; by default
                `kerasbert.Recipe()`.
            loss: The name of a loss, or a loss of
                `kerasbert.training.similarity_losses`. For pairs with scores:
                `"cosent"` (scores of any range; the default), `"cosine"` (from 0 to
                1), `"contrastive"` and `"online_contrastive"` (0 or 1). For texts
                without scores: `"multiple_negatives"` (their default).
            metrics: As in `keras.Model.compile`.
            **options: Others of `keras.Model.compile`, such as `jit_compile`.
        """
        if loss is not None:
            self.loss = similarity_loss(loss)
        super().compile(optimizer, None, metrics, **options)

    def predict(self, inputs):
        """Embeds texts, or compares pairs of texts.

        Args:
            inputs: A list of strings, or of pairs of strings.

        Returns:
            A dictionary a text: its `embedding`, a list of numbers; or a dictionary a
            pair: its `score`, how alike the model finds its texts.
        """
        inputs = list_of_texts(inputs)
        if inputs and isinstance(inputs[0], tuple | list):
            return [{"score": score} for score in self.similarity(inputs).tolist()]
        return [{"embedding": vector.tolist()} for vector in self.encode(inputs)]

    def similarity(self, first, second=None):
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

    def answer_metrics(self, inputs, targets=None):
        """Computes the agreement with scores, or retrieval metrics.

        Args:
            inputs: As in `fit`.
            targets: As in `fit`.

        Returns:
            With scores, `pearson` and `spearman` of the model's similarity; without,
            `accuracy`, how often the positive is the nearest to its anchor of all
            positives and negatives, and `mrr`, the mean of one by its place among the
            first ten, or 0.
        """
        if targets is not None:
            return agreement(self.similarity(inputs), np.asarray(targets, "float64"))
        columns = columns_of(inputs)
        return retrieval_metrics(self.encode, columns, self.similarity_fn_name)

    def adapt(self, inputs, targets, learns):
        if self.loss is not None:
            return
        self.loss = default_loss(targets)
        if self._compile_arguments is not None:
            self._compile_arguments |= self.losses()
            if self.model.compiled:
                self.model.compile(**self._compile_arguments)

    def features(self, inputs, targets=None, sample_weight=None):
        loss = self.loss or default_loss(targets)
        return group_features(self, loss, list_of_texts(inputs), targets, sample_weight)

    def losses(self):
        loss = None if self.loss is None else {"embedding": self.loss}
        return {"loss": loss, "metrics": None}

    @classmethod
    def read(cls, file, options, pairs=None, learns=False):
        return read_alike(file, options, learns)

    def write(self, folder):
        self._write_model(self.encoder, folder)
        write_modules(self, folder)

    save_pretrained = EncoderTask.save

    def signatures(self, graph, token_layers=None, combine="concat", xla=False):
        """`serving_default`, from `text` to `embedding` and `token_count`, and others.

        `tokens` goes from `token_ids`, `segment_ids` and `padding_mask` to `embedding`.

        Args:
            graph: As in `EncoderTask.signatures`.
            token_layers: Adds `token_embeddings`, from `text` to `tokens`, where they
                stand in it (`starts`, `ends`), and the vectors of these layers, as in
                `encode_tokens`; (-1,) is the last layer.
            combine: How several of `token_layers` become one vector, as there.
            xla: Adds `xla`, which computes what `serving_default` does. A server runs
                it only if it is started with XLA on. It is not for int8, which XLA
                does not multiply.
        """
        return serving.signatures(self, graph, token_layers, combine, xla)

    def facts(self):
        prompt = self.prompt_of()
        return {
            **super().facts(),
            "vectors": f"{self.size} values, float32",
            "pooling": serving.pooling_of(self),
            "similarity": self.similarity_fn_name,
            **({"put before every text": f"`{prompt}`"} if prompt else {}),
        }

    def prompt_of(self, prompt=None, prompt_name=None):
        """Returns the prompt of `encode`; "" without one."""
        return prompt_text(prompt, self.prompts, self.default_prompt, prompt_name)

    def tokens_left_out(self, prompt, max_length=None):
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
        check_long_texts(long_texts)
        texts = stream_of_strings(texts)
        size = self._checked_size(truncate_dim) or self.size
        left_out = self.tokens_left_out(prompt)
        if left_out and long_texts == "windows":
            raise ValueError(
                'Expected long_texts="truncate": this model does not pool the tokens '
                "of a prompt (include_prompt=false), and windows of a text do not tell "
                "which these are. Encode without a prompt, or cut the texts before."
            )
        vectors = self._vectors.texts(
            texts, prompt, long_texts, batch_tokens, show_progress, left_out
        )
        return (cut(chunk, size, normalize) for chunk in vectors)

    def _checked_size(self, size):
        return checked_size(size, self._full_size)
