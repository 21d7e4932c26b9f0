"""Files of vocabularies and settings, whatever the format of the folder.

Containers differ in where the vocabulary lies and who says how text is cleaned; where
nobody says, a vocabulary without a single upper-case letter is an uncased one.
"""

import dataclasses
import pathlib

from kerasbert.account import quoted
from kerasbert.files import read_json, read_lines
from kerasbert.text.tokenizer_config import (
    ALBERT_SPECIAL_TOKENS,
    BERT_SPECIAL_TOKENS,
    TokenizerConfig,
)

_WORDPIECE = ("vocab.txt", "vocabulary.txt")
_SENTENCEPIECE = (
    "spiece.model",
    "30k-clean.model",
    "vocabulary.spm",
    "sentencepiece.bpe.model",
)
_MOST_TOKENS = 5_000_000  # more than any model has


# White space as Unicode has it; Python's strip takes U+001C to U+001F, too.
_SPACE = "".join(
    chr(c)
    for first, last in ((9, 13), (32, 32), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680),
                        (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F),
                        (0x205F, 0x205F), (0x3000, 0x3000))
    for c in range(first, last + 1)
)  # fmt: skip


def find_vocabulary(folder: pathlib.Path) -> pathlib.Path:
    """Returns the vocabulary file of a folder."""
    for places in (folder, folder / "assets"):
        for name in (*_WORDPIECE, *_SENTENCEPIECE):
            if (places / name).is_file():
                return places / name
        found = [
            path
            for pattern in ("*.txt", "*.model", "*.spm")
            for path in sorted(places.glob(pattern))
            if path.suffix != ".txt" or _is_vocabulary(path)
        ]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(path.name for path in found)
            raise FileNotFoundError(
                f"Expected one vocabulary in {places}, found {names}. Name the file "
                "instead of the folder."
            )
    raise FileNotFoundError(
        f"Expected a vocabulary in {folder} (vocab.txt, spiece.model, tokenizer.json, "
        "vocabulary.spm or another *.txt, *.model or *.spm), but there is none."
    )


def _is_vocabulary(path: pathlib.Path) -> bool:
    """Whether a text file looks like a vocabulary with special tokens."""
    with path.open("rb") as file:
        return b"[UNK]" in file.read(1 << 20)


def read_vocabulary_file(path: pathlib.Path) -> TokenizerConfig:
    """Reads a single vocabulary file, and infers the rest."""
    if path.suffix in (".model", ".spm"):
        return sentencepiece_config(path.read_bytes(), path)
    return wordpiece_config(read_vocabulary(path))


def read_vocabulary(path: pathlib.Path) -> tuple[str, ...]:
    """Reads a vocabulary with one token per line."""
    check_size(path)
    # `tokenizers` cuts the space after a token off. What is nothing but space is no
    # token, and no text has it; it keeps its name.
    tokens = tuple(line.rstrip(_SPACE) or line for line in read_lines(path))
    if not any(tokens):
        raise ValueError(f"Expected a token a line in {path}, but the file is empty.")
    return tokens


def check_size(path: pathlib.Path, vocab_size: int | None = None) -> None:
    """Rejects a vocabulary that is too large for its model, before reading it."""
    most = _MOST_TOKENS if vocab_size is None else max(10 * vocab_size, 100_000)
    if path.suffix != ".txt" or path.stat().st_size <= most:
        return
    lines = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 24):
            lines += chunk.count(b"\n")
    if lines > most:
        raise ValueError(
            f"Expected about {vocab_size or 'a million'} tokens in {path}, got {lines} "
            "lines. Is it the vocabulary of another model?"
        )


def wordpiece_config(vocabulary, lower_case: bool | None = None, **others):
    """Creates a WordPiece config; casing is inferred if unspecified."""
    if lower_case is None:
        lower_case = is_uncased(vocabulary)
    settings = {"special_tokens": BERT_SPECIAL_TOKENS, **others}
    return TokenizerConfig(
        kind="wordpiece",
        vocabulary=tuple(vocabulary),
        lower_case=lower_case,
        **settings,
    )


def sentencepiece_config(model: bytes, where, lower_case: bool | None = None, **others):
    """Creates a SentencePiece config; casing is inferred if unspecified."""
    from kerasbert.text.sentencepiece_model import parse_model

    vocabulary = tuple(piece.piece for piece in parse_model(model, where).pieces)
    if lower_case is None:
        lower_case = is_uncased(vocabulary)
    settings = {
        "strip_accents": True,
        "special_tokens": ALBERT_SPECIAL_TOKENS,
        **others,
    }
    if settings.get("normalizer") is None:
        # Text is divided at spaces, so that it takes no space away from a word whether
        # an added token takes in those beside it, as ALBERT's [MASK] does.
        settings["added_tokens"] = tuple(
            token
            if isinstance(token, str)
            else dataclasses.replace(token, lstrip=False, rstrip=False)
            for token in settings.get("added_tokens", ())
        )
    return TokenizerConfig(
        kind="sentencepiece",
        vocabulary=vocabulary,
        model=model,
        lower_case=lower_case,
        **settings,
    )


def is_uncased(vocabulary) -> bool:
    """Whether all tokens, except special tokens, are lower case."""
    plain = (t for t in vocabulary if not t.startswith(("[", "<")))
    return not any(token != token.lower() for token in plain)


def read_settings(path: pathlib.Path) -> dict:
    """Reads the object of a JSON file; empty if there is no file."""
    if not path.is_file():
        return {}
    settings = read_json(path)
    if not isinstance(settings, dict):
        raise ValueError(f"Expected an object in {path}, got {quoted(settings, 60)}.")
    return settings
