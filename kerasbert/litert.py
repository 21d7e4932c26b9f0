"""Text to vectors on LiteRT: neither TensorFlow nor Keras is loaded."""

import os
import pathlib
import re
import threading
import warnings

import numpy as np

from kerasbert.account import quoted
from kerasbert.files import read_json
from kerasbert.inputs import is_dataset, listed, read_inputs

FORMAT = "kerasbert-litert-1"
MODEL_FILE = "model.tflite"
SETTINGS_FILE = "litert.json"
TOKENIZER_FILE = "tokenizer.json"

_HALVES = re.compile("[\ud800-\udfff]")
SETTINGS = {"size", "max_length", "prompt", "special_tokens_in_text", "model_bytes"}
CHUNK = 4096  # texts that are tokenized and sorted together
MOST_THREADS = 4  # by default: more help long texts alone


class LiteRTEmbedder:
    """Embeds texts with a model that `kerasbert.export.export_litert` wrote.

    It needs the packages ai-edge-litert, tokenizers and numpy alone, and begins in a
    fraction of a second. A text gets the vector that the `TextEmbedder` gives it, in
    float32; whatever texts are beside it.

    Token ids come from the library `tokenizers`, and are the embedder's: for WordPiece
    always; for SentencePiece but for Korean syllables, and for a vertical tab or a
    leading U+2581 where the model has no table of characters (ALBERT's has one).

    Args:
        folder: The folder that was written.
        threads: How many threads compute; by default as many as there are
            processors, up to 4.

    Raises:
        FileNotFoundError: If there is no such folder, or a file of it is missing.
        ImportError: If a package is missing.
        ValueError: If the folder holds something else, or a broken file.

    Example:
        >>> import tempfile
        >>> from kerasbert.export import export_litert
        >>> embedder = kerasbert.TextEmbedder.from_pretrained(tiny_bert)
        >>> folder = export_litert(embedder, tempfile.mkdtemp())
        >>> kerasbert.LiteRTEmbedder(folder).encode(["good morning", "你好"]).shape
        (2, 32)
    """

    def __init__(self, folder, threads=None):
        folder = pathlib.Path(folder).expanduser()
        settings = _read_settings(folder)
        if threads is not None and threads < 1:
            raise ValueError(f"Expected at least one thread, got {threads}.")
        self.size = settings["size"]
        self.max_length = settings["max_length"]
        self.prompt = settings["prompt"]
        # Folders of earlier versions have BERT's special tokens.
        self._before = settings.get("tokens_before", 1)
        self._after = settings.get("tokens_after", 1)
        self._side = settings.get("truncation_side", "right")
        self._tokenizer = _load_tokenizer(folder / TOKENIZER_FILE)
        self._tokenizer.encode_special_tokens = not settings["special_tokens_in_text"]
        self._interpreter = _load_model(folder / MODEL_FILE, threads)
        self._run = self._interpreter.get_signature_runner()
        self._lock = threading.Lock()

    def encode(self, texts):
        """Embeds texts.

        Texts of more than `max_length` tokens are cut, and a warning says so. Several
        threads may call it; they take turns.

        Args:
            texts: A list or other iterable of strings; one string is a list of one.

        Returns:
            float32 array `[n, D]`, in the order of the texts.

        Raises:
            TypeError: If a text is no string.
        """
        texts = _listed(texts)
        texts = [self.prompt + _string(text, i) for i, text in enumerate(texts)]
        embeddings = np.empty((len(texts), self.size), "float32")
        too_long = []
        for start in range(0, len(texts), CHUNK):
            rows = self._rows(texts[start : start + CHUNK])
            too_long += [len(row) for row in rows if len(row) > self.max_length]
            # In order of length: a change of length costs a little.
            for index in sorted(range(len(rows)), key=lambda i: -len(rows[i])):
                embeddings[start + index] = self._embed(rows[index])
        if too_long:
            warnings.warn(
                f"{len(too_long)} of the texts had more than {self.max_length} tokens "
                f"(up to {max(too_long)}) and were truncated. The max_length of "
                "export_litert changes the limit, up to the model's positions.",
                stacklevel=2,
            )
        return embeddings

    def _rows(self, texts):
        """The token ids of texts, special tokens included, uncut."""
        if len(texts) == 1:  # the threads of a batch cost more than they bring
            return [self._tokenizer.encode(texts[0]).ids]
        return [row.ids for row in self._tokenizer.encode_batch_fast(texts)]

    def _cut(self, ids):
        """The ids of a text that is too long, between its special tokens."""
        first, last = self._before, len(ids) - self._after
        room = self.max_length - self._before - self._after
        text = ids[first:last]
        text = text[:room] if self._side == "right" else text[len(text) - room :]
        return [*ids[:first], *text, *ids[last:]]

    def _embed(self, ids):
        if len(ids) > self.max_length:
            ids = self._cut(ids)
        token_ids = np.array([ids], "int32")  # [1, S]
        with self._lock:
            return self._run(
                token_ids=token_ids,
                segment_ids=np.zeros_like(token_ids),
                padding_mask=np.ones_like(token_ids),
            )["embedding"][0]


