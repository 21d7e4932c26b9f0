"""Compares ids with `tokenizers` over a matrix of parts of a tokenizer.json.

python -m tests.text.compare_pipelines [--texts 300]
"""

import argparse
import itertools
import pathlib
import tempfile
import warnings

from tokenizers import Tokenizer as Reference

from kerasbert.text import Tokenizer
from tests.text import pipelines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--every", type=int, default=1, help="one of so many cases")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    texts = pipelines.texts(arguments.texts)
    parts = (
        pipelines.normalizers(),
        pipelines.pre_tokenizers(),
        pipelines.templates(),
        pipelines.added_tokens(),
    )
    cases = list(itertools.product(*(part.items() for part in parts)))
    counts = {"equal": 0, "other": 0, "refused": 0}
    for case in cases[:: arguments.every]:
        names, values = zip(*case, strict=True)
        with tempfile.TemporaryDirectory() as folder:
            folder = pipelines.write(
                pathlib.Path(folder),
                pipelines.wordpiece(*values),
                **pipelines.SPECIAL_NAMES,
            )
            try:
                ours = Tokenizer.from_pretrained(folder)
            except ValueError as error:
                counts["refused"] += 1
                print("refused", names, error)
                continue
            theirs = Reference.from_file(str(folder / "tokenizer.json"))
            special = set(pipelines.SPECIAL_NAMES.values())
            theirs.add_special_tokens(
                sorted(special - {t["content"] for t in values[3]})
            )
            same = pipelines.rows(ours, texts) == pipelines.rows(theirs, texts)
        counts["equal" if same else "other"] += 1
        if not same:
            print("OTHER", names)
    print(len(cases), "cases, of which", counts)


if __name__ == "__main__":
    main()
