"""Parsing of `tokenizer_config.json` and the small files next to it.

What transformers does with each is the measure: a key is computed, ignored for a
reason, warned about, or refused.
"""

import dataclasses
import pathlib
import warnings

from kerasbert.account import KeyTable, quoted, refusal
from kerasbert.checkpoints.vocabulary_files import read_settings
from kerasbert.text.tokenizer_config import TRUNCATION_SIDES, AddedToken, SpecialTokens

SETTINGS_FILE = "tokenizer_config.json"
MAP_FILE = "special_tokens_map.json"
ADDED_FILE = "added_tokens.json"
_UNLIMITED = 1_000_000  # longer is Hugging Face's way to say that nobody said
_NAMED = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
_LISTS = ("additional_special_tokens", "extra_special_tokens")

# Classes that read vocab.txt as BERT's does, and put the same special tokens around.
BERT_CLASSES = frozenset(
    f"{name}Tokenizer"
    for name in """Bert BasicBert ConvBert DistilBert DPRContextEncoder
    DPRQuestionEncoder DPRReader Electra LayoutLM Lxmert MobileBert Realm RetriBert
    SqueezeBert""".split()
)
ALBERT_CLASSES = frozenset({"AlbertTokenizer"})
XLMR_CLASSES = frozenset({"XLMRobertaTokenizer"})
# Classes that take whatever tokenizer.json says.
GENERIC_CLASSES = frozenset({"PreTrainedTokenizer", "TokenizersBackend", ""})

