"""Text to vector: kerasbert beside sentence-transformers, in one run.

    python benchmarks/embed.py

Both embed the same texts with the same weights, in float32, on the same number of
threads, in turns; medians and their ratio are printed, and the largest difference
of a value. sentence-transformers runs in an environment of its own, which is made the
first time (`make -C benchmarks/peers`).
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import tempfile
import time

import data

HERE = pathlib.Path(__file__).resolve().parent


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="minilm", help="a source (default: minilm)")
    parser.add_argument(
        "--texts",
        type=pathlib.Path,
        help="a file with a text a line, up to a tab (default: SST-2 dev)",
    )
    data.add_argument(parser)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    arguments.texts = arguments.texts or data.path(data.SST2)
    return arguments


def read_texts(file):
    lines = file.read_text("utf-8").splitlines()
    return [line.split("\t")[0] for line in lines if line.strip()]


class Kerasbert:
    """kerasbert, in this process."""

    def __init__(self, model, threads):
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        import kerasbert

        self.embedder = kerasbert.TextEmbedder.from_pretrained(model)
        self.name = f"kerasbert {kerasbert.__version__}, tensorflow {tf.__version__}"

    def seconds(self, texts):
        start = time.perf_counter()
        self.embedder.encode(texts, show_progress=False)
        return time.perf_counter() - start

    def vectors(self, texts):
        return self.embedder.encode(texts, show_progress=False)


class SentenceTransformers:
    """sentence-transformers, in a process and an environment of its own."""

    def __init__(self, folder, threads):
        peers = HERE / "peers"
        subprocess.run(["make", "-s", "-C", peers], check=True)
        self.work = pathlib.Path(tempfile.mkdtemp())
        self.process = subprocess.Popen(
            [
                peers / ".venv" / "bin" / "python",
                peers / "embed_sentence_transformers.py",
                *("--model", folder, "--threads", str(threads)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.name = json.loads(self.process.stdout.readline())["ready"]

    def ask(self, texts, **command):
        file = self.work / "texts.json"
        file.write_text(json.dumps(texts), "utf-8")
        self.process.stdin.write(json.dumps({"texts": str(file), **command}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def seconds(self, texts):
        return self.ask(texts)["seconds"]

    def vectors(self, texts):
        import numpy as np

        file = self.work / "vectors.npy"
        self.ask(texts, save=str(file))
        return np.load(file)


def spearman(vectors, scores):
    import numpy as np

    def ranks(values):
        # Equal values share the mean of their ranks.
        _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
        last = np.cumsum(counts)
        return (last - (counts - 1) / 2)[inverse]

    first, second = np.split(vectors, 2)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosines = np.sum(first * second, axis=1) / lengths
    return float(np.corrcoef(ranks(cosines), ranks(scores))[0, 1])


def read_stsb(file):
    rows = [line.split("\t") for line in file.read_text("utf-8").splitlines() if line]
    if rows and rows[0][0] == "split":  # a header
        rows = rows[1:]
    scores = [float(row[4]) for row in rows]
    return [row[5] for row in rows] + [row[6] for row in rows], scores


def processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(": ")[1] for line in lines if "model name" in line)
    except (OSError, StopIteration, IndexError):
        name = platform.processor()
    return f"{name}, {os.cpu_count()} cores"


def main():
    arguments = parse()
    texts = read_texts(arguments.texts)
    from kerasbert.checkpoints.sources import resolve

    folder = resolve(arguments.model)
    contestants = [
        Kerasbert(folder, arguments.threads),
        SentenceTransformers(folder, arguments.threads),
    ]
    for contestant in contestants:  # a warm-up, and the comparison of values
        contestant.seconds(texts[:64])
    ours, theirs = (contestant.vectors(texts) for contestant in contestants)
    seconds = [[] for _ in contestants]
    for _ in range(arguments.rounds):
        for times, contestant in zip(seconds, contestants, strict=True):
            times.append(contestant.seconds(texts))

    print(f"\n{len(texts)} texts of {arguments.texts.name}, float32, ", end="")
    print(f"{arguments.threads} threads, {arguments.rounds} rounds; {processor()}\n")
    print(f"| {'':<50} | texts/s | slowest | fastest |")
    print(f"| {'-' * 50} | ------: | ------: | ------: |")
    for contestant, times in zip(contestants, seconds, strict=True):
        rates = [len(texts) / t for t in (statistics.median(times), max(times))]
        rates.append(len(texts) / min(times))
        print(
            f"| {contestant.name:<50} | "
            + " | ".join(f"{r:7.1f}" for r in rates)
            + " |"
        )
    rounds = [theirs / ours for ours, theirs in zip(*seconds, strict=True)]
    print(f"\nratio: {statistics.median(rounds):.2f} (median of the rounds' ratios)")
    print(f"largest difference of a value: {abs(ours - theirs).max():.1e}")

    sentences, scores = read_stsb(data.path(data.STSB))
    for contestant in contestants:
        figure = spearman(contestant.vectors(sentences), scores)
        print(f"STS-B dev Spearman, {contestant.name}: {figure:.5f}")


if __name__ == "__main__":
    main()
