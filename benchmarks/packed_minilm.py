"""The model that ships: its texts, its folder and its figures.

What remakes it, in the order of the steps, with the data in the folder DATA:

    python benchmarks/packed_minilm.py corpus --data DATA --output runs
    kerasbert distill --config benchmarks/packed_minilm.yaml --output runs/packed_minilm
    python benchmarks/packed_minilm.py package runs/packed_minilm
    python benchmarks/packed_minilm.py figures --data DATA --held-out runs/held_out.txt

The texts are the English train splits of the data sets that the card of the model
names, whole and as single sentences, and words of the vocabulary in groups of six; none
of them is a sentence of the development set of the STS benchmark. One of forty is held
out.
"""

import argparse
import csv
import gzip
import hashlib
import json
import pathlib
import random
import re
import statistics
import subprocess
import sys
import time

TEXTS = 44_000  # of the data sets, besides the groups of words
HELD_OUT = 40  # one of so many
GROUP = 6


def clean(text):
    return re.sub(r"\s+", " ", text).strip()


def sentences(text):
    return re.split(r"(?<=[.!?]) +", clean(text))


def whole_and_sentences(text):
    return [text, *sentences(text)]


def lines_of(file, encoding="utf-8"):
    return file.read_text(encoding).rstrip("\n").split("\n")


