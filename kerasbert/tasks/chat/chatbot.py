"""The task of writing replies."""

from typing import Any

from kerasbert.tasks.chat.history import histories
from kerasbert.tasks.translation.translator import Translator

TURN = " \u23ce "  # between two turns: a character that nobody types


class Chatbot(Translator):
    """Writes replies to what was said before.

    It learns from pairs of a history and its reply, and is made like a `Translator`:
    `Chatbot.for_texts(histories, replies, size)`. `RetrievalChatbot` needs no training.

    Args:
        model: A `kerasbert.models.Seq2SeqTransformer`.
        tokenizer: The `kerasbert.Tokenizer` of what is said.
        turns: Number of turns before the reply that are read, the last ones.
        **options: Those of `Seq2SeqTask`: `max_length`, `max_target_length`,
            `num_beams` and `length_penalty`.

    Raises:
        ValueError: If the tokenizer is not that of the model.

    Example:
        >>> said, replies = ["hello", ["hello", "hi", "bye"]] * 4, ["hi", "bye"] * 4
        >>> chatbot = Chatbot.for_texts(
        ...     said, replies, "transformer_tiny", vocab_size=25)
        >>> history = chatbot.fit(said, replies, epochs=1, verbose=0)
        >>> [answer] = chatbot.predict([["hello", "hi", "bye"]])
        >>> sorted(answer)
        ['is_complete', 'length', 'reply', 'score']

    Reference:
        [Vinyals and Le, 2015](https://arxiv.org/abs/1506.05869).
    """

    kind = "chat"
    answer_name = "reply"

    def __init__(self, model: Any, tokenizer: Any, turns: int = 3, **options: Any):
        super().__init__(model, tokenizer, **options)
        if type(turns) is not int or turns < 1:
            raise ValueError(f"Expected turns of 1 or more, got {turns}.")
        self.turns = turns

    def texts_of(self, inputs: Any) -> list[str]:
        """Joins the last turns of each history."""
        return [TURN.join(turns[-self.turns :]) for turns in histories(inputs)]

    @classmethod
    def vocabulary_texts(cls, inputs: Any) -> list[str]:
        """Returns the texts of which a vocabulary is made."""
        return [TURN.join(turns) for turns in histories(inputs)]

    def examples(
        self, inputs: Any, targets: Any = None, sample_weight: Any = None
    ) -> Any:
        """Validates histories and replies, see `Task.examples`."""
        texts = [TURN.join(turns) for turns in histories(inputs)]
        _, targets, weights = super().examples(texts, targets, sample_weight)
        return list(inputs), targets, weights

    def reply(self, history: Any, **options: Any) -> str:
        """Writes the reply to a history.

        Args:
            history: What was said before, a list of strings, or one string.
            **options: Those of `predict`.
        """
        return self.predict([history], **options)[0]["reply"]

    def answer_metrics(self, inputs: Any, targets: Any) -> dict[str, float]:
        """No metric of replies is worth its name: many are good."""
        return {}

    def options(self) -> dict[str, Any]:
        return {**super().options(), "turns": self.turns}
