"""Questions, contexts and answers in SQuAD's JSON format."""

import dataclasses
import hashlib
import os
import warnings
from typing import NamedTuple

from kerasbert.account import quoted
from kerasbert.data.data_account import DataAccount
from kerasbert.data.json_rows import open_json_rows
from kerasbert.data.lines import open_lines

__all__ = ["NOWHERE", "SquadData", "read_squad"]

NOWHERE = -1  # the start of an answer that is not at its position
WANTED = (
    'Supported are {"data": [{"paragraphs": [{"context": "...", "qas": [{"id": "1", '
    '"question": "...", "answers": [{"text": "...", "answer_start": 0}]}]}]}]}, or one '
    'line {"question": "...", "context": "...", "answers": {"text": ["..."], '
    '"answer_start": [0]}} per question.'
)
IDS = ("id", "query_id", "qid", "qas_id", "_id", "question_id")
CONTEXTS = ("context", "context_text", "passage", "paragraph")
QUESTIONS = ("question", "query_text", "query")


@dataclasses.dataclass(frozen=True)
class SquadData:
    """Questions, contexts and answers.

    Args:
        ids: Id of each question.
        inputs: Pairs of question and context, as for `QuestionAnswerer`.
        targets: For each question `{"text": [...], "answer_start": [...]}`, the
            reference answers with their first characters, or None if it is
            unanswerable. An answer that is not at its position in the context has the
            start -1: metrics, which compare texts, use it, training does not. None if
            the file has no answers.
        misaligned: Ids of the questions with such answers.
        account: The `DataAccount`, which describes what was read.
    """

    ids: list
    inputs: list
    targets: list | None
    misaligned: list
    account: DataAccount | None = None

    def __len__(self):
        return len(self.ids)


