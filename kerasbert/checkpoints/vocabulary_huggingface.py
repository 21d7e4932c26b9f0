"""Tokenizers of Hugging Face and sentence-transformers folders.

A folder holds a vocabulary (`vocab.txt`, `spiece.model`, `sentencepiece.bpe.model`),
or all of it in `tokenizer.json`, or both; `tokenizer_config.json` says how text is
cleaned.
Where files contradict each other, transformers is followed, and the user is told.
"""

import base64
import dataclasses
import pathlib
import re
import unicodedata

from kerasbert.checkpoints.vocabulary_added import (
    flagged,
    special_tokens_of,
    unless_default,
    with_added,
    without_segments,
)
from kerasbert.checkpoints.vocabulary_alone import METASPACE, of_vocabulary
from kerasbert.checkpoints.vocabulary_files import (
    read_settings,
    sentencepiece_config,
    wordpiece_config,
)
from kerasbert.checkpoints.vocabulary_json import as_text, read_tokenizer_file
from kerasbert.checkpoints.vocabulary_settings import (
    ALBERT_CLASSES,
    BERT_CLASSES,
    GENERIC_CLASSES,
    SETTINGS_FILE,
    XLMR_CLASSES,
    read_tokenizer_settings,
    warn,
)
from kerasbert.text.tokenizer_config import TokenizerConfig

_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]")
_SWITCHES = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}
_SWITCH_DEFAULTS = {
    "do_lower_case": True,
    "strip_accents": None,
    "tokenize_chinese_chars": True,
}


def has_tokenizer(folder: pathlib.Path) -> bool:
    """Whether a folder contains a Hugging Face tokenizer."""
    names = (
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "sentencepiece.bpe.model",
    )
    return any((folder / name).is_file() for name in names)


def first_module(folder: pathlib.Path) -> pathlib.Path | None:
    """Returns the folder of the first sentence-transformers module."""
    path = folder / "modules.json"
    if not path.is_file():
        return None
    from kerasbert.files import read_json

    modules = read_json(path)
    first = modules[0] if isinstance(modules, list) and modules else {}
    inner = folder / str(first.get("path", "")) if isinstance(first, dict) else folder
    within = inner.resolve().is_relative_to(folder.resolve())
    return inner if within and inner.is_dir() else None


def read(folder: pathlib.Path, account, sentence_folder=None) -> TokenizerConfig:
    """Reads the tokenizer of a folder."""
    sentence_folder = sentence_folder or folder
    model = read_settings(folder / "config.json")
    settings = read_tokenizer_settings(folder, account)
    if not settings.kind and model.get("tokenizer_class"):
        kind = str(model["tokenizer_class"]).removesuffix("Fast")
        settings = dataclasses.replace(settings, kind=kind)
    if not settings.kind and model.get("model_type") == "bert":
        settings = dataclasses.replace(settings, kind="BertTokenizer")
    size = model.get("vocab_size")
    size = size if isinstance(size, int) else None
    file = read_tokenizer_file(folder / "tokenizer.json", account, size)
    if file is not None:
        config = _of_file(folder, file, settings, account)
    else:
        config = of_vocabulary(folder, settings, account, size)
    size = len(file.vocabulary) if file else None
    if size is not None and size < len(config.vocabulary):
        config = dataclasses.replace(config, words=size)
    side = settings.values.get("truncation_side")
    config = dataclasses.replace(
        config,
        max_length=_max_length(settings, sentence_folder),
        truncation_side=side or (file and file.truncation_side) or "right",
    )
    if not settings.has_segments:
        config = dataclasses.replace(config, template=without_segments(config))
    return _sentence_lower_case(config, sentence_folder)


# Folders with a tokenizer.json.


