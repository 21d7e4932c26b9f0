"""Parsing of `tokenizer.json`, the format of `tokenizers`.

Reference:
    Hugging Face `tokenizers`, `Tokenizer.to_str`.
"""

import dataclasses
import json

from kerasbert.account import KeyTable, quoted, refusal
from kerasbert.checkpoints.vocabulary_files import read_settings
from kerasbert.checkpoints.vocabulary_settings import as_added_token
from kerasbert.text.tokenizer_config import (
    AddedToken,
    Template,
    bert_template,
    roberta_template,
)

_TOP = KeyTable(
    {
        "added_tokens": "tokens that are found before a text is divided",
        "model": "the vocabulary and the model of words",
        "normalizer": "how text is cleaned",
        "padding": "the padding token",
        "post_processor": "the special tokens around texts",
        "pre_tokenizer": "how text is divided in words",
        "truncation": "the end of a text that is cut",
    },
    {"decoder": "ids to text, which the kind of model decides here"},
    {"version": ("1.0",)},
)
_WORDPIECE = KeyTable(
    {
        "type": "the kind of model",
        "vocab": "tokens and their ids",
        "unk_token": "what cannot be spelled",
        "max_input_chars_per_word": "the longest word",
    },
    {},
    {"continuing_subword_prefix": ("##",)},
)
_UNIGRAM = KeyTable(
    {
        "type": "the kind of model",
        "vocab": "pieces and their scores",
        "unk_id": "what cannot be spelled",
    },
    {},
    {"byte_fallback": (False, None)},
)
_BPE = KeyTable(
    {
        "type": "the kind of model",
        "vocab": "pieces and their ids",
        "unk_token": "what cannot be spelled",
    },
    dict.fromkeys(
        ("merges", "byte_fallback", "fuse_unk"), "spiece.model says it, which is used"
    )
    | {"dropout": "of training", "ignore_merges": "of byte-level models"},
    {"continuing_subword_prefix": (None, ""), "end_of_word_suffix": (None, "")},
)
_TRUNCATION = KeyTable(
    {"direction": "the end of a text that is cut"},
    {
        "max_length": "calls and tasks say what is too long, as in transformers",
        "strategy": "the longest text is cut first, as transformers does",
        "stride": "of what is cut off, which transformers leaves out",
    },
)
_PADDING = KeyTable(
    {"pad_token": "the padding token", "pad_id": "its id"},
    {
        "strategy": "padding is masked",
        "pad_to_multiple_of": "padding is masked",
        "pad_type_id": "padding is masked",
    },
    {"direction": ("Right",)},
)
_SIDES = {"Right": "right", "Left": "left"}
_TOKEN_KEYS = (
    "id",
    "content",
    "single_word",
    "lstrip",
    "rstrip",
    "normalized",
    "special",
)
_MOST_BYTES, _BYTES_A_TOKEN = 64 << 20, 1000


@dataclasses.dataclass(frozen=True)
class TokenizerFile:
    """The content of a `tokenizer.json`.

    Args:
        path: The file.
        kind: `"WordPiece"`, `"Unigram"`, or `"BPE"` of SentencePiece.
        vocabulary: The tokens in the order of their ids, without added ones.
        scores: Those of Unigram.
        unk: The token of what cannot be spelled.
        longest_word: The most characters of a word.
        added: From `AddedToken` to its id.
        normalizer: Its description, or None.
        pre_tokenizer: Its description, or None.
        template: The special tokens around texts.
        truncation_side: The end of a text that is cut, or None.
        pad: The padding token, or None.
    """

    path: object
    kind: str
    vocabulary: list[str]
    scores: list[float]
    unk: str
    longest_word: int
    added: dict[AddedToken, int]
    normalizer: dict | None
    pre_tokenizer: dict | None
    template: Template
    truncation_side: str | None
    pad: str | None


