"""Tokenizers of Hugging Face and sentence-transformers folders.

A folder holds a vocabulary (`vocab.txt`, `spiece.model`), or all of it in
`tokenizer.json`, or both; `tokenizer_config.json` says how text is cleaned.
"""

import base64
import binascii
import pathlib
import warnings

from kerasbert.checkpoints.vocabulary import (
    find_vocabulary,
    read_settings,
    read_vocabulary,
    sentencepiece_config,
    wordpiece_config,
)
from kerasbert.text.tokenizer_config import (
    ALBERT_SPECIAL_TOKENS,
    BERT_SPECIAL_TOKENS,
    SpecialTokens,
    TokenizerConfig,
)

_LONGEST = 1_000_000  # longer is Hugging Face's way to say that nobody said


def has_tokenizer(folder: pathlib.Path) -> bool:
    """Whether the folder holds a tokenizer of Hugging Face."""
    names = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
    return any((folder / name).is_file() for name in names)


def first_module(folder: pathlib.Path) -> pathlib.Path | None:
    """The folder of the first module of a sentence-transformers folder."""
    path = folder / "modules.json"
    if not path.is_file():
        return None
    from kerasbert.files import read_json

    modules = read_json(path)
    first = modules[0] if isinstance(modules, list) and modules else {}
    inner = folder / str(first.get("path", "")) if isinstance(first, dict) else folder
    within = inner.resolve().is_relative_to(folder.resolve())
    return inner if within and inner.is_dir() else None


def read(folder: pathlib.Path, sentence_folder=None) -> TokenizerConfig:
    """Reads the tokenizer of a folder.

    Args:
        folder: Where the tokenizer's files are.
        sentence_folder: The sentence-transformers folder around it, if any.

    Returns:
        What the tokenizer is made of.
    """
    settings = read_settings(folder / "tokenizer_config.json")
    kind = str(settings.get("tokenizer_class", ""))
    if "Japanese" in kind:
        raise ValueError(
            f"Expected a tokenizer of BERT or ALBERT in {folder}, got {kind}, which "
            "needs a morphological analyser. Split the text in words yourself and name "
            "the vocabulary file instead of the folder."
        )
    settings = {**read_settings(folder / "special_tokens_map.json"), **settings}
    whole = read_settings(folder / "tokenizer.json")
    model = whole.get("model") or {}
    # Before 2020 `tokenizer.json` did not name its kind of model.
    unigram = model.get("type") == "Unigram" or isinstance(model.get("vocab"), list)
    wordpiece = model.get("type") == "WordPiece" or isinstance(model.get("vocab"), dict)
    if model and not unigram and model.get("type") not in (None, "WordPiece"):
        raise ValueError(
            f"Expected a WordPiece or Unigram model in {folder / 'tokenizer.json'}, "
            f"got {model.get('type')}."
        )
    others = {"max_length": _max_length(settings, sentence_folder or folder)}
    if unigram:
        return _unigram(folder, whole, settings, others)
    if wordpiece:
        return _wordpiece(_tokens(model, folder), folder, whole, settings, others)
    path = find_vocabulary(folder)
    if path.suffix == ".txt":
        vocabulary = _with_added(read_vocabulary(path), folder)
        config = _wordpiece(vocabulary, folder, whole, settings, others)
        return _sentence_lower_case(config, sentence_folder or folder)
    return sentencepiece_config(
        path.read_bytes(),
        path,
        settings.get("do_lower_case"),
        strip_accents=not settings.get("keep_accents", False),
        special_tokens=_special_tokens(settings, whole, ALBERT_SPECIAL_TOKENS),
        **others,
    )


def _wordpiece(vocabulary, folder, whole, settings, others) -> TokenizerConfig:
    normalizer = whole.get("normalizer") or {}
    if normalizer.get("type") not in (None, "BertNormalizer"):
        raise ValueError(
            f"Expected a BertNormalizer in {folder / 'tokenizer.json'}, got "
            f"{normalizer['type']}: not how BERT cleans text."
        )
    model = whole.get("model") or {}
    if model.get("continuing_subword_prefix", "##") != "##":
        raise ValueError(
            f"Expected '##' before continued words in {folder / 'tokenizer.json'}, got "
            f"{model['continuing_subword_prefix']!r}."
        )
    special = _special_tokens(settings, whole, BERT_SPECIAL_TOKENS)
    config = wordpiece_config(
        vocabulary,
        settings.get("do_lower_case", normalizer.get("lowercase")),
        strip_accents=settings.get("strip_accents", normalizer.get("strip_accents")),
        split_chinese_characters=settings.get(
            "tokenize_chinese_chars", normalizer.get("handle_chinese_chars", True)
        ),
        clean_text=normalizer.get("clean_text", True),
        special_tokens=special,
        added_tokens=_added_tokens(whole, special, folder),
        **others,
    )
    return _sentence_lower_case(config, folder)


