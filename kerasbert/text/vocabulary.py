"""The tokens of a tokenizer, and their ids."""

import abc
import functools

import numpy as np

from kerasbert.processes import Portable, check_process
from kerasbert.text.tokenizer_config import SpecialTokens, TokenizerConfig


class Vocabulary(Portable, abc.ABC):
    """Tokens to ids and back.

    Args:
        config: what the tokenizer is made of.
        special_tokens_in_text: whether special tokens that are written in a text mean
            what they say; False: they are text like any other.
    """

    def __init__(self, config: TokenizerConfig, special_tokens_in_text: bool = True):
        check_process()
        self.config = config
        self.special_tokens_in_text = special_tokens_in_text
        self._ids = {token: i for i, token in enumerate(self.vocabulary)}
        named = config.special_tokens.named()
        for name in ("cls", "sep", "pad", "unk"):
            if named[name] not in self._ids:
                raise ValueError(
                    f"Expected the {name} token {named[name]!r} in the vocabulary, but "
                    f"none of its {len(self.vocabulary)} entries is that. Name the "
                    f"token with special_tokens=SpecialTokens({name}=...)."
                )

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The tokens in the order of their ids."""
        return self.config.vocabulary

    @property
    def vocabulary_size(self) -> int:
        """How many ids there are."""
        return len(self.vocabulary)

    @property
    def special_tokens(self) -> SpecialTokens:
        """The tokens that stand for no text."""
        return self.config.special_tokens

    @property
    def max_length(self) -> int | None:
        """The longest sequence of the model that this belongs to, if known."""
        return self.config.max_length

    def token_to_id(self, token: str) -> int:
        """The id of a token.

        Raises:
            KeyError: there is no such token.
        """
        if token not in self._ids:
            raise KeyError(f"No token {token!r} among {self.vocabulary_size}.")
        return self._ids[token]

    @property
    def cls_token_id(self) -> int:
        """The id that begins a sequence."""
        return self.token_to_id(self.special_tokens.cls)

    @property
    def sep_token_id(self) -> int:
        """The id that ends each text of a sequence."""
        return self.token_to_id(self.special_tokens.sep)

    @property
    def pad_token_id(self) -> int:
        """The id that fills rows of a batch."""
        return self.token_to_id(self.special_tokens.pad)

    @property
    def mask_token_id(self) -> int:
        """The id that stands for a token to be predicted."""
        return self.token_to_id(self.special_tokens.mask)

    @property
    def unk_token_id(self) -> int:
        """The id of what the vocabulary cannot spell."""
        return self.token_to_id(self.special_tokens.unk)

    def _written_tokens(self) -> list[str]:
        """The tokens that are recognised in a text before anything is done to it."""
        tokens = list(self.config.added_tokens)
        if self.special_tokens_in_text:
            tokens += self.special_tokens.all()
        return [t for t in dict.fromkeys(tokens) if t and t in self._ids]

    @functools.cached_property
    def special_token_ids(self) -> frozenset[int]:
        """The ids that stand for no text."""
        known = (t for t in self.special_tokens.all() if t in self._ids)
        return frozenset(self._ids[token] for token in known)

    def tokens(self, ids) -> list[str]:
        """The token of every id; for a list of lists, a list of lists.

        Raises:
            IndexError: an id is not in the vocabulary.
        """
        if len(ids) and not np.isscalar(ids[0]) and np.ndim(ids[0]):
            return [self.tokens(row) for row in ids]
        size = self.vocabulary_size
        for token_id in ids:
            if not 0 <= token_id < size:
                raise IndexError(f"Expected ids from 0 to {size - 1}, got {token_id}.")
        return [self.vocabulary[token_id] for token_id in ids]

    def decode(self, ids, skip_special_tokens: bool = True):
        """The text that ids stand for, as far as they tell.

        Args:
            ids: a list of ids, or a list of lists of them.
            skip_special_tokens: whether to leave out `[CLS]` and its like.

        Returns:
            A string, or a list of strings.
        """
        if len(ids) and not np.isscalar(ids[0]) and np.ndim(ids[0]):
            return [self.decode(row, skip_special_tokens) for row in ids]
        skipped = self.special_token_ids if skip_special_tokens else ()
        return self._detokenize(self.tokens([i for i in ids if i not in skipped]))

    @abc.abstractmethod
    def _detokenize(self, tokens: list[str]) -> str:
        """The text that tokens stand for."""
