"""Text embedding on LiteRT, without TensorFlow and Keras."""

import importlib.util
import os
import pathlib
import re
import threading
import warnings
from collections.abc import Iterable

import numpy as np

from kerasbert.account import quoted
from kerasbert.files import read_json
from kerasbert.inputs import is_dataset, listed, read_inputs
from kerasbert.packed.graphs import Hole, PackedWeights, filled

FORMAT = "kerasbert-litert-1"
PACKED_FORMAT = "kerasbert-litert-packed-1"
MODEL_FILE = "model.tflite"
GRAPH_FILE = "litert.graph"  # the model without its weights, which are packed
WEIGHTS_FILE = "packed.safetensors"
SETTINGS_FILE = "litert.json"
TOKENIZER_FILE = "tokenizer.json"

_HALVES = re.compile("[\ud800-\udfff]")
SETTINGS = {"size", "max_length", "prompt", "special_tokens_in_text", "model_bytes"}
CHUNK = 4096  # texts that are tokenized and sorted by length together
MOST_THREADS = 4  # default limit; more threads help long texts only


class LiteRTEmbedder:
    """Embeds texts with a model written by `kerasbert.export.export_litert`.

    It needs only the packages ai-edge-litert, tokenizers and numpy, and starts in a
    fraction of a second. Embeddings equal those of the `TextEmbedder` in float32, and
    do not depend on the other texts of a batch.

    Token ids come from the library `tokenizers`. They equal those of the embedder for
    WordPiece; for SentencePiece, they differ for Korean syllables, and for vertical
    tabs and a leading U+2581 if the model has no character map (ALBERT's has one).

    Args:
        folder: The exported folder.
        threads: Number of threads; by default the number of processors, up to 4.

    Raises:
        FileNotFoundError: If the folder or one of its files is missing.
        ImportError: If a package is missing.
        ValueError: If the folder holds something else or a corrupt file.

    Example:
        >>> import tempfile
        >>> from kerasbert.export import export_litert
        >>> embedder = kerasbert.TextEmbedder.from_pretrained(tiny_bert)
        >>> folder = export_litert(embedder, tempfile.mkdtemp())
        >>> kerasbert.LiteRTEmbedder(folder).encode(["good morning", "你好"]).shape
        (2, 32)
    """

    def __init__(self, folder: str | os.PathLike, threads: int | None = None):
        folder = pathlib.Path(folder).expanduser()
        settings = _read_settings(folder)
        if threads is not None and threads < 1:
            raise ValueError(f"Expected at least one thread, got {threads}.")
        self.size = settings["size"]
        self.max_length = settings["max_length"]
        self.prompt = settings["prompt"]
        # Folders of earlier versions do not state the special tokens, which are BERT's.
        self._before = settings.get("tokens_before", 1)
        self._after = settings.get("tokens_after", 1)
        self._side = settings.get("truncation_side", "right")
        self._tokenizer = _load_tokenizer(folder / TOKENIZER_FILE)
        self._tokenizer.encode_special_tokens = not settings["special_tokens_in_text"]
        self._table = None
        if settings["format"] == PACKED_FORMAT:
            content, self._table = _fill_model(folder, settings["packed"])
            self._interpreter = _load_model(
                folder / GRAPH_FILE, threads, model_content=content
            )
        else:
            self._interpreter = _load_model(folder / MODEL_FILE, threads)
        self._run = self._interpreter.get_signature_runner()
        self._lock = threading.Lock()

    def encode(self, texts: str | Iterable[str]) -> np.ndarray:
        """Embeds texts.

        Texts of more than `max_length` tokens are truncated, with a warning. Concurrent
        calls from several threads are serialized.

        Args:
            texts: A list or other iterable of strings; one string is a list of one.

        Returns:
            float32 array `[n, D]`, in the order of the texts.

        Raises:
            TypeError: If a text is no string.
        """
        embeddings, counts = self.encode_with_counts(texts)
        if (too_long := counts[counts > self.max_length]).size:
            warnings.warn(
                f"{len(too_long)} texts had more than {self.max_length} tokens (up to "
                f"{too_long.max()}) and were truncated. Export with a larger "
                "max_length to raise the limit, up to the model's positions.",
                stacklevel=2,
            )
        return embeddings

    def encode_with_counts(
        self, texts: str | Iterable[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Embeds texts, and counts their tokens.

        Args:
            texts: As in `encode`.

        Returns:
            The embeddings, float32 array `[n, D]`; and how many tokens each text has
            with prompt and special tokens, truncated ones included, int32 array `[n]`.

        Raises:
            TypeError: If a text is no string.
        """
        texts = _listed(texts)
        texts = [self.prompt + _string(text, i) for i, text in enumerate(texts)]
        embeddings = np.empty((len(texts), self.size), "float32")
        counts = np.empty(len(texts), "int32")
        for start in range(0, len(texts), CHUNK):
            rows = self._rows(texts[start : start + CHUNK])
            counts[start : start + CHUNK] = [len(row) for row in rows]
            # Sorted by length: each change of the input shape has a cost.
            for index in sorted(range(len(rows)), key=lambda i: -len(rows[i])):
                embeddings[start + index] = self._embed(rows[index])
        return embeddings, counts

    def _rows(self, texts):
        """Returns the token ids of texts, with special tokens, before truncation."""
        if len(texts) == 1:  # threads do not pay off for a single text
            return [self._tokenizer.encode(texts[0]).ids]
        return [row.ids for row in self._tokenizer.encode_batch_fast(texts)]

    def _cut(self, ids):
        """Truncates the ids of a text between its special tokens."""
        first, last = self._before, len(ids) - self._after
        room = self.max_length - self._before - self._after
        text = ids[first:last]
        text = text[:room] if self._side == "right" else text[len(text) - room :]
        return [*ids[:first], *text, *ids[last:]]

    def _embed(self, ids):
        if len(ids) > self.max_length:
            ids = self._cut(ids)
        token_ids = np.array([ids], "int32")  # [1, S]
        tokens = {"token_ids": token_ids}
        if self._table is not None:
            tokens = {"token_embeddings": self._table.rows(ids)}  # [S, D]
        with self._lock:
            return self._run(
                **tokens,
                segment_ids=np.zeros_like(token_ids),
                padding_mask=np.ones_like(token_ids),
            )["embedding"][0]


def is_litert_folder(folder):
    """Whether a folder was written by `kerasbert.export.export_litert`."""
    return (pathlib.Path(folder).expanduser() / SETTINGS_FILE).is_file()


def is_task_folder(folder):
    """Whether a folder for LiteRT holds its embedder, too, as those with bits do."""
    return (pathlib.Path(folder).expanduser() / "config.json").is_file()


def is_installed():
    """Whether the packages that `LiteRTEmbedder` needs are installed."""
    packages = ("ai_edge_litert", "tokenizers")
    return all(importlib.util.find_spec(name) for name in packages)


def _read_settings(folder):
    if not is_litert_folder(folder):
        raise FileNotFoundError(
            f"Expected a folder for LiteRT at {folder}, but it holds no "
            f"{SETTINGS_FILE}. `kerasbert export MODEL FOLDER --format litert` writes "
            "one."
        )
    settings = read_json(folder / SETTINGS_FILE)
    found = settings.get("format") if isinstance(settings, dict) else settings
    if found not in (FORMAT, PACKED_FORMAT):
        raise ValueError(
            f"Expected the format {FORMAT} in {folder / SETTINGS_FILE}, got {found!r}. "
            "Export the model again, or use the kerasbert that wrote it."
        )
    is_packed = found == PACKED_FORMAT
    expected = SETTINGS | ({"packed"} if is_packed else set())
    if missing := sorted(expected - set(settings)):
        raise ValueError(
            f"Expected keys {', '.join(missing)} in {folder / SETTINGS_FILE}, which "
            "are missing. Export the model again."
        )
    model_file = GRAPH_FILE if is_packed else MODEL_FILE
    weights = (WEIGHTS_FILE,) if is_packed else ()
    for name in (model_file, *weights, TOKENIZER_FILE):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"Expected {name} in {folder}, but it is missing. Was the folder "
                "copied completely?"
            )
    size = (folder / model_file).stat().st_size
    if size != settings["model_bytes"]:
        raise ValueError(
            f"Expected {settings['model_bytes']} bytes in {folder / model_file}, got "
            f"{size}. Was the folder copied completely?"
        )
    return settings


def _load_tokenizer(path):
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise _missing("tokenizers") from error
    text = path.read_bytes()
    try:
        return Tokenizer.from_buffer(text)
    except Exception as error:  # tokenizers raises no subclass
        raise ValueError(
            f"Expected a tokenizer in {path}, but it cannot be read: {error}."
        ) from None


def _fill_model(folder, packed):
    """Returns the bytes of a model with packed weights, and its token table."""
    from safetensors import SafetensorError

    try:
        weights = PackedWeights(folder / WEIGHTS_FILE)
        holes = [Hole(*hole) for hole in packed["holes"]]
        content = filled((folder / GRAPH_FILE).read_bytes(), holes, weights)
        return bytes(content), weights.table(packed["table"])
    except (SafetensorError, ValueError, LookupError, TypeError) as error:
        raise ValueError(
            f"Expected packed weights in {folder / WEIGHTS_FILE} that belong to "
            f"{folder / GRAPH_FILE}, but {str(error)[:200]}. Was the folder copied "
            "completely? Export the model again."
        ) from None


def _load_model(path, threads, **content):
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise _missing("ai-edge-litert") from error
    threads = threads or min(os.cpu_count() or 1, MOST_THREADS)
    try:
        if content:
            return Interpreter(num_threads=threads, **content)
        return Interpreter(str(path), num_threads=threads)
    except ValueError as error:
        raise ValueError(
            f"Expected a LiteRT model in {path}, but it cannot be read: {error}. Was "
            "the folder copied completely?"
        ) from None


def _missing(package):
    return ImportError(
        f"LiteRTEmbedder needs the package {package}, which is not installed: "
        "pip install 'kerasbert[litert]'"
    )


def _listed(texts):
    if isinstance(texts, str | bytes):
        return [texts]
    return list(read_inputs(texts)) if is_dataset(texts) else listed(texts, "texts")


def _string(text, position):
    """Decodes a text; lone surrogates and invalid bytes become U+FFFD."""
    if isinstance(text, bytes):
        return text.decode("utf-8", "replace")
    if not isinstance(text, str):
        raise TypeError(
            f"Expected strings, got {type(text).__name__} at position {position}: "
            f"{quoted(text, 60)}."
        )
    return _HALVES.sub("\ufffd", text)
