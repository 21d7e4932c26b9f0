"""Documents from files, as lists of sentences."""

import json
import warnings

from kerasbert.data.lines import open_lines

LONGEST_LINE = 1 << 20  # bytes


def iterate_documents(files, skip_invalid=False):
    """Yields the documents of files one by one, as `read_documents` reads them."""
    for file in files:
        with open_lines(file) as lines:
            lines.longest = LONGEST_LINE
            lines.invalid = []
            read = _of_json if lines.suffix == ".jsonl" else _of_text
            yield from (document for document in read(lines) if document)
            if lines.invalid:
                _report(lines, skip_invalid)


def read_documents(files, skip_invalid=False):
    """Reads documents from plain text or JSON lines.

    Plain text has a sentence, or paragraph, a line, and empty lines between documents.
    JSON lines (`.jsonl`) have a document each: an object whose `text` is like such a
    document, or a list of sentences.

    Args:
        files: The files, which may be compressed (gzip, bzip2, xz, zip); UTF-8, or
            what their byte order mark says.
        skip_invalid: Whether lines that are not UTF-8 are left out with a warning.

    Returns:
        A list of documents, each a list of strings.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is not UTF-8, longer than a MiB, not text or no JSON
            document, or there are no documents at all.
    """
    documents = list(iterate_documents(files, skip_invalid))
    if not documents:
        raise ValueError(
            f"Expected documents in {', '.join(map(str, files))}, got none: all lines "
            "are empty."
        )
    return documents


def _of_text(lines):
    document = []
    for line in lines:
        if line := line.strip():
            document.append(line)
        else:
            yield document
            document = []
    yield document


def _of_json(lines):
    for line in lines:
        if not line.strip():
            continue
        place = f"line {lines.number} of {lines.name}"
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"Expected a JSON object in {place}: {error}.") from None
        text = value.get("text") if isinstance(value, dict) else None
        sentences = text.splitlines() if isinstance(text, str) else text
        if not isinstance(sentences, list) or not all(
            isinstance(sentence, str) for sentence in sentences
        ):
            raise ValueError(
                f'Expected an object with a "text", a string or a list of strings, in '
                f"{place}, got {line[:60]!r}."
            )
        yield [one.strip() for one in sentences if one.strip()]


def _report(lines, skip_invalid):
    """Refuses a file with lines that are not UTF-8, or warns of them."""
    found = (
        f"{len(lines.invalid)} of {lines.number} lines of {lines.name} are not UTF-8, "
        f"the first of them line {lines.invalid[0]}"
    )
    if not skip_invalid:
        raise ValueError(
            f"Expected UTF-8, but {found}. Convert the file, or leave these lines out "
            "with skip_invalid (--skip-invalid)."
        )
    warnings.warn(f"{found}; they are left out.", stacklevel=2)