def _tokens(model: dict, folder: pathlib.Path) -> tuple[str, ...]:
    """The vocabulary of `tokenizer.json`, in the order of ids."""
    whole = read_settings(folder / "tokenizer.json")
    ids = dict(model["vocab"])
    for token in whole.get("added_tokens") or ():
        ids[token["content"]] = token["id"]
    tokens = {number: token for token, number in ids.items()}
    missing = [i for i in range(len(tokens)) if i not in tokens]
    if missing:
        raise ValueError(
            f"Expected the ids 0 to {len(tokens) - 1} in {folder / 'tokenizer.json'}; "
            f"none is {missing[0]}."
        )
    return tuple(tokens[i] for i in range(len(tokens)))


def _with_added(vocabulary, folder: pathlib.Path) -> tuple[str, ...]:
    """The vocabulary with the tokens that `added_tokens.json` puts after it."""
    tokens = list(vocabulary)
    added = read_settings(folder / "added_tokens.json")
    for token, number in sorted(added.items(), key=lambda item: item[1]):
        if number == len(tokens):
            tokens.append(token)
        elif number > len(tokens) or tokens[number] != token:
            raise ValueError(
                f"Expected {token!r} of {folder / 'added_tokens.json'} to have the id "
                f"{len(tokens)}, after the vocabulary, got {number}."
            )
    return tuple(tokens)


def _unigram(folder, whole, settings, others) -> TokenizerConfig:
    from kerasbert.text.sentencepiece_model import build_model

    path = folder / "tokenizer.json"
    model = whole["model"]
    pieces = [(piece, score) for piece, score in model["vocab"]]
    steps = _steps(whole.get("normalizer"))
    kinds = {step.get("type") for step in steps}
    table = next((s for s in steps if s.get("type") == "Precompiled"), {})
    try:
        charsmap = base64.b64decode(table.get("precompiled_charsmap") or "")
    except binascii.Error as error:
        raise ValueError(f"Expected base64 in {path}, got none: {error}.") from None
    special = _special_tokens(settings, whole, ALBERT_SPECIAL_TOKENS)
    proto = _same_model(folder, pieces)
    if proto is None:
        proto = build_model(pieces, model.get("unk_id") or 0, charsmap, special.all())
    return sentencepiece_config(
        proto,
        path,
        settings.get("do_lower_case", "Lowercase" in kinds),
        strip_accents=not settings.get("keep_accents", "StripAccents" not in kinds),
        special_tokens=special,
        added_tokens=_added_tokens(whole, special, folder),
        **others,
    )


def _same_model(folder: pathlib.Path, pieces) -> bytes | None:
    """The SentencePiece file beside `tokenizer.json`, where it says the same."""
    from kerasbert.text.sentencepiece_model import parse_model

    path = folder / "spiece.model"
    if not path.is_file():
        return None
    data = path.read_bytes()
    written = [(p.piece, p.score) for p in parse_model(data, path).pieces]
    return data if written == pieces else None


def _steps(normalizer) -> list[dict]:
    if not normalizer:
        return []
    if normalizer.get("type") != "Sequence":
        return [normalizer]
    return [step for n in normalizer["normalizers"] for step in _steps(n)]


def _content(token) -> str | None:
    return token.get("content") if isinstance(token, dict) else token


def _special_tokens(settings, whole, defaults: SpecialTokens) -> SpecialTokens:
    named = {
        name: _content(settings.get(f"{name}_token")) or default
        for name, default in defaults.named().items()
    }
    more = []
    for key in ("additional_special_tokens", "extra_special_tokens"):
        tokens = settings.get(key) or []
        more += tokens.values() if isinstance(tokens, dict) else tokens
    plain = set()
    for token in whole.get("added_tokens") or ():
        if token.get("special"):
            more.append(token)
        else:
            plain.add(token["content"])
    others = [_content(token) for token in more]
    additional = tuple(
        dict.fromkeys(t for t in others if t not in plain and t not in named.values())
    )
    return SpecialTokens(**named, additional=additional)


def _added_tokens(whole, special: SpecialTokens, folder) -> tuple[str, ...]:
    """Tokens that are no special ones, but are matched in the text as it is written."""
    known = special.all()
    added = [
        token
        for token in whole.get("added_tokens") or ()
        if not token.get("special") and token["content"] not in known
    ]
    if any(token.get("normalized") for token in added):
        names = ", ".join(t["content"] for t in added if t.get("normalized"))
        warnings.warn(
            f"{folder / 'tokenizer.json'} asks to find added tokens in cleaned text; "
            f"here they are found as they are written: {names[:200]}.",
            stacklevel=2,
        )
    return tuple(token["content"] for token in added)


def _max_length(settings, folder: pathlib.Path) -> int | None:
    sentence = read_settings(folder / "sentence_bert_config.json")
    lengths = [settings.get("model_max_length"), sentence.get("max_seq_length")]
    known = [int(n) for n in lengths if isinstance(n, (int, float)) and n < _LONGEST]
    return min(known, default=None)


def _sentence_lower_case(config: TokenizerConfig, folder) -> TokenizerConfig:
    """Some sentence-transformers lower-case text before a cased tokenizer sees it."""
    import dataclasses

    sentence = read_settings(folder / "sentence_bert_config.json")
    if not sentence.get("do_lower_case") or config.lower_case:
        return config
    strip = bool(config.strip_accents)
    return dataclasses.replace(config, lower_case=True, strip_accents=strip)
