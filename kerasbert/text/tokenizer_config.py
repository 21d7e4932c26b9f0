"""What a tokenizer is made of."""

import dataclasses


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
            added tokens of Hugging Face do.
        special_tokens: the tokens that stand for no text.
        max_length: the longest sequence of the model that it belongs to, if known.
    """

    kind: str
    vocabulary: tuple[str, ...] = dataclasses.field(default=(), repr=False)
    model: bytes = dataclasses.field(default=b"", repr=False)
    lower_case: bool = True
    strip_accents: bool | None = None
    split_chinese_characters: bool = True
    clean_text: bool = True
    split_digits_from_commas: bool = False
    added_tokens: tuple[str, ...] = ()
    special_tokens: SpecialTokens = BERT_SPECIAL_TOKENS
    max_length: int | None = None