def read_tokenizer_file(path, account, vocab_size=None):
    """Reads a `tokenizer.json`, and records all keys."""
    if not path.is_file():
        return None
    size = path.stat().st_size
    if size > _MOST_BYTES + _BYTES_A_TOKEN * (vocab_size or 1_000_000):
        raise ValueError(
            f"Expected a tokenizer of about {vocab_size or 'a million'} tokens in "
            f"{path}, which is {size >> 20} MB. Is it the file of another model?"
        )
    whole = read_settings(path)
    if "class_name" in whole and "model" not in whole:
        return None  # KerasHub's
    _TOP.settle(whole, path, account)
    model = whole.get("model")
    if not isinstance(model, dict):
        raise refusal(path, "model", model, "a WordPiece, Unigram or BPE model")
    # Before 2020 `tokenizer.json` did not name its kind of model.
    kind = model.get("type") or (
        "Unigram" if isinstance(model.get("vocab"), list) else "WordPiece"
    )
    readers = {"WordPiece": _read_wordpiece, "Unigram": _read_unigram, "BPE": _read_bpe}
    if kind not in readers:
        raise ValueError(
            f"Expected a WordPiece, Unigram or BPE model in {path}, got "
            f"{str(kind)[:60]}."
        )
    vocabulary, scores, unk, longest_word = readers[kind](model, path, account)
    ids = {token: number for number, token in enumerate(vocabulary)}
    padding = whole.get("padding") or {}
    truncation = whole.get("truncation") or {}
    _settle_padding(padding, path, account)
    _TRUNCATION.settle(truncation, path, account, "truncation.")
    side = truncation.get("direction", "Right")
    if side not in _SIDES:
        raise refusal(path, "truncation.direction", side, "Right or Left")
    added = _read_added(whole.get("added_tokens"), ids, path, account)
    for token, number in added.items():
        ids[token.content] = number
    pad = padding.get("pad_token")
    if pad is not None and ids.get(pad) != padding.get("pad_id", ids.get(pad)):
        expected = f"{ids.get(pad)}, the id of pad_token {quoted(pad, 60)}"
        raise refusal(path, "padding.pad_id", padding["pad_id"], expected)
    return TokenizerFile(
        path=path,
        kind=kind,
        vocabulary=vocabulary,
        scores=scores,
        unk=unk,
        longest_word=longest_word,
        added=added,
        normalizer=whole.get("normalizer"),
        pre_tokenizer=whole.get("pre_tokenizer"),
        template=_read_template(whole.get("post_processor"), ids, path, account),
        truncation_side=_SIDES[side] if truncation else None,
        pad=pad,
    )


def _settle_padding(padding, path, account):
    direction = padding.get("direction", "Right")
    if direction != "Right":
        expected = "'Right', with which positions count from the first token of a text"
        raise refusal(path, "padding.direction", direction, expected)
    _PADDING.settle(padding, path, account, "padding.")


def _read_wordpiece(model, path, account):
    _WORDPIECE.settle(model, path, account, "model.")
    vocabulary = _by_id(model.get("vocab"), path)
    longest = model.get("max_input_chars_per_word", 100)
    if not _is_id(longest) or not 0 < longest <= 100_000:
        expected = "a number of characters from 1 to 100000"
        raise refusal(path, "model.max_input_chars_per_word", longest, expected)
    return vocabulary, [], model.get("unk_token", "[UNK]"), longest


def _read_bpe(model, path, account):
    _BPE.settle(model, path, account, "model.")
    return _by_id(model.get("vocab"), path), [], model.get("unk_token"), 100


def _by_id(vocab, path):
    """Returns the tokens of a vocabulary in the order of their ids."""
    if not isinstance(vocab, dict) or not all(_is_id(n) for n in vocab.values()):
        raise refusal(path, "model.vocab", vocab, "an object from token to id")
    vocabulary = [None] * len(vocab)
    for token, number in vocab.items():
        if number < len(vocabulary):
            vocabulary[number] = token
    if None in vocabulary:
        raise ValueError(
            f"Expected the ids 0 to {len(vocabulary) - 1} in {path}; none is "
            f"{vocabulary.index(None)}. Fill the gaps with tokens that are in no text, "
            "such as [unused1]."
        )
    return vocabulary


def _read_unigram(model, path, account):
    _UNIGRAM.settle(model, path, account, "model.")
    vocab = model.get("vocab")
    if not isinstance(vocab, list) or not all(
        isinstance(entry, list)
        and len(entry) == 2
        and isinstance(entry[0], str)
        and isinstance(entry[1], int | float)
        for entry in vocab
    ):
        raise refusal(path, "model.vocab", vocab, "a list of pairs of piece and score")
    vocabulary = [piece for piece, _ in vocab]
    if len(set(vocabulary)) < len(vocabulary) or "" in vocabulary:
        again = _first_again(vocabulary)
        raise ValueError(
            f"Expected pieces that are all different, and none empty, in {path}, got "
            f"{quoted(again, 60)} twice or empty. Which of them is meant is not said."
        )
    unk_id = model.get("unk_id")
    if not _is_id(unk_id) or unk_id >= len(vocabulary):
        expected = f"the id of the unknown piece, from 0 to {len(vocabulary) - 1}"
        raise refusal(path, "model.unk_id", unk_id, expected)
    return vocabulary, [float(score) for _, score in vocab], vocabulary[unk_id], 100


def _first_again(tokens):
    seen = {""}
    for token in tokens:
        if token in seen:
            return token
        seen.add(token)
    return ""


