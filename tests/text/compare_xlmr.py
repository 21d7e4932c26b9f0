"""Compares XLM-R's layout with `tokenizers`: every character, texts, pairs, offsets.

python -m tests.text.compare_xlmr spiece.model [--step 1] [--texts FILE ...]

The tokenizer is that of `pipelines.xlmr`: the pieces and the table of characters of a
SentencePiece model, moved as fairseq does, with `<s> A </s></s> B </s>` around.

Offsets of a cluster that the table composes ("a" and U+0308 to one letter) may differ:
here they cover all characters of it, there the first alone.
"""

import argparse
import pathlib
import tempfile
import warnings

import tensorflow as tf
from tokenizers import Tokenizer as Reference

from kerasbert.text import Tokenizer
from kerasbert.text.ragged import to_lists
from tests.text import pipelines

_CHUNK = 1 << 14
_NAMES = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>"} | {
    f"{name}_token": token
    for name, token in (("sep", "</s>"), ("pad", "<pad>"), ("mask", "<mask>"))
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--step", type=int, default=1, help="one of so many characters")
    parser.add_argument("--texts", type=pathlib.Path, nargs="*", default=())
    parser.add_argument("--most", type=int, default=1000, help="lines of each file")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        whole = pipelines.xlmr(model=arguments.model.read_bytes())
        folder = pipelines.write(
            pathlib.Path(folder), whole, unk_token="<unk>", **_NAMES
        )
        ours = Tokenizer.from_pretrained(folder)
        theirs = Reference.from_file(str(folder / "tokenizer.json"))
    codes = [*range(0xD800), *range(0xE000, 0x110000)][:: arguments.step]
    texts = [f"a{chr(c)}b {chr(c)}" for c in codes]
    _compare(ours, theirs, "characters", texts, arguments.step > 1)
    for path in arguments.texts:
        text = path.read_bytes().decode("utf-8", "replace")
        lines = [line.strip("\r") for line in text.split("\n") if line.strip()]
        _compare(ours, theirs, str(path), lines[: arguments.most])


def _compare(ours, theirs, name, texts, offsets=True):
    """Prints how many of the texts, pairs and offsets differ."""
    counts = dict.fromkeys(("texts", "pairs", "offsets", "tokens"), 0)
    shown = []
    for start in range(0, len(texts), _CHUNK):
        chunk = texts[start : start + _CHUNK]
        expected = theirs.encode_batch(chunk)
        pairs = theirs.encode_batch(list(zip(chunk, chunk[::-1], strict=True)))
        first = ours.tokenize(tf.constant(chunk))
        found = (ours.pack(first), ours.pack(first, first[::-1]))
        for kind, rows, packed in zip(
            ("texts", "pairs"), (expected, pairs), found, strict=True
        ):
            for text, row, ids, segments in zip(
                chunk, rows, *map(to_lists, packed), strict=True
            ):
                if (ids, segments) != (row.ids, row.type_ids):
                    counts[kind] += 1
                    shown.append((kind, text))
        if not offsets:
            continue
        columns = map(to_lists, ours.tokenize_with_offsets(tf.constant(chunk)))
        for text, row, ids, starts, ends in zip(chunk, expected, *columns, strict=True):
            if ids != row.ids[1:-1]:
                counts["texts"] += 1
                continue
            # A space alone lies nowhere here, and on the character after it there.
            tokens = zip(row.tokens[1:-1], starts, ends, row.offsets[1:-1], strict=True)
            tokens = [t for t in tokens if t[0] != "\u2581"]
            wrong = [token for token in tokens if token[1:3] != token[3]]
            counts["tokens"] += len(tokens)
            counts["offsets"] += len(wrong)
            shown += [("offsets", text, wrong)] if wrong else []
    print(f"{name}: {len(texts)} texts, of which differ {counts}", flush=True)
    for case in shown[:12]:
        print("  ", ascii(case)[:300], flush=True)


if __name__ == "__main__":
    main()
