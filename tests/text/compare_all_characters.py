"""Compares ids with the reference over every Unicode character in context.

python -m tests.text.compare_all_characters vocab.txt [--cased]
"""

import argparse
import pathlib

import tensorflow as tf

from kerasbert.text import SentencePieceTokenizer, WordPieceTokenizer
from kerasbert.text.ragged import to_lists
from tests.text import oracle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vocabulary", type=pathlib.Path, nargs="+")
    parser.add_argument("--cased", action="store_true")
    arguments = parser.parse_args()
    codes = [*range(0xD800), *range(0xE000, 0x110000)]
    texts = [f"a{chr(c)}b {chr(c)}" for c in codes]
    for path in arguments.vocabulary:
        if path.suffix == ".txt":
            vocabulary = path.read_bytes().decode().removesuffix("\n").split("\n")
            ours = WordPieceTokenizer(vocabulary, lower_case=not arguments.cased)
            reference = oracle.bert(vocabulary, lower_case=not arguments.cased)
        else:
            ours = SentencePieceTokenizer(path.read_bytes())
            reference = oracle.albert(path.read_bytes())
        different = []
        for start in range(0, len(texts), 1 << 16):
            chunk = texts[start : start + (1 << 16)]
            ids = to_lists(ours.tokenize(tf.constant(chunk)))
            expected = reference.encode_batch(chunk, add_special_tokens=False)
            different += [
                f"U+{codes[start + i]:04X}"
                for i, (mine, theirs) in enumerate(zip(ids, expected, strict=True))
                if mine != theirs.ids
            ]
        print(f"{path}: {len(different)} of {len(codes)} differ", different[:20])


if __name__ == "__main__":
    main()
