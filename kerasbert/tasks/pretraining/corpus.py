"""A tokenized corpus on disk."""

import contextlib
import hashlib
import io
import os
import pathlib
from typing import Any

import numpy as np

from kerasbert.files import new_folder, read_json, write_json
from kerasbert.tasks.pretraining.documents import iterate_documents
from kerasbert.tasks.pretraining.words import word_splitter

CONTINUES = np.uint32(1 << 31)  # flag of a token that continues a word
LINES = 512  # that are tokenized at once


class TokenizedDocuments:
    """Tokens, and where sentences and documents end."""

    def __init__(self, tokens, sentences, documents):
        self.tokens = tokens
        self.sentences = sentences
        self.documents = documents

    @classmethod
    def of(cls, documents, tokenizer):
        """Tokenizes lists of sentences, in memory."""
        buffers = [io.BytesIO() for _ in range(3)]
        _write_tokens(documents, tokenizer, word_splitter(None), *buffers)
        kinds = ("uint32", "int64", "int64")
        parts = zip(buffers, kinds, strict=True)
        return cls(*(np.frombuffer(part.getbuffer(), kind) for part, kind in parts))

    @property
    def num_tokens(self) -> int:
        """Number of tokens, without special tokens."""
        return len(self.tokens)

    @property
    def num_sentences(self) -> int:
        """Number of sentences."""
        return len(self.sentences) - 1

    @property
    def num_documents(self) -> int:
        """Number of documents."""
        return len(self.documents) - 1

    def span(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns tokens and whether each continues a word, `[n]` each."""
        found = np.asarray(self.tokens[start:stop])
        return (found & ~CONTINUES).astype("int32"), found >= CONTINUES

    def token_counts(self, vocab_size: int) -> np.ndarray:
        """Returns how often each token occurs, `[V]`."""
        counts = np.zeros(vocab_size, "int64")
        for start in range(0, self.num_tokens, 1 << 22):
            token_ids, _ = self.span(start, start + (1 << 22))
            counts += np.bincount(token_ids, minlength=vocab_size)
        return counts


class Corpus(TokenizedDocuments):
    r"""Tokens of documents in memory-mapped files.

    The documents are tokenized once, as a stream. Training then reads any place of the
    files, so that memory does not grow with the corpus, all of it is shuffled, and a
    training resumes without reading again what it has seen.

    Args:
        folder: A folder that `Corpus.write` made.

    Raises:
        FileNotFoundError: If there is no such folder.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "corpus.txt").write_text("Hello world.\n\nGood morning.\n")
        >>> tokenizer = kerasbert.Tokenizer.from_pretrained(tiny_bert)
        >>> corpus = Corpus.write(
        ...     folder / "tokens", [folder / "corpus.txt"], tokenizer)
        >>> corpus.num_documents, corpus.num_sentences
        (2, 2)
    """

    def __init__(self, folder: str | os.PathLike):
        self.folder = pathlib.Path(folder)
        about = read_json(self.folder / "corpus.json")
        self.about = about
        super().__init__(
            _mapped(self.folder / "tokens.bin", "uint32"),
            _mapped(self.folder / "sentences.bin", "int64"),
            _mapped(self.folder / "documents.bin", "int64"),
        )

    @classmethod
    def write(
        cls,
        folder: str | os.PathLike,
        files: Any,
        tokenizer: Any,
        words: str | None = None,
        skip_invalid: bool = False,
    ) -> "Corpus":
        """Tokenizes files to a new folder.

        Args:
            folder: The folder to make; one of the same files and vocabulary is kept.
            files: Paths of text files, or of JSON lines, as of `kerasbert pretrain`.
            tokenizer: The `kerasbert.Tokenizer`.
            words: What the words of whole-word masking are: None as the vocabulary
                marks them; `"spaces"` what is between spaces, also in Chinese;
                `"jieba"` what the segmenter jieba finds.
            skip_invalid: Whether lines that are not UTF-8 are left out with a warning.

        Returns:
            The `Corpus`.

        Raises:
            FileNotFoundError: If a file does not exist.
            ImportError: If the segmenter is not installed.
            ValueError: If the files hold no text.
        """
        files = checked_files(files)
        folder = pathlib.Path(folder)
        identity = _identity(files, tokenizer, words, skip_invalid)
        if (folder / "corpus.json").is_file():
            found = cls(folder)
            if found.about["identity"] == identity:
                return found
        split = word_splitter(words)
        with new_folder(folder, overwrite=True) as partial, contextlib.ExitStack() as s:
            names = ("tokens", "sentences", "documents")
            outputs = [s.enter_context(open(partial / f"{n}.bin", "wb")) for n in names]
            documents = iterate_documents(files, skip_invalid)
            counts = _write_tokens(documents, tokenizer, split, *outputs)
            about = dict(zip(names, counts, strict=True))
            about["identity"] = identity
            write_json(partial / "corpus.json", about)
            if not about["tokens"]:
                raise ValueError(
                    "Expected documents with text, but "
                    f"{', '.join(map(str, files))} hold none."
                )
        return cls(folder)

    def digest(self) -> str:
        """Returns a digest of the files and the vocabulary."""
        return self.about["identity"]


def checked_files(files):
    """Returns the paths of files with documents; raises an error if one is missing."""
    files = [pathlib.Path(file) for file in files]
    if not files:
        raise ValueError("Expected files with documents, got none.")
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(
                f"Expected a file with documents at {file}, but there is none."
            )
    return files


def _write_tokens(documents, tokenizer, split, *outputs):
    """Writes tokens, and where sentences and documents begin and end."""
    marks = np.asarray(tokenizer.is_continuation)
    tokens, sentences, ends = outputs
    counts = [0, 0, 0]  # tokens, sentences, documents
    sentences.write(np.int64(0).tobytes())
    ends.write(np.int64(0).tobytes())
    for chunk in _chunks(documents):
        rows = iter(
            split([text for texts in chunk for text in texts], tokenizer, marks)
        )
        for texts in chunk:
            before = counts[1]
            for _ in texts:
                token_ids, continues = next(rows)
                if not len(token_ids):
                    continue
                flags = continues.astype("uint32") * CONTINUES
                tokens.write((token_ids.astype("uint32") | flags).tobytes())
                counts[0] += len(token_ids)
                counts[1] += 1
                sentences.write(np.int64(counts[0]).tobytes())
            if counts[1] > before:
                counts[2] += 1
                ends.write(np.int64(counts[1]).tobytes())
    return counts


def _chunks(documents):
    """Groups documents to some sentences that are tokenized at once."""
    chunk, count = [], 0
    for document in documents:
        chunk.append(document)
        count += len(document)
        if count >= LINES:
            yield chunk
            chunk, count = [], 0
    if chunk:
        yield chunk


def _mapped(file, dtype):
    if file.stat().st_size == 0:
        return np.zeros(0, dtype)
    return np.memmap(file, dtype, mode="r")


def _identity(files, tokenizer, words, skip_invalid):
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        status = file.stat()
        digest.update(f"{file.name} {status.st_size} ".encode())
        with open(file, "rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    digest.update(repr((tokenizer.config, words, skip_invalid)).encode())
    return digest.hexdigest()
