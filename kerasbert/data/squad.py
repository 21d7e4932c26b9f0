"""SQuAD: questions, contexts and the answers in them, from JSON."""

import dataclasses
import warnings
from typing import NamedTuple

from kerasbert.files import read_json

NOWHERE = -1  # the start of an answer that does not stand where its file says


@dataclasses.dataclass(frozen=True)
class SquadData:
    """Questions about contexts, and what is known of their answers.

    Args:
        ids: The name of each question.
        inputs: Pairs of a question and its context, as `QuestionAnswerer` takes them.
        targets: For each question `{"text": [...], "answer_start": [...]}`, the
            answers that people gave and their first characters; None where the
            context has no answer. An answer that does not stand where the file says
            has the start -1: it counts in metrics, which compare texts, and not in
            training. None altogether where the file has no answers.
        misaligned: The names of the questions that have such answers.
    """

    ids: list
    inputs: list
    targets: list | None
    misaligned: list

    def __len__(self):
        return len(self.ids)


def read_squad(path, answers=True):
    """Reads a file in the format of SQuAD 1.1 or 2.0.

    Answers of questions that are marked `is_impossible`, which SQuAD 2.0 calls
    plausible, are left out.

    Args:
        path: The file.
        answers: Whether answers are read; if not, targets are None, and what the file
            says of answers is not looked at.

    Returns:
        `SquadData`. A warning says how many questions have answers that do not stand
        in their context, and names one.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not JSON, or not in this format; the message names the
            file and the place in it.

    Example:
        >>> import json, pathlib, tempfile
        >>> answer = {"text": "in Paris", "answer_start": 10}
        >>> question = {"id": "7", "question": "Where?", "answers": [answer]}
        >>> paragraph = {"context": "She lives in Paris.", "qas": [question]}
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "squad.json"
        >>> _ = file.write_text(json.dumps({"data": [{"paragraphs": [paragraph]}]}))
        >>> data = read_squad(file)
        >>> data.inputs, data.misaligned
        ([('Where?', 'She lives in Paris.')], [])
        >>> data.targets
        [{'text': ['in Paris'], 'answer_start': [10]}]

    Reference:
        [Rajpurkar et al., 2016](https://arxiv.org/abs/1606.05250);
        [Rajpurkar et al., 2018](https://arxiv.org/abs/1806.03822).
    """
    found = _Found([], [], [], [], [])
    for article in _Node(path, "", read_json(path)).children("data"):
        for paragraph in article.children("paragraphs"):
            context = paragraph.field("context", str)
            for question in paragraph.children("qas"):
                found.ids.append(question.field("id", str))
                found.inputs.append((question.field("question", str), context))
                if answers:
                    _read_answers(question, context, found)
    if not found.ids:
        raise ValueError(f"Expected questions in {path}, got none.")
    if not answers:
        return SquadData(found.ids, found.inputs, None, [])
    _warn_of_misaligned(path, found)
    targets = found.targets
    if found.unanswered:
        if len(found.unanswered) < len(found.ids):
            raise ValueError(
                f"Expected answers for all questions in {path} or for none, got none "
                f"at {found.unanswered[0]}. A question without an answer in its "
                'context says "answers": [].'
            )
        targets = None
    return SquadData(found.ids, found.inputs, targets, found.misaligned)


class _Found(NamedTuple):
    """What was read so far; `unanswered` are the places of questions alone."""

    ids: list
    inputs: list
    targets: list
    misaligned: list
    unanswered: list


class _Node(NamedTuple):
    """A value in a JSON file, and the way to it."""

    file: object
    place: str
    value: object

    def field(self, name, kind):
        """The value under a name, of a type."""
        place = f"{self.place}.{name}".removeprefix(".")
        if not isinstance(self.value, dict):
            raise ValueError(
                f"Expected an object with {name!r} at {self.place or 'the top'} of "
                f"{self.file}, got {type(self.value).__name__}. Is it in the format "
                "of SQuAD?"
            )
        if name not in self.value:
            raise ValueError(
                f"Expected {place} in {self.file}, but it is not there; got "
                f"{', '.join(map(repr, self.value)) or 'nothing'} beside it. Is it in "
                "the format of SQuAD?"
            )
        value = self.value[name]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ValueError(
                f"Expected {_KINDS[kind]} at {place} of {self.file}, got "
                f"{type(value).__name__}: {str(value)[:60]!r}."
            )
        return value

    def children(self, name):
        """The nodes of the list under a name."""
        place = f"{self.place}.{name}".removeprefix(".")
        return [
            _Node(self.file, f"{place}[{number}]", value)
            for number, value in enumerate(self.field(name, list))
        ]


_KINDS = {list: "a list", str: "a string", int: "a whole number", bool: "true or false"}


def _read_answers(node, context, found):
    impossible = "is_impossible" in node.value and node.field("is_impossible", bool)
    if "answers" not in node.value and not impossible:
        found.unanswered.append(node.place)
    texts, starts = [], []
    if "answers" in node.value and not impossible:
        for answer in node.children("answers"):
            text = answer.field("text", str)
            start = answer.field("answer_start", int)
            stands = text and start >= 0 and context.startswith(text, start)
            texts.append(text)
            starts.append(start if stands else NOWHERE)
    if NOWHERE in starts:
        found.misaligned.append(found.ids[-1])
    found.targets.append({"text": texts, "answer_start": starts} if texts else None)


def _warn_of_misaligned(path, found):
    if not found.misaligned:
        return
    lost = sum(
        target is not None and set(target["answer_start"]) == {NOWHERE}
        for target in found.targets
    )
    warnings.warn(
        f"{len(found.misaligned)} of the {len(found.ids)} questions in {path} have an "
        "answer that does not stand in their context where answer_start says, such as "
        f"{found.misaligned[0]!r}. Such answers are not trained on, which leaves out "
        f"{lost} of the questions; metrics count them.",
        stacklevel=3,
    )