def texts_of(data):
    """Yields the texts of all data sets."""
    for line in lines_of(data / "sentiment_en/sst2/train.tsv"):
        yield line.rsplit("\t", 1)[0]
    for name in ("neg", "pos"):
        file = data / f"sentiment_en/rotten_tomatoes/rt-polarity.{name}"
        yield from lines_of(file, "latin-1")
    for line in lines_of(data / "similarity_en/stsb/sts-train.csv"):
        yield from line.split("\t")[5:7]
    for line in lines_of(data / "pairs_en/mrpc/train.tsv", "utf-8-sig")[1:]:
        yield from line.split("\t")[3:5]
    for line in lines_of(data / "pairs_en/sick/train.txt")[1:]:
        yield from line.split("\t")[1:3]
    with open(data / "ranking_en/trecqa/train.csv", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield from (row["qtext"], row["atext"])
    with open(data / "classification_en/ag_news/train.csv", encoding="utf-8") as file:
        for row in csv.reader(file):
            yield from row[1:3]
    for article in json.loads((data / "qa/squad_slice.json").read_text())["data"]:
        for paragraph in article["paragraphs"]:
            yield from whole_and_sentences(paragraph["context"])
            yield from (question["question"] for question in paragraph["qas"])
    for line in lines_of(data / "corpus_en/wikitext2_valid.txt"):
        yield from whole_and_sentences(line)
    yield from (data / "corpus_en/tinyshakespeare.txt").read_text().split("\n\n")
    with gzip.open(data / "translation/multi30k/train.en.gz", "rt") as file:
        yield from file
    for line in lines_of(data / "summarization/dialogsum/dialogsum.dev.jsonl"):
        row = json.loads(line)
        for turn in row["dialogue"].split("\n"):
            yield re.sub(r"^#Person\d#: ", "", turn)
        yield from (text for name, text in row.items() if name.startswith("summary"))
    abstracts = (data / "ranking_en/cranfield/cran.all.1400").read_text()
    for abstract in re.split(r"^\.I \d+$", abstracts, flags=re.MULTILINE)[1:]:
        head, _, body = abstract.partition("\n.W\n")
        yield ("\n" + head.partition("\n.T\n")[2]).partition("\n.A\n")[0]
        yield from sentences(body)
    words = []
    for line in lines_of(data / "ner_en/wikiann/train"):
        if line.strip():
            words.append(line.split("\t")[0].removeprefix("en:"))
        else:
            yield " ".join(words)
            words = []


def write_corpus(data, output, vocabulary):
    """Writes `train.txt` and `held_out.txt`."""
    pairs = pairs_of(data)
    tested = {clean(text) for pair in pairs[:2] for text in pair}
    found = dict.fromkeys(map(clean, texts_of(data)))
    texts = [text for text in found if len(text) >= 3 and text not in tested]

    def is_held_out(text):
        return not int(hashlib.md5(text.encode()).hexdigest(), 16) % HELD_OUT

    words = [word for word in vocabulary if re.fullmatch("[a-z0-9]{2,}", word)]
    order = random.Random(0)
    order.shuffle(words)
    groups = [" ".join(words[i : i + GROUP]) for i in range(0, len(words), GROUP)]
    train = order.sample([text for text in texts if not is_held_out(text)], TEXTS)
    output.mkdir(parents=True, exist_ok=True)
    for name, part in (
        ("train", [*train, *groups]),
        ("held_out", filter(is_held_out, texts)),
    ):
        text = "".join(f"{line}\n" for line in part)
        (output / f"{name}.txt").write_text(text, "utf-8")


def pairs_of(data):
    """Returns first sentences, second sentences and scores of STS-B's dev set."""
    rows = [
        line.split("\t") for line in lines_of(data / "similarity_en/stsb/sts-dev.csv")
    ]
    first, second, scores = ([row[at] for row in rows] for at in (5, 6, 4))
    return first, second, [float(score) for score in scores]


def package(run):
    """Exports the student of a run into the package, beside its card."""
    import yaml

    import kerasbert
    from kerasbert.export import export_litert
    from kerasbert.shipped import NAME

    folder = pathlib.Path(kerasbert.__file__).parent / "shipped" / NAME
    card = (folder / "README.md").read_text() if folder.is_dir() else ""
    bits = yaml.safe_load((run / "config.yaml").read_text())["bits"]
    embedder = kerasbert.TextEmbedder.from_pretrained(run)
    embedder.encoder = embedder.encoder.without_pooler()  # no vector needs it
    export_litert(embedder, folder, bits=bits, overwrite=True)
    (folder / "README.md").write_text(card or "# packed_minilm\n")
    for file in filter(pathlib.Path.is_file, folder.rglob("*")):
        file.chmod(0o644)


def figures(data, held_out, model, teacher):
    """Prints size, agreement with the teacher, quality, and the time to a vector."""
    import numpy as np

    import kerasbert
    from kerasbert.checkpoints.sources import resolve
    from kerasbert.compression.distiller import compare_vectors
    from kerasbert.metrics.correlation import spearman

    texts = lines_of(held_out)
    first, second, scores = pairs_of(data)
    found = {}
    for name in dict.fromkeys((teacher, model)):
        files = filter(pathlib.Path.is_file, resolve(name).rglob("*"))
        print(f"{name}: {sum(file.stat().st_size for file in files) / 2**20:.1f} MiB")
        embedder = kerasbert.TextEmbedder.from_pretrained(name, max_length=64)
        found[name] = embedder.encode(texts)
        sides = np.split(embedder.encode([*first, *second]), 2)
        agreement = spearman((sides[0] * sides[1]).sum(axis=1), np.array(scores))
        print(f"  STS-B dev Spearman {agreement:.4f}")
    for measure, value in compare_vectors(found[teacher], found[model]).items():
        print(f"  {measure} {value:.4f}")
    times = []
    for _ in range(9):
        begin = time.perf_counter()
        command = [sys.executable, "-m", "kerasbert", "embed", "-m", model, "a text"]
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - begin)
    print(f"  first vector, process start included: {statistics.median(times):.2f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    corpus = commands.add_parser("corpus")
    corpus.add_argument("--data", type=pathlib.Path, required=True)
    corpus.add_argument("--output", type=pathlib.Path, required=True)
    commands.add_parser("package").add_argument("run", type=pathlib.Path)
    measured = commands.add_parser("figures")
    measured.add_argument("--data", type=pathlib.Path, required=True)
    measured.add_argument("--held-out", type=pathlib.Path, required=True)
    measured.add_argument("--model", default="packed_minilm")
    for command in (corpus, measured):
        command.add_argument("--teacher", default="minilm")
    given = parser.parse_args()
    if given.command == "package":
        package(given.run)
    elif given.command == "figures":
        figures(given.data, given.held_out, given.model, given.teacher)
    else:
        from kerasbert.checkpoints.sources import resolve

        vocabulary = lines_of(resolve(given.teacher) / "vocab.txt")
        write_corpus(given.data, given.output, vocabulary)


if __name__ == "__main__":
    main()