def _is_id(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _read_added(entries, ids, path, account):
    """Returns the added tokens with their ids, assigned like in `tokenizers`."""
    found, count, unknown = {}, len(ids), {}
    known = dict(ids)
    for number, entry in enumerate(entries or ()):
        key = f"added_tokens.{number}"
        token = as_added_token(entry, path, key)
        if not isinstance(entry, dict) or not _is_id(entry.get("id")):
            raise refusal(path, key, entry, "an object with an id")
        if not token.content:
            continue  # `tokenizers` leaves it out, too
        unknown |= {f"{key}.{k}": entry[k] for k in entry if k not in _TOKEN_KEYS}
        expected = known.get(token.content)
        if expected is None:
            expected, count = count, count + 1
            known[token.content] = expected
        if entry["id"] != expected:
            raise ValueError(
                f"{path} gives the added token {quoted(token.content, 60)} the id "
                f"{entry['id']}; `tokenizers` gives it {expected}, the one that the "
                "vocabulary has for it, or the next after the vocabulary. Correct the "
                "file: which of them the model was trained with is not said."
            )
        found[token.content] = token, expected
    account.unknown(path, unknown)
    return dict(found.values())


def _read_template(value, ids, path, account, key="post_processor"):
    """Returns the `Template` of a post-processor."""
    if value is None:
        return Template(((None, 0),), ((None, 0), (None, 1)))
    kind = value.get("type") if isinstance(value, dict) else value
    if kind == "Sequence":
        steps = value.get("processors") or []
        # `ByteLevel` changes offsets alone.
        steps = [
            s for s in steps if not isinstance(s, dict) or s.get("type") != "ByteLevel"
        ]
        if len(steps) > 1:
            expected = "one processor that adds special tokens"
            raise refusal(path, f"{key}.processors", steps, expected)
        account.used(path, f"{key}.type", kind, "the special tokens around texts")
        step = steps[0] if steps else None
        return _read_template(step, ids, path, account, f"{key}.processors")
    if kind in ("BertProcessing", "RobertaProcessing"):
        names = {"type": "the template", "sep": "a special token", "cls": "likewise"}
        offsets = "offsets leave space out here"
        KeyTable(
            names, dict.fromkeys(("trim_offsets", "add_prefix_space"), offsets)
        ).settle(value, path, account, f"{key}.")
        tokens = []
        for name in ("cls", "sep"):
            entry = value.get(name)
            if not isinstance(entry, list) or len(entry) != 2:
                raise refusal(path, f"{key}.{name}", entry, "a token and its id")
            tokens.append(_special(entry[0], [entry[1]], ids, path, f"{key}.{name}")[0])
        make = bert_template if kind == "BertProcessing" else roberta_template
        return make(*tokens)
    if kind != "TemplateProcessing":
        expected = (
            "TemplateProcessing, BertProcessing, RobertaProcessing, Sequence or null"
        )
        raise refusal(path, f"{key}.type", kind, expected)
    KeyTable(
        dict.fromkeys(("type", "single", "pair", "special_tokens"), "the template"), {}
    ).settle(value, path, account, f"{key}.")
    special = value.get("special_tokens")
    sides = {}
    for side, texts in (("single", ["A"]), ("pair", ["A", "B"])):
        pieces, order = [], []
        for piece in value.get(side) or ():
            entry = piece.get("Sequence") or piece.get("SpecialToken") or {}
            name, segment = entry.get("id"), entry.get("type_id", 0)
            if not _is_id(segment):
                raise refusal(path, f"{key}.{side}", piece, "a type_id of 0 or more")
            if "Sequence" in piece:
                order.append(name)
                pieces.append((None, segment))
                continue
            about = (special or {}).get(name) or {}
            tokens = _special(
                name, about.get("ids"), ids, path, f"{key}.special_tokens"
            )
            pieces += [(token, segment) for token in tokens]
        if order != texts:
            expected = f"{' and '.join(texts)}, once each, in this order"
            raise refusal(path, f"{key}.{side}", order, expected)
        sides[side] = tuple(pieces)
    return Template(**sides)


def _special(name, numbers, ids, path, key):
    """Returns the tokens of a special token of a template."""
    wanted = set(numbers or ())
    by_id = {number: token for token, number in ids.items() if number in wanted}
    tokens = [by_id.get(number) for number in numbers or ()]
    if not tokens or None in tokens:
        expected = "ids of the vocabulary"
        raise refusal(path, f"{key}.{quoted(name, 60)}", numbers, expected)
    return tokens


def as_text(value):
    """Returns the normalized JSON of a part of the file."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
