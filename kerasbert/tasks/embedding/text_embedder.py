"""Text to vectors."""

import functools
import warnings
from numbers import Integral

import numpy as np

from kerasbert.account import quoted
from kerasbert.models import SentenceEmbeddingModel, load_encoder
from kerasbert.tasks.batching import batches_of_tokens
from kerasbert.tasks.embedding.bi_encoder import BiEncoder
from kerasbert.tasks.embedding.prompts import prompt_length, prompt_text
from kerasbert.tasks.embedding.similarity import check_similarity
from kerasbert.tasks.embedding.token_embeddings import (
    TokenEmbeddings,
    chosen_layers,
    combination_of_layers,
)
from kerasbert.tasks.encoder_runner import EncoderRunner
from kerasbert.tasks.progress import track
from kerasbert.tasks.token_rows import (
    check_long_texts,
    chunks_of_strings,
    mean_of_windows,
    stream_of_strings,
    warn_of_truncation,
)
from kerasbert.training.similarity_losses import similarity_loss

CHUNK = 4096  # texts that are tokenized and sorted together
BATCH_TOKENS = 4096
DEFAULT_SOURCE = "minilm"


class TextEmbedder(BiEncoder):
    """Embeds texts, and the tokens of texts; and learns which texts are alike.

    A text gets the same vector whatever else is in its batch, and however many texts
    there are. `embedder.model` is the functional `keras.Model` behind it.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
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
    """

    def __init__(
        self,
        encoder,
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
        poolings = [pooling] if isinstance(pooling, str) else pooling
        model = SentenceEmbeddingModel(
            encoder, poolings, projections, normalize, include_prompt
        )
        super().__init__(model, tokenizer, max_length)
        self.prompts = dict(prompts or {})
        self.truncate_dim = self._checked_size(truncate_dim)
        self.similarity_fn_name = similarity_fn_name
        self._run = self._text_runner(0)
        self._text_runners = {0: self._run}

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
        """Loads encoder and tokenizer of a source.

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
        from kerasbert.account import Account
        from kerasbert.checkpoints.sentence_transformers import (
            lower_cased,
            read_sentence_modules,
        )
        from kerasbert.checkpoints.sources import resolve
        from kerasbert.tasks.embedding.files import set_projections
        from kerasbert.text import Tokenizer

        folder = resolve(DEFAULT_SOURCE if source is None else source)
        modules = read_sentence_modules(folder, Account(strict))
        size = modules.truncate_dim if truncate_dim is None else truncate_dim
        if normalize and size is not None:
            raise ValueError(
                f"normalize=True with truncate_dim={size} has two meanings: length 1 "
                "before the cut is what the model's own normalisation does, and for "
                "length 1 after it there is encode(texts, normalize=True). Leave it "
                "out here."
            )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*has no pooler.*")
            encoder = load_encoder(folder / modules.encoder, strict, dtype=dtype)
        tokenizer = Tokenizer.from_pretrained(folder)
        if modules.lower_case:
            tokenizer = Tokenizer.from_config(lower_cased(tokenizer.config))
        if max_length is None and modules.max_length is not None:
            positions = encoder.config.max_position_embeddings
            max_length = min(modules.max_length, positions)
        embedder = cls(
            encoder,
            tokenizer,
            pooling=modules.poolings if pooling is None else pooling,
            normalize=modules.normalize if normalize is None else normalize,
            max_length=max_length,
            prompts=modules.prompts,
            projections=modules.projections,
            include_prompt=modules.include_prompt,
            truncate_dim=truncate_dim,
            similarity_fn_name=modules.similarity_fn_name,
        )
        if truncate_dim is None and modules.truncate_dim is not None:
            # A file may name more values than there are, which keeps all of them.
            embedder.truncate_dim = min(modules.truncate_dim, embedder.size)
        embedder.default_prompt = modules.default_prompt
        embedder.loss = None if loss is None else similarity_loss(loss)
        set_projections(embedder.model.head, modules, folder)
        return embedder

    @property
    def size(self):
        """Number of values of a text's vector."""
        return self.truncate_dim or self._full_size

    @property
    def _full_size(self):
        """Number of values before the cut."""
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
            texts,
            prompt,
            long_texts,
            batch_tokens,
            show_progress,
            prompt_name,
            size,
            normalize,
        )
        return np.concatenate([np.empty((0, size), "float32"), *chunks])

    def encode_query(self, texts, **options):
        """Embeds texts that something is searched for with.

        Args:
            texts: A list or other iterable of strings.
            **options: Those of `encode`. Where they name no prompt, it is the model's
                of the name `query`, or none: no other stands in for it.

        Returns:
            float32 array `[n, D]`, in the order of the texts.
        """
        return self._encode_as(("query",), texts, options)

    def encode_document(self, texts, **options):
        """Embeds texts that are searched.

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
        """Embeds the texts of an iterable as they come, in a memory of fixed size.

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
        run = self._token_runner(layers, combine)
        embeddings, too_long = [], []
        for chunk in chunks_of_strings(stream_of_strings(texts), CHUNK):
            rows = self._rows.of(chunk)
            vectors = [None] * len(chunk)
            for batch in batches_of_tokens(map(len, rows.ids), BATCH_TOKENS):
                states = run([rows.ids[row] for row in batch])  # [B, S, ...]
                for row, row_states in zip(batch, states, strict=True):
                    vectors[row] = row_states[: len(rows.ids[row])].copy()
            tokens = [self.tokenizer.tokens(row.tolist()) for row in rows.ids]
            embeddings += map(
                TokenEmbeddings, tokens, self._rows.offsets(chunk), vectors
            )
            too_long += rows.lengths[rows.lengths > self.max_length].tolist()
        warn_of_truncation(too_long, self.max_length, stacklevel=3)
        return embeddings

    def save(self, folder, overwrite=False):
        """Writes a folder that kerasbert and sentence-transformers read.

        Args:
            folder: The folder to make.
            overwrite: Whether a folder that exists is replaced.

        Raises:
            FileExistsError: If the folder exists and `overwrite` is not given.
        """
        from kerasbert.tasks.embedding.files import write_embedder

        write_embedder(self, folder, overwrite)

    save_pretrained = save

    def export(self, folder, precision="float32", **options):
        """Writes a SavedModel that takes raw text, for TF Serving and others.

        Args:
            folder: The folder of the model; the next version folder in it is made.
            precision: `"float32"`, `"bfloat16"` or `"int8"`.
            **options: `max_length`, `overwrite` and the other options of
                `kerasbert.export.export_embedder`.

        Returns:
            The version folder, a `pathlib.Path`.
        """
        from kerasbert.export import export_embedder

        return export_embedder(self, folder, precision, **options)

    def _encode_as(self, names, texts, options):
        if options.get("prompt") is None and options.get("prompt_name") is None:
            name = next((name for name in names if name in self.prompts), None)
            chosen = {"prompt": ""} if name is None else {"prompt_name": name}
            options = {**options, **chosen}
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
        prompt = prompt_text(prompt, self.prompts, self.default_prompt, prompt_name)
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
        vectors = self._vectors(
            texts, prompt, long_texts, batch_tokens, show_progress, left_out
        )
        return (_cut(chunk, size, normalize) for chunk in vectors)

    def _vectors(
        self, texts, prompt, long_texts, batch_tokens, show_progress, left_out
    ):
        """Yields the vectors `[n, D]` of up to `CHUNK` texts at a time, uncut."""
        if left_out not in self._text_runners:
            self._text_runners[left_out] = self._text_runner(left_out)
        run = self._text_runners[left_out] if left_out else self._run
        total = len(texts) if isinstance(texts, list) else None
        too_long = []
        with track(total, show_progress, CHUNK) as advance:
            for chunk in chunks_of_strings(texts, CHUNK):
                rows = self._rows.of(chunk, prompt, long_texts)
                begins_text = np.diff(rows.texts, prepend=-1) > 0  # [rows]
                vectors = np.empty((len(rows.ids), self._full_size), "float32")
                for batch in batches_of_tokens(map(len, rows.ids), batch_tokens):
                    vectors[batch] = run([rows.ids[row] for row in batch])
                    advance(begins_text[batch].sum())
                if long_texts == "truncate":
                    too_long += rows.lengths[rows.lengths > self.max_length].tolist()
                if len(rows.ids) > len(chunk):
                    vectors = mean_of_windows(
                        vectors, rows.texts, self.model.head.normalize
                    )
                yield vectors
        warn_of_truncation(too_long, self.max_length, stacklevel=5)

    def tokens_left_out(self, prompt, max_length=None):
        """How many tokens a row begins with that are not pooled.

        Args:
            prompt: The text of a prompt.
            max_length: The longest row in tokens; by default the embedder's.

        Returns:
            0 where the model pools all; else the tokens of the prompt, and `[CLS]`.
        """
        if self.model.head.include_prompt:
            return 0
        return prompt_length(self.tokenizer, prompt, max_length or self.max_length)

    def _text_runner(self, left_out):
        """What computes the vectors of texts that begin with tokens not pooled."""
        return EncoderRunner(
            self.model, functools.partial(_embeddings, self.model.head, left_out)
        )

    def _checked_size(self, size):
        """A number of values to keep, if the vectors have as many."""
        if size is None:
            return None
        if not isinstance(size, Integral) or not 1 <= size <= self._full_size:
            raise ValueError(
                f"Expected truncate_dim from 1 to {self._full_size} (the values of a "
                f"vector), got {quoted(size)}."
            )
        return int(size)

    @functools.cached_property
    def _token_runners(self):
        return {}

    def _token_runner(self, layers, combine):
        chosen = chosen_layers(self.encoder.config, layers)
        if (chosen, combine) not in self._token_runners:
            run = EncoderRunner(self.model, combination_of_layers(chosen, combine))
            self._token_runners[chosen, combine] = run
        return self._token_runners[chosen, combine]


def _embeddings(head, left_out, hidden_states, padding_mask):
    return head(hidden_states[-1], padding_mask, prompt_length=left_out)  # [B, E]


def _cut(vectors, size, normalize):
    """The first values of vectors, scaled to length 1 if that is wanted."""
    vectors = vectors[:, :size]
    if not normalize:
        return vectors
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