def _of_file(folder, file, settings, account):
    """Reads a `tokenizer.json`, with the changes of the settings."""
    vocabulary, added = with_added(file.vocabulary, dict(file.added), settings, folder)
    special = special_tokens_of(file, settings, vocabulary, added)
    others = {
        "special_tokens": special,
        "added_tokens": flagged(added, special),
        "template": unless_default(file.template, special),
    }
    if file.kind == "Unigram":
        return _unigram(folder, file, settings, vocabulary, others, account)
    if file.kind == "BPE":
        return _bpe(folder, file, settings, vocabulary, others, account)
    others["longest_word"] = file.longest_word
    normalizer = _only(file.normalizer, "normalizers")
    standard = _is_bert(normalizer, _only(file.pre_tokenizer, "pretokenizers"))
    if standard:
        _book_bert(normalizer, file.path, account)
        return _bert_switches(vocabulary, normalizer, settings, others)
    _check_steps(file, account)
    if settings.kind in BERT_CLASSES:
        _warn_of_class(file.path, settings.kind)
    return wordpiece_config(
        vocabulary,
        normalizer=as_text(file.normalizer),
        pre_tokenizer=as_text(file.pre_tokenizer),
        **others,
    )


def _only(value, key):
    """Unwraps a sequence of a single step."""
    while (
        isinstance(value, dict)
        and value.get("type") == "Sequence"
        and isinstance(value.get(key), list)
        and len(value[key]) == 1
    ):
        [value] = value[key]
    return value


def _is_bert(normalizer, pre_tokenizer):
    keys = {"type", "clean_text", *_SWITCHES.values()}
    return (
        isinstance(normalizer, dict)
        and normalizer.get("type") == "BertNormalizer"
        and normalizer.keys() == keys
        and all(isinstance(normalizer[k], bool | None) for k in keys - {"type"})
        and pre_tokenizer == {"type": "BertPreTokenizer"}
    )


def _book_bert(normalizer, path, account):
    for key, value in normalizer.items():
        account.used(path, f"normalizer.{key}", value, "BERT's clean-up")
    account.used(path, "pre_tokenizer.type", "BertPreTokenizer", "BERT's words")


def _bert_switches(vocabulary, normalizer, settings, others):
    """Returns BERT's options; for BERT classes the settings take precedence."""
    switches = {key: normalizer[name] for key, name in _SWITCHES.items()}
    if settings.kind in BERT_CLASSES:
        said = {key: settings.values[key] for key in switches if key in settings.values}
        changed = [
            key
            for key, default in _SWITCH_DEFAULTS.items()
            if key not in said and switches[key] != default
        ]
        if changed:
            key = changed[0]
            warn(
                f"{settings.folder / SETTINGS_FILE} does not say {key}, which is "
                f"{switches[key]} in tokenizer.json and {_SWITCH_DEFAULTS[key]} to "
                f"transformers' {settings.kind} by default. tokenizer.json is "
                f"followed; say {key} to settle it."
            )
        switches |= said
    return wordpiece_config(
        vocabulary,
        switches["do_lower_case"],
        strip_accents=switches["strip_accents"],
        split_chinese_characters=switches["tokenize_chinese_chars"],
        clean_text=normalizer["clean_text"],
        **others,
    )


def _check_steps(file, account):
    """Records the steps of the file, and rejects unsupported ones."""
    from kerasbert.text.steps import Reader

    reader = Reader(file.path, account)
    reader.normalizers(file.normalizer)
    reader.pre_tokenizers(file.pre_tokenizer)


def _warn_of_class(path, kind):
    warn(
        f"{path} has steps of its own, beside tokenizer_class={kind}: they are "
        "computed, as by `tokenizers` and transformers 4; transformers 5 computes "
        f"those of {kind} instead. PreTrainedTokenizerFast as the tokenizer_class "
        "settles it."
    )


