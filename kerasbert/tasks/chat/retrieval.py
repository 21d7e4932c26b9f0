"""Replies that were given before to something alike."""

import json
import os
import pathlib
from typing import Any

import numpy as np

from kerasbert.files import new_folder, read_lines, write_json
from kerasbert.tasks.chat.history import histories, turns_of
from kerasbert.tasks.embedding import TextEmbedder

DIALOGUES_FILE = "dialogues.jsonl"
SETTINGS_FILE = "kerasbert_chat.json"


class RetrievalChatbot:
    """Replies as somebody did before to what is most like what was said now.

    It needs no training: an embedder compares what was said with all that it knows.

    Args:
        embedder: A `kerasbert.TextEmbedder`.
        said: What was said, a list of strings.
        replies: The reply to each.
        fallback: The reply where nothing is alike; None: the nearest one all the same.
        threshold: The cosine from which something is alike.

    Raises:
        ValueError: If there are no replies, or not one for each.
    """

    def __init__(
        self,
        embedder: Any,
        said: Any,
        replies: Any,
        fallback: str | None = None,
        threshold: float = 0.4,
    ):
        self.said, self.replies = list(said), list(replies)
        if not self.said or len(self.said) != len(self.replies):
            raise ValueError(
                "Expected a reply for each thing that was said, and one or more, got "
                f"{len(self.said)} and {len(self.replies)} replies."
            )
        if not -1 <= threshold <= 1:
            raise ValueError(f"Expected a cosine as threshold, got {threshold}.")
        self.embedder = embedder
        self.fallback = fallback
        self.threshold = threshold
        self._vectors = _unit(embedder.encode(self.said))  # [n, D]

    @classmethod
    def from_dialogues(
        cls, embedder: Any, dialogues: Any, **options: Any
    ) -> "RetrievalChatbot":
        """Takes every turn of dialogues as the reply to the one before it.

        Args:
            embedder: As in the constructor.
            dialogues: Lists of strings.
            **options: `fallback` and `threshold`, as in the constructor.
        """
        pairs = [
            (before, after)
            for turns in map(turns_of, dialogues)
            for before, after in zip(turns, turns[1:], strict=False)
        ]
        said, replies = zip(*pairs, strict=True) if pairs else ([], [])
        return cls(embedder, said, replies, **options)

    @classmethod
    def from_pretrained(cls, source: str | os.PathLike) -> "RetrievalChatbot":
        """Loads a chatbot that `save` wrote.

        Args:
            source: The folder.

        Raises:
            FileNotFoundError: If there is no such folder, or no dialogues in it.
        """
        folder = pathlib.Path(source)
        rows = [json.loads(line) for line in read_lines(folder / DIALOGUES_FILE)]
        settings = json.loads((folder / SETTINGS_FILE).read_text("utf-8"))
        return cls(
            TextEmbedder.from_pretrained(folder / "embedder"),
            [row["said"] for row in rows],
            [row["reply"] for row in rows],
            **settings,
        )

    def save(self, folder: str | os.PathLike, overwrite: bool = False) -> None:
        """Saves the embedder and what is known to one folder.

        Args:
            folder: The folder to make.
            overwrite: Whether a folder that exists is replaced.

        Raises:
            FileExistsError: If the folder exists and `overwrite` is not given.
        """
        with new_folder(folder, overwrite=overwrite) as partial:
            self.embedder.save(partial / "embedder")
            lines = [
                json.dumps({"said": said, "reply": reply}, ensure_ascii=False)
                for said, reply in zip(self.said, self.replies, strict=True)
            ]
            (partial / DIALOGUES_FILE).write_text("\n".join(lines) + "\n", "utf-8")
            settings = {"fallback": self.fallback, "threshold": self.threshold}
            write_json(partial / SETTINGS_FILE, settings)

    def predict(self, inputs: Any) -> list[dict[str, Any]]:
        """Finds a reply for each history.

        Args:
            inputs: A list of strings, or of lists of strings, the last one said last.

        Returns:
            A dictionary each: the `reply`; `said`, to what it was given before; and
            `score`, the cosine of that to what is said now.
        """
        last = [turns[-1] for turns in histories(inputs)]
        if not last:
            return []
        scores = _unit(self.embedder.encode(last)) @ self._vectors.T  # [B, n]
        answers = []
        for row in scores:
            best = int(np.argmax(row))
            reply, score = self.replies[best], float(row[best])
            if self.fallback is not None and score < self.threshold:
                reply = self.fallback
            answers.append({"reply": reply, "said": self.said[best], "score": score})
        return answers

    def reply(self, history: Any) -> str:
        """Finds the reply to a history.

        Args:
            history: What was said before, a list of strings, or one string.
        """
        return self.predict([history])[0]["reply"]


def _unit(vectors):
    vectors = np.asarray(vectors, "float32")
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(norms, 1e-12)
