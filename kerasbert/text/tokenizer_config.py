"""What a tokenizer is made of."""

import dataclasses

from kerasbert.account import quoted

MOST_PLAIN = 100  # added tokens that are found one after another; more, together


@dataclasses.dataclass(frozen=True)
class SpecialTokens:
    """The tokens that stand for no text.

    Args:
        cls: begins every sequence; its vector stands for the whole.
        sep: ends every text of a sequence.
        pad: fills rows of a batch.
        mask: stands for a token to be predicted.
        unk: stands for a word that the vocabulary cannot spell.
        additional: others that are recognised where they are written in a text.
    """

    cls: str = "[CLS]"
    sep: str = "[SEP]"
    pad: str = "[PAD]"
    mask: str = "[MASK]"
    unk: str = "[UNK]"
    additional: tuple[str, ...] = ()

    def named(self) -> dict[str, str]:
        """The five tokens by their names."""
        return {n: getattr(self, n) for n in ("cls", "sep", "pad", "mask", "unk")}

    def all(self) -> tuple[str, ...]:
        """Every token, once."""
        return tuple(dict.fromkeys([*self.named().values(), *self.additional]))


BERT_SPECIAL_TOKENS = SpecialTokens()
ALBERT_SPECIAL_TOKENS = SpecialTokens(pad="<pad>", unk="<unk>")
XLMR_SPECIAL_TOKENS = SpecialTokens("<s>", "</s>", "<pad>", "<mask>", "<unk>")

TRUNCATION_SIDES = ("right", "left")


@dataclasses.dataclass(frozen=True)
class AddedToken:
    """A token that is found in a text before the text is divided in words.

    Args:
        content: the token.
        single_word: whether it is left alone within a word.
        lstrip: whether it takes in the space before it.
        rstrip: whether it takes in the space after it.
        normalized: whether it is found in the normalized text, in its normalized
            form, rather than as it is written.
        special: whether it stands for no text.
    """

    content: str
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = False
    special: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is found as it is written, wherever, and takes in nothing."""
        return not (self.single_word or self.lstrip or self.rstrip or self.normalized)


@dataclasses.dataclass(frozen=True)
class Template:
    """The special tokens around one text, and around two.

    Each token comes with its segment; None in its place stands for a text.

    Args:
        single: around one text, such as `(("[CLS]", 0), (None, 0), ("[SEP]", 0))`.
        pair: around two, the first one first.
    """

    single: tuple[tuple[str | None, int], ...]
    pair: tuple[tuple[str | None, int], ...]

    def num_special_tokens(self, pair: bool = False) -> int:
        """How many special tokens are around one text, or around two."""
        return sum(
            token is not None for token, _ in (self.pair if pair else self.single)
        )


def bert_template(cls: str = "[CLS]", sep: str = "[SEP]") -> Template:
    """`[CLS] A [SEP]`, and `[CLS] A [SEP] B [SEP]` with segment 1 from B on."""
    single = ((cls, 0), (None, 0), (sep, 0))
    return Template(single, (*single, (None, 1), (sep, 1)))


def roberta_template(cls: str = "<s>", sep: str = "</s>") -> Template:
    """`<s> A </s>`, and `<s> A </s> </s> B </s>`, all of them segment 0."""
    single = ((cls, 0), (None, 0), (sep, 0))
    return Template(single, (*single, (sep, 0), (None, 0), (sep, 0)))


@dataclasses.dataclass(frozen=True)
class TokenizerConfig:
    """Everything that a tokenizer is made of, whichever container it came from.

    Args:
        kind: `"wordpiece"` or `"sentencepiece"`.
        vocabulary: WordPiece tokens in the order of their ids.
        model: a serialised SentencePiece model.
        lower_case: whether text is lower-cased.
        strip_accents: whether accents are removed; None: as `lower_case` says.
        split_chinese_characters: whether each Chinese character is a word.
        clean_text: whether control characters are removed.
        split_digits_from_commas: whether SentencePiece pieces such as `▁2010,` are
            split once more, as google-research/albert does.
        added_tokens: tokens that cut a text in parts wherever they are written, as the
            added tokens of Hugging Face do: strings, or `AddedToken`s where one is
            found otherwise.
        special_tokens: the tokens that stand for no text.
        max_length: the longest sequence of the model that it belongs to, if known.
        normalizer: the normalizer of `tokenizer.json`, as JSON; None: what the switches
            above say.
        pre_tokenizer: the pre-tokenizer of `tokenizer.json`, as JSON, where there is a
            `normalizer`.
        template: the special tokens around texts; None: as BERT has them.
        longest_word: the most characters of a word of WordPiece; a longer one is
            unknown.
        truncation_side: the end of a text that is cut: `"right"` or `"left"`.
        words: how many tokens of the vocabulary are found in words; those after them
            are added tokens; None: all.
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
        """The special tokens around texts."""
        if self.template is not None:
            return self.template
        return bert_template(self.special_tokens.cls, self.special_tokens.sep)

    @property
    def is_plain(self) -> bool:
        """Whether the switches say all: no steps of a `tokenizer.json` are needed."""
        return (
            self.normalizer is None
            and self.longest_word == 100
            and len(self.added_tokens) <= MOST_PLAIN
            and all(isinstance(t, str) or t.is_plain for t in self.added_tokens)
        )


def all_added_tokens(config: TokenizerConfig) -> list[AddedToken]:
    """The added tokens of a tokenizer, its special ones among them, once each."""
    special = dict.fromkeys(config.special_tokens.all())
    tokens = {content: AddedToken(content, special=True) for content in special}
    for token in config.added_tokens:
        if isinstance(token, str):
            token = AddedToken(token)
        tokens[token.content] = token
    return [token for token in tokens.values() if token.content]
