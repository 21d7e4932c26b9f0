"""Writes tokenizers as other libraries expect to find them."""

import base64
import json
import pathlib

from kerasbert.files import write_atomically
from kerasbert.text.tokenizer_config import TokenizerConfig


def write(config: TokenizerConfig, folder: pathlib.Path, container: str) -> None:
    """Writes the files of a tokenizer.

    Args:
        config: What the tokenizer is made of.
        folder: The folder to write to.
        container: `"huggingface"`, `"google_tf1"` or `"keras_hub"`.
    """
    writers = {
        "huggingface": _write_huggingface,
        "google_tf1": _write_google_tf1,
        "keras_hub": _write_keras_hub,
    }
    if container not in writers:
        raise ValueError(
            f"Expected a container among {', '.join(writers)}, got {container!r}."
        )
    writers[container](config, folder)


def _write_google_tf1(config: TokenizerConfig, folder: pathlib.Path) -> None:
    if config.kind == "wordpiece":
        _write_vocabulary(config, folder / "vocab.txt")
    else:
        _write_bytes(folder / "30k-clean.model", config.model)


def _write_huggingface(config: TokenizerConfig, folder: pathlib.Path) -> None:
    special = config.special_tokens
    named = {f"{name}_token": token for name, token in special.named().items()}
    settings = {
        **named,
        "do_lower_case": config.lower_case,
        "model_max_length": config.max_length or int(1e30),
    }
    if special.additional:
        settings["additional_special_tokens"] = list(special.additional)
    if config.kind == "wordpiece":
        _write_vocabulary(config, folder / "vocab.txt")
        settings["strip_accents"] = config.strip_accents
        settings["tokenize_chinese_chars"] = config.split_chinese_characters
        settings["tokenizer_class"] = "BertTokenizer"
        whole = _wordpiece_json(config)
    else:
        _write_bytes(folder / "spiece.model", config.model)
        settings["bos_token"], settings["eos_token"] = special.cls, special.sep
        settings["keep_accents"] = config.strip_accents is False
        settings["tokenizer_class"] = "AlbertTokenizer"
        whole = _unigram_json(config)
    _write_json(folder / "tokenizer_config.json", settings)
    _write_json(folder / "special_tokens_map.json", named)
    _write_json(folder / "tokenizer.json", whole)


def _write_keras_hub(config: TokenizerConfig, folder: pathlib.Path) -> None:
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
        family = "Bert"
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
        family = "Albert"
        settings |= {"proto": None, "add_bos": False, "add_eos": False}
    whole = {
        "module": f"keras_hub.src.models.{family.lower()}.{family.lower()}_tokenizer",
        "class_name": f"{family}Tokenizer",
        "config": settings,
        "registered_name": f"keras_hub>{family}Tokenizer",
    }
    _write_json(folder / "tokenizer.json", whole)


def _wordpiece_json(config: TokenizerConfig) -> dict:
    return {
        **_frame(config),
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": config.clean_text,
            "handle_chinese_chars": config.split_chinese_characters,
            "strip_accents": config.strip_accents,
            "lowercase": config.lower_case,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": config.special_tokens.unk,
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {token: i for i, token in enumerate(config.vocabulary)},
        },
    }


def _unigram_json(config: TokenizerConfig) -> dict:
    from kerasbert.text.sentencepiece_model import parse_model

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
    return {
        **_frame(config),
        "normalizer": {"type": "Sequence", "normalizers": steps},
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace],
        },
        "decoder": metaspace,
        "model": {
            "type": "Unigram",
            "unk_id": config.vocabulary.index(config.special_tokens.unk),
            "vocab": [[p.piece, p.score] for p in message.pieces],
            "byte_fallback": False,
        },
    }


def _frame(config: TokenizerConfig) -> dict:
    ids = {token: i for i, token in enumerate(config.vocabulary)}
    special = [t for t in config.special_tokens.all() if t in ids]
    added = [t for t in config.added_tokens if t in ids]
    tokens = [
        {
            "id": ids[token],
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": token in special,
        }
        for token in sorted({*special, *added}, key=ids.get)
    ]
    cls, sep = config.special_tokens.cls, config.special_tokens.sep
    begin = [_special(cls, 0), _sequence("A", 0), _special(sep, 0)]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": tokens,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": begin,
            "pair": [*begin, _sequence("B", 1), _special(sep, 1)],
            "special_tokens": {
                token: {"id": token, "ids": [ids[token]], "tokens": [token]}
                for token in (cls, sep)
            },
        },
    }


def _special(token: str, segment: int) -> dict:
    return {"SpecialToken": {"id": token, "type_id": segment}}


def _sequence(name: str, segment: int) -> dict:
    return {"Sequence": {"id": name, "type_id": segment}}


def _write_vocabulary(config: TokenizerConfig, path: pathlib.Path) -> None:
    _write_bytes(path, "".join(f"{t}\n" for t in config.vocabulary).encode("utf-8"))


def _write_json(path: pathlib.Path, value: dict) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=2)
    _write_bytes(path, f"{text}\n".encode())


def _write_bytes(path: pathlib.Path, data: bytes) -> None:
    with write_atomically(path) as partial:
        partial.write_bytes(data)
