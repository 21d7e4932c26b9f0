"""Tokens and their ids."""

import abc
import functools
from collections.abc import Sequence

import numpy as np

from kerasbert.account import quoted
from kerasbert.processes import Portable, check_process
from kerasbert.text.packing import Frame
from kerasbert.text.tokenizer_config import SpecialTokens, Template, TokenizerConfig


class Vocabulary(Portable, abc.ABC):
    """Maps tokens to ids and back; the base class of `Tokenizer`.

    Args:
        config: The `TokenizerConfig`.
        special_tokens_in_text: Whether special tokens written in a text, such as
            `[MASK]`, are recognized; if False, they are ordinary text.
    """

    def __init__(self, config: TokenizerConfig, special_tokens_in_text: bool = True):
        check_process()
        self.config = config
        self.special_tokens_in_text = special_tokens_in_text
        self._ids = {token: i for i, token in enumerate(self.vocabulary)}
        named = config.special_tokens.named()
        # A template names its own first and last tokens.
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
        """Number of token ids, V."""
        return len(self.vocabulary)

    @property
    def special_tokens(self) -> SpecialTokens:
        """The special tokens."""
        return self.config.special_tokens

    @property
    def max_length(self) -> int | None:
        """Maximum sequence length of the model, if known."""
        return self.config.max_length

    @property
    def template(self) -> Template:
        """The special tokens around one text and around a pair."""
        return self.config.template_or_default

    @property
    def truncation_side(self) -> str:
        """Side on which texts are truncated: `"right"` or `"left"`."""
        return self.config.truncation_side

    def num_special_tokens(self, pair: bool = False) -> int:
        """Returns the number of special tokens that `pack` adds to a text or a pair."""
        return self.frame(pair).size

    def frame(self, pair: bool = False) -> Frame:
        """Returns the ids of the special tokens around a text or a pair."""
        return self._frames[pair]

    def token_to_id(self, token: str) -> int:
        """Returns the id of a token.

        Raises:
            KeyError: If the token is not in the vocabulary.
        """
        if token not in self._ids:
            raise KeyError(
                f"No token {quoted(token, 60)} among {self.vocabulary_size}."
            )
        return self._ids[token]

    @property
    def cls_token_id(self) -> int:
        """Id of the first token of a sequence."""
        return self.token_to_id(self.special_tokens.cls)

    @property
    def sep_token_id(self) -> int:
        """Id of the token after each text."""
        return self.token_to_id(self.special_tokens.sep)

    @property
    def pad_token_id(self) -> int:
        """Id of the padding token."""
        return self.token_to_id(self.special_tokens.pad)

    @property
    def mask_token_id(self) -> int:
        """Id of the mask token."""
        return self.token_to_id(self.special_tokens.mask)

    @property
    def unk_token_id(self) -> int:
        """Id of the unknown token."""
        return self.token_to_id(self.special_tokens.unk)

    def _written_tokens(self) -> list[str]:
        """Returns the tokens that are matched in a text before normalization."""
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
        """Whether each token continues a word, bool `[V]`.

        WordPiece marks continuations with `##`; SentencePiece marks the first piece of
        a word with a leading space.
        """
        if self.config.kind == "wordpiece":
            return np.array([token.startswith("##") for token in self.vocabulary])
        continues = [not token.startswith("\u2581") for token in self.vocabulary]
        continues = np.array(continues)
        continues[list(self.special_token_ids)] = False
        return continues

    @functools.cached_property
    def byte_tokens(self) -> dict[str, bytes]:
        """The tokens that stand for a byte, such as `<0x0A>`, and the byte."""
        if self.config.kind == "wordpiece":
            return {}
        from kerasbert.text.sentencepiece_model import byte_pieces, parse_model

        return byte_pieces(parse_model(self.config.model))

    @functools.cached_property
    def special_token_ids(self) -> frozenset[int]:
        """Ids of the special tokens."""
        known = (t for t in self.special_tokens.all() if t in self._ids)
        return frozenset(self._ids[token] for token in known)

    def tokens(self, ids: Sequence) -> list:
        """Converts ids to tokens; a list of lists gives a list of lists.

        Raises:
            IndexError: If an id is not in the vocabulary.
        """
        if len(ids) and not np.isscalar(ids[0]) and np.ndim(ids[0]):
            return [self.tokens(row) for row in ids]
        size = self.vocabulary_size
        for token_id in ids:
            if not 0 <= token_id < size:
                raise IndexError(f"Expected ids from 0 to {size - 1}, got {token_id}.")
        return [self.vocabulary[token_id] for token_id in ids]

    def decode(
        self, ids: Sequence, skip_special_tokens: bool = True
    ) -> str | list[str]:
        """Converts ids to text, as far as the tokens determine it.

        Args:
            ids: A list of ids, or a list of lists.
            skip_special_tokens: Whether to omit special tokens.

        Returns:
            A string, or a list of strings.
        """
        if len(ids) and not np.isscalar(ids[0]) and np.ndim(ids[0]):
            return [self.decode(row, skip_special_tokens) for row in ids]
        skipped = self.special_token_ids if skip_special_tokens else ()
        return self._detokenize(self.tokens([i for i in ids if i not in skipped]))

    @abc.abstractmethod
    def _detokenize(self, tokens: list[str]) -> str:
        """Joins tokens to a text."""
