"""Text to vectors."""

import warnings

import numpy as np

from kerasbert.models import SentenceEmbeddingModel, load_encoder
from kerasbert.tasks.batching import batches_of_tokens
from kerasbert.tasks.embedding.bi_encoder import BiEncoder
from kerasbert.tasks.embedding.prompts import prompt_text
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
        pooling: One or several (joined) of `"mean"`, `"cls"`, `"max"` and
            `"sqrt_length"`.
        normalize: Whether a text's vector has length 1.
        max_length: The longest sequence in tokens, `[CLS]` and `[SEP]` included; by
            default, that of the tokenizer and the model.
        prompts: Texts that may be put before a text, by their names.
        projections: Dense layers after pooling, as in `kerasbert.layers.SentenceHead`.

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
    ):
        poolings = [pooling] if isinstance(pooling, str) else pooling
        model = SentenceEmbeddingModel(encoder, poolings, projections, normalize)
        super().__init__(model, tokenizer, max_length)
        self.prompts = dict(prompts or {})
        self._run = EncoderRunner(
            encoder, lambda states, mask: self.model.head(states[-1], mask)
        )
        self._token_runners = {}

    @classmethod
    def from_pretrained(
        cls,
        source=None,
        pooling=None,
        normalize=None,
        max_length=None,
        dtype=None,
        loss=None,
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

        Raises:
            FileNotFoundError: If there is no such source.
            ValueError: If the source is broken, or holds another kind of model.
        """
        from kerasbert.checkpoints.sentence_transformers import read_sentence_modules
        from kerasbert.checkpoints.sources import resolve
        from kerasbert.text import Tokenizer

        folder = resolve(DEFAULT_SOURCE if source is None else source)
        modules = read_sentence_modules(folder)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*has no pooler.*")
            encoder = load_encoder(folder / modules.encoder, dtype=dtype)
        tokenizer = Tokenizer.from_pretrained(folder)
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
        )
        embedder.default_prompt = modules.default_prompt
        embedder.loss = None if loss is None else similarity_loss(loss)
        for dense, (kernel, bias) in zip(
            embedder.model.head.dense_layers, modules.projection_weights, strict=True
        ):
            dense.set_weights([kernel] if bias is None else [kernel, bias])
        return embedder

    @property
    def size(self):
        """Number of values of a text's vector."""
        return self.model.output["embedding"].shape[-1]

    def encode(
        self,
        texts,
        prompt=None,
        long_texts="truncate",
        batch_tokens=BATCH_TOKENS,
        show_progress=None,
    ):
        """Embeds texts.

        Args:
            texts: A list or other iterable of strings.
            prompt: What to put before every text: the name of one of `prompts`, or a
                text of more than one word or sign, such as `"query: "`. By default
                the prompt that the model always wants, if any.
            long_texts: `"truncate"` cuts texts at `max_length` tokens and warns;
                `"windows"` takes the mean of overlapping windows of that length.
            batch_tokens: How many tokens are computed at once.
            show_progress: Whether to draw a progress bar on stderr; by default for
                long input, on a terminal.

        Returns:
            float32 array `[n, D]`, in the order of the texts.

        Raises:
            TypeError: If a text is no string.
            ValueError: If there is no such prompt or way with long texts.
        """
        chunks = self._encode_chunks(
            texts, prompt, long_texts, batch_tokens, show_progress
        )
        return np.concatenate([np.empty((0, self.size), "float32"), *chunks])

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
        for chunk in chunks_of_strings(texts, CHUNK):
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

    def _encode_chunks(
        self,
        texts,
        prompt=None,
        long_texts="truncate",
        batch_tokens=BATCH_TOKENS,
        show_progress=None,
    ):
        prompt = prompt_text(prompt, self.prompts, self.default_prompt)
        check_long_texts(long_texts)
        return self._vectors(texts, prompt, long_texts, batch_tokens, show_progress)

    def _vectors(self, texts, prompt, long_texts, batch_tokens, show_progress):
        """Yields the vectors `[n, D]` of up to `CHUNK` texts at a time."""
        total = len(texts) if hasattr(texts, "__len__") else None
        too_long = []
        with track(total, show_progress, CHUNK) as advance:
            for chunk in chunks_of_strings(texts, CHUNK):
                rows = self._rows.of(chunk, prompt, long_texts)
                begins_text = np.diff(rows.texts, prepend=-1) > 0  # [rows]
                vectors = np.empty((len(rows.ids), self.size), "float32")
                for batch in batches_of_tokens(map(len, rows.ids), batch_tokens):
                    vectors[batch] = self._run([rows.ids[row] for row in batch])
                    advance(begins_text[batch].sum())
                if long_texts == "truncate":
                    too_long += rows.lengths[rows.lengths > self.max_length].tolist()
                if len(rows.ids) > len(chunk):
                    vectors = mean_of_windows(
                        vectors, rows.texts, self.model.head.normalize
                    )
                yield vectors
        warn_of_truncation(too_long, self.max_length, stacklevel=4)

    def _token_runner(self, layers, combine):
        chosen = chosen_layers(self.encoder.config, layers)
        if (chosen, combine) not in self._token_runners:
            finish = combination_of_layers(chosen, combine)
            self._token_runners[chosen, combine] = EncoderRunner(self.encoder, finish)
        return self._token_runners[chosen, combine]