def _unigram(folder, file, settings, vocabulary, others, account):
    from kerasbert.text.sentencepiece_model import build_model

    _check_steps(file, account)
    albert = _albert_switches(file)
    pieces = list(zip(file.vocabulary, file.scores, strict=True))
    # Added tokens are found before pieces are: their scores are never compared.
    pieces += [(token, 0.0) for token in vocabulary[len(pieces) :]]
    charsmap = base64.b64decode((albert or {}).get("charsmap", ""))
    special = others["special_tokens"]
    proto = _same_model(folder, pieces) if albert else None
    if proto is None:
        unk_id = file.vocabulary.index(file.unk)
        proto = build_model(pieces, unk_id, charsmap, set(special.all()))
    if albert is not None:
        _switch(albert, settings)
        # A SentencePiece file with the same pieces is what the model was trained with.
        beside = _same_model(folder, pieces) is not None
        if beside and not _is_albert(file, albert):
            composed = _composed(file.vocabulary)
            if composed:
                warn(
                    f"{folder / 'spiece.model'} composes characters such as "
                    f"{composed!r}, where {file.path} does not: SentencePiece is "
                    "followed, with which ALBERT was trained; transformers' fast "
                    "tokenizer follows tokenizer.json. Delete spiece.model to do so."
                )
        elif not _is_albert(file, albert):
            albert["normalizer"] = as_text(_albert_normalizer(file, albert))
            albert["pre_tokenizer"] = as_text(file.pre_tokenizer)
        del albert["charsmap"]
        return sentencepiece_config(proto, file.path, **albert, **others)
    known = settings.kind in XLMR_CLASSES and _is_xlmr(file)
    if settings.kind not in GENERIC_CLASSES and not known:
        _warn_of_class(file.path, settings.kind)
    return sentencepiece_config(
        proto,
        file.path,
        False,
        strip_accents=False,
        normalizer=as_text(file.normalizer),
        pre_tokenizer=as_text(file.pre_tokenizer),
        **others,
    )


def _bpe(folder, file, settings, vocabulary, others, account):
    """Reads the SentencePiece model that a `tokenizer.json` of BPE was made of."""
    from kerasbert.text.sentencepiece_model import BPE, CONTROL, parse_model

    _check_steps(file, account)
    albert = _albert_switches(file)
    path = folder / "spiece.model"
    if albert is None or not path.is_file():
        raise ValueError(
            f"Expected ALBERT's steps in {file.path}, whose model is BPE, and beside "
            "it the spiece.model of SentencePiece that it was made of. BPE without "
            "one, such as that of GPT-2 and RoBERTa, is not supported."
        )
    message = parse_model(path.read_bytes(), path)
    if message.trainer_spec.model_type != BPE:
        raise ValueError(f"Expected BPE in {path}, as in {file.path}, got unigram.")
    if [piece.piece for piece in message.pieces] != file.vocabulary:
        raise ValueError(
            f"Expected the {len(file.vocabulary)} pieces of {file.path} in {path}, got "
            f"{len(message.pieces)} that are others, or in another order. Which of "
            "them the model was trained with is not said."
        )
    for token in vocabulary[len(message.pieces) :]:  # found before pieces are
        message.pieces.add(piece=token, score=0.0, type=CONTROL)
    proto = message.SerializeToString(deterministic=True)
    _switch(albert, settings)
    del albert["charsmap"]
    return sentencepiece_config(proto, file.path, **albert, **others)


def _switch(albert, settings):
    """Changes ALBERT's options to what the settings of its class say."""
    if settings.kind in ALBERT_CLASSES:
        values = settings.values
        albert["lower_case"] = values.get("do_lower_case", albert["lower_case"])
        if "keep_accents" in values:
            albert["strip_accents"] = not values["keep_accents"]


def _steps(value, key):
    """Returns the steps of a normalizer or pre-tokenizer as a list."""
    if value is None:
        return []
    if value.get("type") != "Sequence":
        return [value]
    return [step for part in value[key] for step in _steps(part, key)]


def _is_words(pre_tokenizer):
    """Whether words are split at spaces and start with one, as in ALBERT."""
    steps = _steps(pre_tokenizer, "pretokenizers")
    if len(steps) != 2 or steps[0] != {"type": "WhitespaceSplit"}:
        return False
    older = {"str_rep": "\u2581", "add_prefix_space": True}
    return {**older, **METASPACE, **steps[1]} == {**older, **METASPACE}


