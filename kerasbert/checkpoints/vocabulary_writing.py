"""Writing of tokenizers in the formats of other libraries."""

import base64
import dataclasses
import functools
import json
import pathlib

from kerasbert.files import write_atomically, write_json
from kerasbert.text.tokenizer_config import TokenizerConfig, all_added_tokens


def write(
    config: TokenizerConfig, folder: pathlib.Path, container: str, family=None
) -> None:
    """Writes the files of a tokenizer; `family` is that of its model, if any."""
    writers = {
        "huggingface": _write_huggingface,
        "google_tf1": _write_google_tf1,
        "keras_hub": functools.partial(_write_keras_hub, family=family),
    }
    if container not in writers:
        raise ValueError(
            f"Expected a container among {', '.join(writers)}, got {container!r}."
        )
    writers[container](config, folder)


def _check_own_steps(config: TokenizerConfig, container: str) -> None:
    """Rejects a tokenizer with more than a vocabulary and casing."""
    default = TokenizerConfig(config.kind)
    names = ("template", "truncation_side", "words")
    others = [n for n in names if getattr(config, n) != getattr(default, n)]
    others += [] if config.is_plain else ["the steps of tokenizer.json"]
    others += ["added_tokens"] if config.added_tokens else []
    if others:
        raise ValueError(
            f"Expected a tokenizer with BERT's or ALBERT's own steps, as {container} "
            f"has them, got one with its own {', '.join(others)}. Write huggingface "
            "instead."
        )


def _write_google_tf1(config: TokenizerConfig, folder: pathlib.Path) -> None:
    _check_own_steps(config, "google_tf1")
    if config.kind == "wordpiece":
        _write_vocabulary(config, folder / "vocab.txt")
    else:
        _write_bytes(folder / "30k-clean.model", config.model)


def _write_huggingface(config: TokenizerConfig, folder: pathlib.Path) -> None:
    special = config.special_tokens
    known = set(config.vocabulary)
    named = {
        f"{name}_token": token
        for name, token in special.named().items()
        if token in known or config.template is None
    }
    settings = {**named, "model_max_length": config.max_length or int(1e30)}
    additional = [token for token in special.additional if token in known]
    if additional:
        settings["additional_special_tokens"] = additional
    if config.truncation_side != "right":
        settings["truncation_side"] = config.truncation_side
    # Other classes put BERT's special tokens around texts, whatever the file says.
    own = config.is_plain and config.template is None
    if config.kind == "wordpiece":
        if own or _is_writable(config):
            _write_vocabulary(config, folder / "vocab.txt")
        if own:
            settings["do_lower_case"] = config.lower_case
            settings["strip_accents"] = config.strip_accents
            settings["tokenize_chinese_chars"] = config.split_chinese_characters
        kind, whole = "BertTokenizer", _wordpiece_json(config)
    else:
        if config.normalizer is None:
            _write_bytes(folder / "spiece.model", config.model)
        settings["bos_token"], settings["eos_token"] = special.cls, special.sep
        if own:
            settings["do_lower_case"] = config.lower_case
            settings["keep_accents"] = config.strip_accents is False
        kind, whole = "AlbertTokenizer", _sentencepiece_json(config)
    settings["tokenizer_class"] = kind if own else "PreTrainedTokenizerFast"
    write_json(folder / "tokenizer_config.json", settings)
    write_json(folder / "special_tokens_map.json", named)
    write_json(folder / "tokenizer.json", whole)


# What a vocabulary without a model is written as: the class of its kind, its module.
_KERAS_HUB = {"wordpiece": ("Bert", "bert"), "sentencepiece": ("Albert", "albert")}


def _write_keras_hub(
    config: TokenizerConfig, folder: pathlib.Path, family=None
) -> None:
    _check_own_steps(config, "keras_hub")
    assets = folder / "assets" / "tokenizer"
    assets.mkdir(parents=True, exist_ok=True)
    settings = {"name": "tokenizer", "trainable": True, "sequence_length": None}
    settings["dtype"] = {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": "int32"},
        "registered_name": None,
    }
    settings["config_file"] = "tokenizer.json"
    if config.kind == "wordpiece":
        _write_vocabulary(config, assets / "vocabulary.txt")
        strip = config.strip_accents
        settings |= {
            "vocabulary": None,
            "lowercase": config.lower_case,
            "strip_accents": config.lower_case if strip is None else strip,
            "split": True,
            "suffix_indicator": "##",
            "oov_token": config.special_tokens.unk,
            "special_tokens": None,
            "special_tokens_in_strings": False,
        }
    else:
        _write_bytes(assets / "vocabulary.spm", config.model)
        settings |= {"proto": None, "add_bos": False, "add_eos": False}
    title, module = _KERAS_HUB[config.kind]
    if family is not None and family.keras_hub.tokenizer == config.kind:
        title, module = family.keras_hub.title, family.keras_hub.module
    whole = {
        "module": f"keras_hub.src.models.{module}.{module}_tokenizer",
        "class_name": f"{title}Tokenizer",
        "config": settings,
        "registered_name": f"keras_hub>{title}Tokenizer",
    }
    write_json(folder / "tokenizer.json", whole)