def is_litert_folder(folder):
    """Whether a folder is one that `kerasbert.export.export_litert` wrote."""
    return (pathlib.Path(folder).expanduser() / SETTINGS_FILE).is_file()


def _read_settings(folder):
    if not is_litert_folder(folder):
        raise FileNotFoundError(
            f"Expected a folder for LiteRT at {folder}, but it holds no "
            f"{SETTINGS_FILE}. `kerasbert export MODEL FOLDER --format litert` writes "
            "one."
        )
    settings = read_json(folder / SETTINGS_FILE)
    if not isinstance(settings, dict) or settings.get("format") != FORMAT:
        found = settings.get("format") if isinstance(settings, dict) else settings
        raise ValueError(
            f"Expected the format {FORMAT} in {folder / SETTINGS_FILE}, got {found!r}. "
            "Export the model again, or use the kerasbert that wrote it."
        )
    if missing := sorted(SETTINGS - set(settings)):
        raise ValueError(
            f"Expected {', '.join(missing)} in {folder / SETTINGS_FILE}, but that is "
            "missing. Export the model again."
        )
    for name in (MODEL_FILE, TOKENIZER_FILE):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"Expected {name} in {folder}, but it is missing. Was the folder "
                "copied whole?"
            )
    size = (folder / MODEL_FILE).stat().st_size
    if size != settings["model_bytes"]:
        raise ValueError(
            f"Expected {settings['model_bytes']} bytes in {folder / MODEL_FILE}, got "
            f"{size}. Was the folder copied whole?"
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
    except Exception as error:  # it raises no other
        raise ValueError(
            f"Expected a tokenizer in {path}, but it cannot be read: {error}."
        ) from None


def _load_model(path, threads):
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise _missing("ai-edge-litert") from error
    threads = threads or min(os.cpu_count() or 1, MOST_THREADS)
    try:
        return Interpreter(str(path), num_threads=threads)
    except ValueError as error:
        raise ValueError(
            f"Expected a LiteRT model in {path}, but it cannot be read: {error}. Was "
            "the folder copied whole?"
        ) from None


def _missing(package):
    return ImportError(
        f"Expected the package {package}, which is not installed here. "
        "`pip install kerasbert[litert]` brings it."
    )


def _listed(texts):
    if isinstance(texts, str | bytes):
        return [texts]
    return list(read_inputs(texts)) if is_dataset(texts) else listed(texts, "texts")


def _string(text, position):
    """A text as Unicode without halves; what is none becomes U+FFFD."""
    if isinstance(text, bytes):
        return text.decode("utf-8", "replace")
    if not isinstance(text, str):
        raise TypeError(
            f"Expected strings, got {type(text).__name__} at position {position}: "
            f"{quoted(text, 60)}."
        )
    return _HALVES.sub("\ufffd", text)