def read_squad(
    path: str | os.PathLike, answers: bool = True, encoding: str | None = None
) -> SquadData:
    """Reads a file in the format of SQuAD 1.1 or 2.0, or a variant.

    CMRC and DRCD have the same format; CMRC's flat form has paragraphs at the top
    level. Rows of `datasets`, as JSON lines or an array, have one question, context and
    answers each. Answers may be a list of objects, an object of lists, or a list of
    texts, which must occur in the context once. A question is unanswerable if
    `is_impossible` is set (SQuAD 2.0 adds plausible answers to it), or its answers are
    missing or empty.

    Args:
        path: The file; `"-"` is standard input.
        answers: Whether to read answers; otherwise targets are None.
        encoding: Encoding of the file; None detects it, see `open_lines`.

    Returns:
        `SquadData`. A warning counts the questions whose answers are not found at their
        position.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not JSON in this format; the message names the position.

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
    with open_lines(path, encoding) as lines:
        account = DataAccount(lines.name, "SQuAD", lines.notes)
        found = _Found([], [], [], [], [], account)
        for question, context in _questions(lines, account):
            _read_question(question, context, found, answers)
    if not found.ids:
        raise ValueError(f"Expected questions in {path}, got none. {WANTED}")
    account.examples = len(found.ids)
    account.columns = {name: name for name in ("question", "context")}
    if not answers:
        return SquadData(found.ids, found.inputs, None, [], account)
    _check_ids(found.ids, path)
    targets = found.targets
    if found.unanswered:
        if len(found.unanswered) < len(found.ids):
            raise ValueError(
                f"Expected answers for all questions in {path} or for none, got none "
                f"at {found.unanswered[0]}. An unanswerable question has "
                '"answers": [].'
            )
        return SquadData(found.ids, found.inputs, None, [], account)
    _warn_of_misaligned(path, found)
    none = sum(target is None for target in targets)
    account.columns["answers"] = f"answers ({none:,} questions have none)"
    return SquadData(found.ids, found.inputs, targets, found.misaligned, account)


class _Found(NamedTuple):
    """What was read so far; `unanswered` are positions of questions without answers."""

    ids: list
    inputs: list
    targets: list
    misaligned: list
    unanswered: list
    account: DataAccount


def _questions(lines, account):
    """Yields the node of each question, and its context."""
    if lines.suffix in ("", ".json"):
        lines.longest = None
    first = next((line for line in lines.ahead(200) if line.strip()), "{").strip()
    if first[0] not in "[{":
        raise ValueError(
            f"Expected questions as JSON in {lines.name}, got {quoted(first, 60)}. "
            f"{WANTED}"
        )
    rows = list(open_json_rows(lines, account, of_lists=True))
    form = account.format
    if len(rows) == 1 and form == "JSON lines":  # a document in one line
        form = "JSON"
    if form == "JSON" and rows and isinstance(rows[0][1], dict):
        value = rows[0][1]
        if any(key in value for key in CONTEXTS) and "qas" not in value:
            rows, form = [(1, value)], "JSON lines"
        else:
            account.format = "SQuAD"
            top = _Node(lines.name, "", value)
            for article in top.children("data"):
                yield from _of_article(article)
            return
    for number, row in rows:
        if form == "JSON array under 'data'":
            node = _Node(lines.name, f"data[{number - 1}]", row)
        elif form == "JSON lines":
            node = _Node(lines.name, f"line {number}", row)
        else:
            node = _Node(lines.name, f"[{number - 1}]", row)
        known = row if isinstance(row, dict) else {}
        if "paragraphs" in known or "qas" in known or not any(map(known.get, CONTEXTS)):
            account.format = f"SQuAD, {form}" if "lines" in form else "SQuAD"
            yield from _of_article(node)
        else:
            account.format = f"questions, {form}"
            yield node, node.one_of(CONTEXTS)


def _of_article(article):
    """Yields the questions of an article, or of a single paragraph."""
    alone = isinstance(article.value, dict) and "qas" in article.value
    paragraphs = [article] if alone else article.children("paragraphs")
    for paragraph in paragraphs:
        context = paragraph.one_of(CONTEXTS)
        for question in paragraph.children("qas"):
            yield question, context


class _Node(NamedTuple):
    """A value in a JSON file, and its path."""

    file: object
    position: str
    value: object

    def field(self, name, kind):
        """Returns a field, checking its type."""
        position = f"{self.position}.{name}".removeprefix(".")
        if not isinstance(self.value, dict):
            raise ValueError(
                f"Expected an object with {name!r} at {self.position or 'the top'} of "
                f"{self.file}, got {type(self.value).__name__}. Is it in SQuAD "
                f"format? {WANTED}"
            )
        if name not in self.value:
            beside = ", ".join(map(repr, list(self.value)[:8]))[:120]
            raise ValueError(
                f"Expected {position} in {self.file}, but it is missing; got "
                f"{beside or 'nothing'} instead. Is it in SQuAD format? {WANTED}"
            )
        value = self.value[name]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ValueError(
                f"Expected {_KINDS[kind]} at {position} of {self.file}, got "
                f"{type(value).__name__}: {quoted(value, 60)}."
            )
        return value

    def one_of(self, names):
        """Returns the string under the first of the names that exists."""
        known = self.value if isinstance(self.value, dict) else {}
        return self.field(next((n for n in names if n in known), names[0]), str)

    def children(self, name):
        """Returns the nodes of a list field."""
        position = f"{self.position}.{name}".removeprefix(".")
        return [
            _Node(self.file, f"{position}[{number}]", value)
            for number, value in enumerate(self.field(name, list))
        ]


_KINDS = {list: "a list", str: "a string", int: "a whole number", bool: "true or false"}


def _read_question(node, context, found, answers):
    question = node.one_of(QUESTIONS)
    found.inputs.append((question, context))
    found.ids.append(_id(node, question, context, len(found.ids)))
    if answers:
        _read_answers(node, context, found)


def _id(node, question, context, position):
    """Returns the id of a question, or a hash of the question if it has none."""
    for name in IDS:
        value = node.value.get(name)
        if isinstance(value, str) or type(value) is int:
            return str(value)
        if value is not None:
            return node.field(name, str)
    key = f"{position} {question} {context}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(key).hexdigest()[:24]


def _check_ids(ids, path):
    """Warns about duplicate ids."""
    seen = set()
    twice = [name for name in ids if name in seen or seen.add(name)]
    if twice:
        warnings.warn(
            f"{len(twice):,} questions in {path} have duplicate ids, such as "
            f"{quoted(twice[0], 60)}; all of them are read.",
            stacklevel=3,
        )


def _read_answers(node, context, found):
    impossible = _is_impossible(node)
    if "answers" not in node.value and "answer" not in node.value and not impossible:
        found.unanswered.append(node.position)
    texts, starts = [], []
    if not impossible:
        for text, start in _answers(node):
            if not text.strip():
                continue  # no answer, as some write it
            texts.append(text)
            if start is None and context.count(text) == 1:
                start = context.index(text)
            stands = (
                start is not None and start >= 0 and context.startswith(text, start)
            )
            starts.append(start if stands else NOWHERE)
    if NOWHERE in starts:
        found.misaligned.append(found.ids[-1])
    found.targets.append({"text": texts, "answer_start": starts} if texts else None)


def _is_impossible(node):
    """Whether a question is marked as unanswerable: true, 1 or "true"."""
    value = node.value.get("is_impossible")
    if value is None:
        return False
    words = {"true": True, "false": False, "1": True, "0": False}
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    if type(value) is int and value in (0, 1):
        return bool(value)
    return node.field("is_impossible", bool)


def _answers(node):
    """Yields the text and the start of each answer; the start may be None."""
    value = node.value.get("answers", node.value.get("answer"))
    if value is None:
        return
    name = "answers" if "answers" in node.value else "answer"
    if isinstance(value, dict):
        inner = _Node(node.file, f"{node.position}.{name}".removeprefix("."), value)
        if isinstance(value.get("text"), str):  # one answer, not in a list
            yield _answer(inner)
            return
        texts, starts = inner.field("text", list), inner.field("answer_start", list)
        if len(texts) != len(starts):
            raise ValueError(
                f"Expected as many starts as texts at {inner.position} of {node.file}, "
                f"got {len(starts)} for {len(texts)}."
            )
        for number, (text, start) in enumerate(zip(texts, starts, strict=True)):
            position = f"{inner.position}[{number}]"
            one = {"text": text, "answer_start": start}
            yield _answer(_Node(node.file, position, one))
        return
    for child in node.children(name):
        yield _answer(child)


def _answer(node):
    if isinstance(node.value, str):  # as in CMRC's flat form
        return node.value, None
    text = node.field("text", str)
    if node.value.get("answer_start", 0) is None:
        return text, None
    if not text.strip() and "answer_start" not in node.value:
        return text, None
    return text, node.field("answer_start", int)


def _warn_of_misaligned(path, found):
    if not found.misaligned:
        return
    lost = sum(
        target is not None and set(target["answer_start"]) == {NOWHERE}
        for target in found.targets
    )
    warnings.warn(
        f"{len(found.misaligned)} of the {len(found.ids)} questions in {path} have an "
        "answer that is not found at answer_start in their context, such as "
        f"{quoted(found.misaligned[0], 60)}. Such answers are not used in training, "
        f"which excludes {lost} of the questions; metrics use them.",
        stacklevel=3,
    )
