"""Configuration of tokenizers."""

import dataclasses

from kerasbert.account import quoted

MOST_PLAIN = 100  # added tokens that are matched one by one; more need a trie


@dataclasses.dataclass(frozen=True)
class SpecialTokens:
    """The special tokens of a tokenizer.

    Args:
        cls: First token of every sequence, whose hidden state represents the sequence.
        sep: Token after each text of a sequence.
        pad: Padding token.
        mask: Mask token of masked language modeling.
        unk: Token of words that the vocabulary cannot represent.
        additional: Further special tokens, recognized in text.
    """

    cls: str = "[CLS]"
    sep: str = "[SEP]"
    pad: str = "[PAD]"
    mask: str = "[MASK]"
    unk: str = "[UNK]"
    additional: tuple[str, ...] = ()

    def named(self) -> dict[str, str]:
        """Returns the five standard tokens by name."""
        return {n: getattr(self, n) for n in ("cls", "sep", "pad", "mask", "unk")}

    def all(self) -> tuple[str, ...]:
        """Returns all distinct special tokens."""
        return tuple(dict.fromkeys([*self.named().values(), *self.additional]))


BERT_SPECIAL_TOKENS = SpecialTokens()
ALBERT_SPECIAL_TOKENS = SpecialTokens(pad="<pad>", unk="<unk>")
XLMR_SPECIAL_TOKENS = SpecialTokens("<s>", "</s>", "<pad>", "<mask>", "<unk>")

TRUNCATION_SIDES = ("right", "left")


@dataclasses.dataclass(frozen=True)
class AddedToken:
    """A token that is matched in the text before it is split into words.

    Args:
        content: The token.
        single_word: Whether matches inside a word are ignored.
        lstrip: Whether the match includes the whitespace before it.
        rstrip: Whether the match includes the whitespace after it.
        normalized: Whether its normalized form is matched in the normalized text,
            instead of the token itself in the original text.
        special: Whether it is a special token.
    """

    content: str
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = False
    special: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is matched verbatim, anywhere, without whitespace."""
        return not (self.single_word or self.lstrip or self.rstrip or self.normalized)


@dataclasses.dataclass(frozen=True)
class Template:
    """The special tokens around one text and around a pair.

    Each entry is a token, or None for a text, with its segment id.

    Args:
        single: Template of one text, such as `(("[CLS]", 0), (None, 0), ("[SEP]", 0))`.
        pair: Template of two texts, the first one first.
    """

    single: tuple[tuple[str | None, int], ...]
    pair: tuple[tuple[str | None, int], ...]

    def num_special_tokens(self, pair: bool = False) -> int:
        """Returns the number of special tokens around one text, or around a pair."""
        return sum(
            token is not None for token, _ in (self.pair if pair else self.single)
        )


def bert_template(cls: str = "[CLS]", sep: str = "[SEP]") -> Template:
    """Returns `[CLS] A [SEP]`, and `[CLS] A [SEP] B [SEP]` with segment 1 from B on."""
    single = ((cls, 0), (None, 0), (sep, 0))
    return Template(single, (*single, (None, 1), (sep, 1)))


def roberta_template(cls: str = "<s>", sep: str = "</s>") -> Template:
    """Returns `<s> A </s>`, and `<s> A </s> </s> B </s>`, all with segment 0."""
    single = ((cls, 0), (None, 0), (sep, 0))
    return Template(single, (*single, (sep, 0), (None, 0), (sep, 0)))


@dataclasses.dataclass(frozen=True)
class TokenizerConfig:
    """Everything a tokenizer is built from, in whichever format it was stored.

    Args:
        kind: `"wordpiece"` or `"sentencepiece"`.
        vocabulary: WordPiece tokens in the order of their ids.
        model: Serialized SentencePiece model.
        lower_case: Whether to lower-case text.
        strip_accents: Whether to remove accents; None follows `lower_case`.
        split_chinese_characters: Whether each Chinese character is a word.
        clean_text: Whether to remove control characters.
        split_digits_from_commas: Whether to split SentencePiece pieces such as `▁2010,`
            further, as google-research/albert does.
        added_tokens: Tokens matched in the text before it is split into words, like the
            added tokens of Hugging Face: strings, or `AddedToken`s for other matching.
        special_tokens: The special tokens.
        max_length: Maximum sequence length of the model, if known.
        normalizer: JSON of the normalizer of a `tokenizer.json`; None uses the options
            above.
        pre_tokenizer: JSON of the pre-tokenizer of a `tokenizer.json`, with
            `normalizer`.
        template: Special tokens around texts; None is BERT's template.
        longest_word: Maximum number of characters of a word in WordPiece; longer words
            become the unknown token.
        truncation_side: Side on which texts are truncated: `"right"` or `"left"`.
        words: Number of vocabulary entries that are matched in words; the entries after
            them are added tokens. None is all.
    """

    kind: str
    vocabulary: tuple[str, ...] = dataclasses.field(default=(), repr=False)
    model: bytes = dataclasses.field(default=b"", repr=False)
    lower_case: bool = True
    strip_accents: bool | None = None
    split_chinese_characters: bool = True
    clean_text: bool = True
    split_digits_from_commas: bool = False
    added_tokens: tuple[str | AddedToken, ...] = ()
    special_tokens: SpecialTokens = BERT_SPECIAL_TOKENS
    max_length: int | None = None
    normalizer: str | None = dataclasses.field(default=None, repr=False)
    pre_tokenizer: str | None = dataclasses.field(default=None, repr=False)
    template: Template | None = None
    longest_word: int = 100
    truncation_side: str = "right"
    words: int | None = None

    def __post_init__(self):
        if self.truncation_side not in TRUNCATION_SIDES:
            raise ValueError(
                f"Expected truncation_side to be {' or '.join(TRUNCATION_SIDES)}, got "
                f"{quoted(self.truncation_side)}."
            )

    @property
    def template_or_default(self) -> Template:
        """The template, by default that of BERT."""
        if self.template is not None:
            return self.template
        return bert_template(self.special_tokens.cls, self.special_tokens.sep)

    @property
    def is_plain(self) -> bool:
        """Whether no step of a `tokenizer.json` is needed."""
        return (
            self.normalizer is None
            and self.longest_word == 100
            and len(self.added_tokens) <= MOST_PLAIN
            and all(isinstance(t, str) or t.is_plain for t in self.added_tokens)
        )


def all_added_tokens(config: TokenizerConfig) -> list[AddedToken]:
    """Returns the distinct added tokens of a tokenizer, including special tokens."""
    special = dict.fromkeys(config.special_tokens.all())
    tokens = {content: AddedToken(content, special=True) for content in special}
    for token in config.added_tokens:
        if isinstance(token, str):
            token = AddedToken(token)
        tokens[token.content] = token
    return [token for token in tokens.values() if token.content]