def _wordpiece_json(config: TokenizerConfig) -> dict:
    words = config.vocabulary[: config.words]
    normalizer = {
        "type": "BertNormalizer",
        "clean_text": config.clean_text,
        "handle_chinese_chars": config.split_chinese_characters,
        "strip_accents": config.strip_accents,
        "lowercase": config.lower_case,
    }
    pre_tokenizer = {"type": "BertPreTokenizer"}
    return {
        **_frame(config),
        **_steps(config, normalizer, pre_tokenizer),
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": config.special_tokens.unk,
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": config.longest_word,
            "vocab": {token: i for i, token in enumerate(words)},
        },
    }


def _steps(config, normalizer, pre_tokenizer):
    """Returns the steps of a config, or those of its options."""
    if config.normalizer is not None:
        normalizer = json.loads(config.normalizer)
        pre_tokenizer = json.loads(config.pre_tokenizer)
    return {"normalizer": normalizer, "pre_tokenizer": pre_tokenizer}


def _sentencepiece_json(config: TokenizerConfig) -> dict:
    from kerasbert.text.sentencepiece_model import BPE, byte_pieces, parse_model

    message = parse_model(config.model)
    steps = [
        {"type": "Replace", "pattern": {"String": "``"}, "content": '"'},
        {"type": "Replace", "pattern": {"String": "''"}, "content": '"'},
    ]
    if config.strip_accents is not False:
        steps += [{"type": "NFKD"}, {"type": "StripAccents"}]
    if config.lower_case:
        steps.append({"type": "Lowercase"})
    table = message.normalizer_spec.precompiled_charsmap
    if table:
        text = base64.b64encode(table).decode("ascii")
        steps.append({"type": "Precompiled", "precompiled_charsmap": text})
    scheme = "always" if message.normalizer_spec.add_dummy_prefix else "never"
    metaspace = {
        "type": "Metaspace",
        "replacement": "\u2581",
        "prepend_scheme": scheme,
        "split": True,
    }
    words = {
        "type": "Sequence",
        "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace],
    }
    decoder, has_bytes = metaspace, bool(byte_pieces(message))
    if has_bytes:
        parts = [{"type": "ByteFallback"}, metaspace]
        decoder = {"type": "Sequence", "decoders": parts}
    model = _bpe_json if message.trainer_spec.model_type == BPE else _unigram_json
    return {
        **_frame(config),
        **_steps(config, {"type": "Sequence", "normalizers": steps}, words),
        "decoder": decoder,
        "model": model(config, message, has_bytes),
    }


def _unigram_json(config, message, has_bytes):
    """Returns the unigram model: pieces with their scores."""
    return {
        "type": "Unigram",
        "unk_id": config.vocabulary.index(config.special_tokens.unk),
        "vocab": [[p.piece, p.score] for p in message.pieces[: config.words]],
        "byte_fallback": has_bytes,
    }


def _bpe_json(config, message, has_bytes):
    """Returns the model of byte pair encoding, its merges the best piece first."""
    from kerasbert.text.sentencepiece_model import NORMAL

    ids = {piece.piece: number for number, piece in enumerate(message.pieces)}
    merges = []
    for piece in message.pieces:
        if piece.type == NORMAL:
            text = piece.piece
            splits = [(text[:i], text[i:]) for i in range(1, len(text))]
            splits = [pair for pair in splits if all(part in ids for part in pair)]
            splits.sort(key=lambda pair: [ids[part] for part in pair])
            merges += [(-piece.score, pair) for pair in splits]
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": config.special_tokens.unk,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": True,
        "byte_fallback": has_bytes,
        "vocab": ids,
        "merges": [list(pair) for _, pair in sorted(merges, key=lambda x: x[0])],
    }


def _frame(config: TokenizerConfig) -> dict:
    ids = {token: i for i, token in enumerate(config.vocabulary)}
    tokens = [
        {
            "id": ids[token.content],
            **dataclasses.asdict(token),
            "special": token.special or token.content in config.special_tokens.all(),
        }
        for token in all_added_tokens(config)
        if token.content in ids
    ]
    template = config.template_or_default
    around = {t for t, _ in (*template.single, *template.pair) if t is not None}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": sorted(tokens, key=lambda token: token["id"]),
        "post_processor": {
            "type": "TemplateProcessing",
            "single": _side(template.single),
            "pair": _side(template.pair),
            "special_tokens": {
                token: {"id": token, "ids": [ids[token]], "tokens": [token]}
                for token in sorted(around)
            },
        },
    }


def _side(pieces):
    names = iter("AB")
    return [
        _sequence(next(names), segment) if token is None else _special(token, segment)
        for token, segment in pieces
    ]


def _special(token: str, segment: int) -> dict:
    return {"SpecialToken": {"id": token, "type_id": segment}}


def _sequence(name: str, segment: int) -> dict:
    return {"Sequence": {"id": name, "type_id": segment}}


def _is_writable(config: TokenizerConfig) -> bool:
    """Whether a vocabulary with one token per line can be read back."""
    return all("\n" not in t and t == t.rstrip() for t in config.vocabulary)


def _write_vocabulary(config: TokenizerConfig, path: pathlib.Path) -> None:
    _write_bytes(path, "".join(f"{t}\n" for t in config.vocabulary).encode("utf-8"))


def _write_bytes(path: pathlib.Path, data: bytes) -> None:
    with write_atomically(path) as partial:
        partial.write_bytes(data)
