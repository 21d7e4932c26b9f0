"""Documents from files, as lists of sentences."""

import json
import pathlib
import warnings

LONGEST_LINE = 1 << 20  # bytes


def iterate_documents(files, skip_invalid=False):
    """Yields the documents of files one by one, as `read_documents` reads them."""
    for file in map(pathlib.Path, files):
        read = _of_json if file.suffix == ".jsonl" else _of_text
        yield from (document for document in read(file, skip_invalid) if document)


def read_documents(files, skip_invalid=False):
    """Reads documents from plain text or JSON lines.

    Plain text has a sentence, or paragraph, a line, and empty lines between documents.
    JSON lines (`.jsonl`) have a document each: an object whose `text` is like such a
    document, or a list of sentences.

    Args:
        files: The files.
        skip_invalid: Whether lines that are not UTF-8 are left out with a warning.

    Returns:
        A list of documents, each a list of strings.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line is not UTF-8, longer than a MiB or no JSON document, or
            there are no documents at all.
    """
    documents = list(iterate_documents(files, skip_invalid))
    if not documents:
        raise ValueError(
            f"Expected documents in {', '.join(map(str, files))}, got none: all lines "
            "are empty."
        )
    return documents


def _of_text(file, skip_invalid):
    document = []
    for _, line in _lines(file, skip_invalid):
        if line:
            document.append(line)
        else:
            yield document
            document = []
    yield document


def _of_json(file, skip_invalid):
    for number, line in _lines(file, skip_invalid):
        if not line:
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"Expected a JSON object in line {number} of {file}: {error}."
            ) from None
        text = value.get("text") if isinstance(value, dict) else None
        sentences = text.splitlines() if isinstance(text, str) else text
        if not isinstance(sentences, list) or not all(
            isinstance(sentence, str) for sentence in sentences
        ):
            raise ValueError(
                f'Expected an object with a "text", a string or a list of strings, in '
                f"line {number} of {file}, got {line[:60]!r}."
            )
        yield [one.strip() for one in sentences if one.strip()]


def _lines(file, skip_invalid):
    """Yields the numbers and texts of lines."""
    invalid = []
    with open(file, "rb") as stream:
        number = 0
        while line := stream.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise ValueError(
                    f"Expected lines of at most {LONGEST_LINE:,} bytes, got a longer "
                    f"one at line {number} of {file}. Write a sentence or paragraph a "
                    "line."
                )
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError:
                invalid.append(number)
                continue
            yield number, text
    if not invalid:
        return
    found = (
        f"{len(invalid)} of {number} lines of {file} are not UTF-8, the first of them "
        f"line {invalid[0]}"
    )
    if not skip_invalid:
        raise ValueError(
            f"Expected UTF-8, but {found}. Convert the file, or leave these lines out "
            "with skip_invalid (--skip-invalid)."
        )
    warnings.warn(f"{found}; they are left out.", stacklevel=2)
