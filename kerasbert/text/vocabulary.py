"""The tokens of a tokenizer, and their ids."""

import abc
import functools

import numpy as np

from kerasbert.account import quoted
from kerasbert.processes import Portable, check_process
from kerasbert.text.packing import Frame
from kerasbert.text.tokenizer_config import SpecialTokens, Template, TokenizerConfig


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
        # A template says itself which tokens begin and end a text.
        needed = (
            ("cls", "sep", "pad", "unk") if config.template is None else ("pad", "unk")
        )
        for name in needed:
            if named[name] not in self._ids:
                raise ValueError(
                    f"Expected the {name} token {quoted(named[name], 60)} in the "
                    f"vocabulary, but none of its {len(self.vocabulary)} entries is "
                    f"that. Name the token with special_tokens=SpecialTokens({name}="
                    "...)."
                )
        self._frames = {
            pair: Frame.of(pieces, self.token_to_id)
            for pair, pieces in (
                (False, self.template.single),
                (True, self.template.pair),
            )
        }

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

    @property
    def template(self) -> Template:
        """The special tokens around one text, and around two."""
        return self.config.template_or_default

    @property
    def truncation_side(self) -> str:
        """The end of a text that is cut: `"right"` or `"left"`."""
        return self.config.truncation_side

    def num_special_tokens(self, pair: bool = False) -> int:
        """How many special tokens `pack` adds to a text, or to a pair of texts."""
        return self.frame(pair).size

    def frame(self, pair: bool = False) -> Frame:
        """The special tokens around a text, or around a pair of texts, as ids."""
        return self._frames[pair]

    def token_to_id(self, token: str) -> int:
        """The id of a token.

        Raises:
            KeyError: there is no such token.
        """
        if token not in self._ids:
            raise KeyError(
                f"No token {quoted(token, 60)} among {self.vocabulary_size}."
            )
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
        tokens = [
            token if isinstance(token, str) else token.content
            for token in self.config.added_tokens
        ]
        special = set(self.special_tokens.all())
        if not self.special_tokens_in_text:
            tokens = [token for token in tokens if token not in special]
        if self.special_tokens_in_text:
            tokens += self.special_tokens.all()
        return [t for t in dict.fromkeys(tokens) if t and t in self._ids]

    @functools.cached_property
    def is_continuation(self) -> np.ndarray:
        """Whether each token continues the word before it, bool `[V]`.

        WordPiece marks such tokens with `##`, SentencePiece all others with a space.
        """
        if self.config.kind == "wordpiece":
            return np.array([token.startswith("##") for token in self.vocabulary])
        continues = [not token.startswith("\u2581") for token in self.vocabulary]
        continues = np.array(continues)
        continues[list(self.special_token_ids)] = False
        return continues

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