def _is_xlmr(file):
    steps = _steps(file.normalizer, "normalizers")
    kinds = [step["type"] for step in steps]
    return kinds in ([], ["Precompiled"]) and _is_words(file.pre_tokenizer)


def _albert_switches(file):
    """Returns ALBERT's options; None if the file needs other steps."""
    steps = _steps(file.normalizer, "normalizers")
    quotes = [
        {"type": "Replace", "pattern": {"String": quote}, "content": '"'}
        for quote in ("``", "''")
    ]
    if steps[:2] != quotes or not _is_words(file.pre_tokenizer):
        return None
    steps = steps[2:]
    found = {"strip_accents": False, "lower_case": False, "charsmap": ""}
    if steps[:2] == [{"type": "NFKD"}, {"type": "StripAccents"}]:
        found["strip_accents"], steps = True, steps[2:]
    if steps[:1] == [{"type": "Lowercase"}]:
        found["lower_case"], steps = True, steps[1:]
    if steps and steps[0]["type"] == "Precompiled":
        found["charsmap"], steps = steps[0]["precompiled_charsmap"] or "", steps[1:]
    spaces = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    # Words are divided at all spaces; how many there are does not matter.
    return found if steps in ([], [spaces]) else None


def _is_albert(file, albert):
    """Whether SentencePiece gives the same ids as `tokenizers`.

    `Precompiled` composes no clusters of six bytes or more, SentencePiece does. Where
    accents are removed first, only Hangul is left to compose, and all of it is one
    unknown piece to a vocabulary without any.
    """
    hangul = any(map(_HANGUL.search, file.vocabulary))
    return not albert["charsmap"] or (albert["strip_accents"] and not hangul)


def _composed(vocabulary):
    """Returns a character that only SentencePiece composes, or an empty string."""
    for character in sorted(set("".join(vocabulary))):
        if len(unicodedata.normalize("NFD", character).encode()) >= 6:
            return character
    return ""


def _albert_normalizer(file, albert):
    """Returns the file's steps with the changes of the settings."""
    steps = _steps(file.normalizer, "normalizers")
    kinds = ("NFKD", "StripAccents", "Lowercase")
    wanted = [albert["strip_accents"]] * 2 + [albert["lower_case"]]
    switched = [{"type": k} for k, on in zip(kinds, wanted, strict=True) if on]
    others = [step for step in steps[2:] if step["type"] not in kinds]
    return {"type": "Sequence", "normalizers": [*steps[:2], *switched, *others]}


def _same_model(folder: pathlib.Path, pieces) -> bytes | None:
    """Returns the SentencePiece file, if it equals the `tokenizer.json`."""
    from kerasbert.text.sentencepiece_model import parse_model

    path = folder / "spiece.model"
    if not path.is_file():
        return None
    data = path.read_bytes()
    written = [(p.piece, p.score) for p in parse_model(data, path).pieces]
    return data if written == pieces else None


# What sentence-transformers says beside them.


def _max_length(settings, folder: pathlib.Path) -> int | None:
    sentence = read_settings(folder / "sentence_bert_config.json")
    length = sentence.get("max_seq_length")
    known = [settings.max_length]
    if isinstance(length, int | float) and 0 < length < 1_000_000:
        known.append(int(length))
    return min((n for n in known if n is not None), default=None)


def _sentence_lower_case(config: TokenizerConfig, folder) -> TokenizerConfig:
    """Whether sentence-transformers lower-cases text before tokenization."""
    sentence = read_settings(folder / "sentence_bert_config.json")
    if not sentence.get("do_lower_case") or config.lower_case:
        return config
    if config.normalizer is not None:
        raise ValueError(
            f"Expected do_lower_case=false in {folder / 'sentence_bert_config.json'}, "
            "got true beside a tokenizer.json with a normalizer of its own. Put a "
            "Lowercase before its normalizer instead."
        )
    strip = bool(config.strip_accents)
    return dataclasses.replace(config, lower_case=True, strip_accents=strip)