_USED = {
    **{f"{name}_token": "a special token" for name in _NAMED},
    **dict.fromkeys(_LISTS, "further special tokens"),
    "added_tokens_decoder": "added tokens with their flags",
    "do_lower_case": "lower-casing, where the class decides it",
    "keep_accents": "accents, where the class decides them",
    "max_len": "the longest sequence",
    "model_input_names": "whether there are segments",
    "model_max_length": "the longest sequence",
    "strip_accents": "accents, where the class decides them",
    "tokenize_chinese_chars": "Chinese characters, where the class decides them",
    "tokenizer_class": "the kind of tokenizer",
    "truncation_side": "the end of a text that is cut",
}
_CALL = "an argument of calls, which say themselves what they want"
_FILES = "where the file once was"
_IGNORED = {
    "add_bos_token": "the template of special tokens says it",
    "add_eos_token": "the template of special tokens says it",
    "add_prefix_space": "the pre-tokenizer says it; transformers' default is computed",
    "backend": "which code of transformers ran",
    "chat_template": "BERT has no chat",
    "clean_up_tokenization_spaces": "of decoded text alone",
    "cls_token_box": "of documents with a layout",
    "device_map": "where a model lies",
    "errors": "of decoded text alone",
    "fast_tokenizer": "which code of transformers ran",
    "full_tokenizer_file": _FILES,
    "init_inputs": "arguments of a Python class",
    "is_local": _FILES,
    "legacy": "of Llama's tokenizer",
    "local_files_only": _FILES,
    "max_length": _CALL,
    "name_or_path": _FILES,
    "pad_to_multiple_of": "padding is masked",
    "pad_token_type_id": "padding is masked",
    "processor_class": "of transformers' processors",
    "spaces_between_special_tokens": "of decoded text alone",
    "special_tokens_map_file": _FILES,
    "stride": _CALL,
    "tokenizer_file": _FILES,
    "transformers_version": "who wrote the file",
    "trim_offsets": "offsets leave space out here",
    "truncation_strategy": _CALL,
    "use_fast": "which code of transformers ran",
    "vocab_file": _FILES,
}
_REQUIRED = {
    "do_basic_tokenize": (True,),
    "padding_side": ("right",),
    "remove_space": (True,),
    "split_special_tokens": (False,),
    "wordpieces_prefix": ("##",),
}
_JAPANESE = (
    "word_tokenizer_type",
    "subword_tokenizer_type",
    "mecab_kwargs",
    "sudachi_kwargs",
    "jumanpp_kwargs",
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of `tokenizer_config.json` and the files next to it.

    Args:
        folder: Where they lie.
        values: `tokenizer_config.json`, with `special_tokens_map.json` in it.
        kind: The class of the tokenizer, without `Fast`; `""` where nobody names one.
        added: From id to `AddedToken`, for tokens that `tokenizer_config.json` or
            `added_tokens.json` puts into the vocabulary.
    """

    folder: pathlib.Path
    values: dict
    kind: str
    added: dict[int, AddedToken]

    @property
    def max_length(self):
        """The maximum sequence length, or None."""
        lengths = [self.values.get(key) for key in ("model_max_length", "max_len")]
        known = [
            int(n)
            for n in lengths
            if isinstance(n, int | float)
            and not isinstance(n, bool)
            and 0 < n < _UNLIMITED
        ]
        return min(known, default=None)

    @property
    def has_segments(self):
        """Whether models get segment ids; otherwise all are 0."""
        names = self.values.get("model_input_names")
        return not isinstance(names, list) or "token_type_ids" in names

    def token(self, name):
        """Returns the `AddedToken` of a name such as `cls`, or None."""
        value = self.values.get(f"{name}_token")
        return (
            None
            if value is None
            else as_added_token(
                value, self.folder / SETTINGS_FILE, f"{name}_token", special=True
            )
        )

    def named(self, defaults: SpecialTokens):
        """Returns the special tokens by name, with defaults."""
        tokens = {name: self.token(name) for name in defaults.named()}
        return {
            name: default if tokens[name] is None else tokens[name].content
            for name, default in defaults.named().items()
        }

    def special(self):
        """Returns the special tokens as `AddedToken`s, in transformers' order."""
        tokens = [self.token(name) for name in _NAMED]
        path = self.folder / SETTINGS_FILE
        for key, value in self.values.items():
            known = key in _USED or key in _IGNORED
            if key.endswith("_token") and isinstance(value, str) and not known:
                tokens.append(as_added_token(value, path, key, special=True))
        for key in _LISTS:
            more = self.values.get(key) or []
            more = more.values() if isinstance(more, dict) else more
            tokens += [as_added_token(t, path, key, special=True) for t in more]
        found = {token.content: token for token in reversed(tokens) if token}
        return list(reversed(found.values()))


def read_tokenizer_settings(folder, account):
    """Reads the settings of a folder, and records all keys."""
    path = folder / SETTINGS_FILE
    values = read_settings(path)
    _check(values, path)
    own = {
        key: value
        for key, value in values.items()
        if not (
            key not in _USED
            and key not in _IGNORED
            and key.endswith("_token")
            and isinstance(value, str)
        )
    }
    for key in values.keys() - own.keys():
        account.used(path, key, values[key], "a further special token")
    KeyTable(
        _USED,
        {**_IGNORED, **{key: _reason(values, key) for key in _EMPTY if key in values}},
        _REQUIRED,
    ).settle(own, path, account)
    added = _added(values, folder, account)
    if "added_tokens_decoder" not in values:
        values = {**values, **_special_tokens_map(folder, account)}
    elif (folder / MAP_FILE).is_file():
        for key, value in read_settings(folder / MAP_FILE).items():
            account.ignored(MAP_FILE, key, value, "added_tokens_decoder goes before it")
    kind = str(values.get("tokenizer_class") or "").removesuffix("Fast")
    return Settings(folder, values, kind, added)


_EMPTY = ("never_split", "sp_model_kwargs", "auto_map", *_JAPANESE)


def _reason(values, key):
    if key == "never_split":
        return "all of them are special tokens"
    if key == "auto_map":
        return "no code of strangers is run; it names no tokenizer"
    return "empty"


def _check(values, path):
    """Rejects values that the key tables cannot express."""
    kind = str(values.get("tokenizer_class") or "")
    if "Japanese" in kind or any(values.get(key) for key in _JAPANESE):
        raise ValueError(
            f"Expected a tokenizer of BERT or ALBERT in {path.parent}, got "
            f"{quoted(kind)}, which needs a morphological analyser. Split the text in "
            "words yourself and name the vocabulary file instead of the folder."
        )
    never = values.get("never_split") or []
    special = {
        _content(token)
        for key, token in values.items()
        if key.endswith("_token") and token
    }
    if set(never) - special:
        expected = "special tokens alone, which are never split"
        remedy = "List the others in added_tokens.json."
        raise refusal(path, "never_split", never, expected, remedy)
    sampling = values.get("sp_model_kwargs") or {}
    if sampling.get("enable_sampling") or sampling.get("alpha"):
        expected = "no sampling: the same text has the same ids"
        raise refusal(path, "sp_model_kwargs", sampling, expected)
    code = values.get("auto_map")
    if isinstance(code, list) or (isinstance(code, dict) and "AutoTokenizer" in code):
        raise refusal(
            path,
            "auto_map",
            code,
            "a tokenizer without code of its own",
            "Save the tokenizer once as tokenizer.json, and remove the key.",
        )
    side = values.get("truncation_side", "right")
    if side not in TRUNCATION_SIDES:
        raise refusal(path, "truncation_side", side, " or ".join(TRUNCATION_SIDES))
    for key in (
        "do_lower_case",
        "keep_accents",
        "strip_accents",
        "tokenize_chinese_chars",
    ):
        if not isinstance(values.get(key), bool | None):
            raise refusal(path, key, values[key], "true or false")
    if values.get("padding_side") == "left":
        raise refusal(
            path,
            "padding_side",
            "left",
            "'right', with which positions count from the first token of a text",
            "Set it to 'right' if the model was trained so, as BERT was.",
        )


def _added(values, folder, account):
    """Maps ids to their `AddedToken`s."""
    path = folder / SETTINGS_FILE
    decoder = values.get("added_tokens_decoder")
    if decoder is not None:
        if not isinstance(decoder, dict) or not all(k.isdecimal() for k in decoder):
            raise refusal(
                path, "added_tokens_decoder", decoder, "ids with their tokens"
            )
        found = {}
        for number, token in decoder.items():
            key = f"added_tokens_decoder.{number}"
            found[int(number)] = as_added_token(token, path, key)
        if (folder / ADDED_FILE).is_file():
            for key, value in read_settings(folder / ADDED_FILE).items():
                reason = "added_tokens_decoder goes before it"
                account.ignored(ADDED_FILE, key, value, reason)
        return found
    special = {_content(values.get(f"{name}_token")) for name in _NAMED}
    for key in _LISTS:
        more = values.get(key) or []
        special |= {
            _content(t) for t in (more.values() if isinstance(more, dict) else more)
        }
    found = {}
    path = folder / ADDED_FILE
    for content, number in read_settings(path).items():
        if not isinstance(number, int) or isinstance(number, bool) or number in found:
            raise refusal(path, quoted(content, 60), number, "an id of its own")
        account.used(path, quoted(content, 40), number, "an added token")
        is_special = content in special
        found[number] = AddedToken(
            content, normalized=not is_special, special=is_special
        )
    return found


def _special_tokens_map(folder, account):
    """Reads `special_tokens_map.json`, which takes precedence."""
    path = folder / MAP_FILE
    values = read_settings(path)
    known = {f"{name}_token": "a special token" for name in _NAMED}
    known |= dict.fromkeys(_LISTS, "further special tokens")
    others = {k: "a further special token" for k in values if k.endswith("_token")}
    KeyTable({**others, **known}, {}).settle(values, path, account)
    return values


def _content(token):
    return token.get("content") if isinstance(token, dict) else token


_FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")


def as_added_token(value, path, key, special=False):
    """Converts a string or an object with flags to an `AddedToken`."""
    if isinstance(value, str):
        return AddedToken(value, special=special)
    if not isinstance(value, dict) or not isinstance(value.get("content"), str):
        raise refusal(path, key, value, "a string, or an object with a content")
    flags = {name: value.get(name) for name in _FLAGS}
    wrong = [
        n
        for n, flag in flags.items()
        if flag is not None and not isinstance(flag, bool)
    ]
    if wrong:
        raise refusal(path, f"{key}.{wrong[0]}", value[wrong[0]], "true or false")
    flags["special"] = special if flags["special"] is None else flags["special"]
    if flags["normalized"] is None:
        flags["normalized"] = not flags["special"]
    return AddedToken(value["content"], **{n: bool(flag) for n, flag in flags.items()})


def warn(message):
    """Warns about a decision between contradictory files."""
    warnings.warn(message, stacklevel=2)
