"""Pretraining: the input pipeline, and kerasbert beside transformers' Trainer.

    python benchmarks/pretraining.py                     the pipeline, on 200 MB
    python benchmarks/pretraining.py --megabytes 2000
    python benchmarks/pretraining.py --torch PYTHON      training, too

pipeline  text of random words is tokenized to a corpus, of which masked batches are
          made: tokens/s, and the largest memory in between. Memory is that of the
          process alone: pages of mapped files, which the system takes back, are apart.
training  masked tokens alone, BERT of 4 layers 256 wide, batches of 64 sequences of up
          to 128 tokens, on two threads, in turns. Both get the same rows, from the
          texts in the data folder; transformers masks them with its own collator.
          Tokens are those that are no padding. The first steps do not count.

PYTHON is that of an environment with transformers, torch and accelerate.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import data
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "results"
VOCABULARY = "packed_minilm"  # that of BERT base, uncased
SHAPE = {
    "hidden_size": 256,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 1024,
}
BATCH, LENGTH = 64, 128
SKIPPED = 4  # first steps


def memory(name):
    """Megabytes of this process: `RssAnon`, or `RssFile` of mapped files."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise ValueError(f"Expected {name} in /proc/self/status, got none.")


class Watch:
    """The largest memory while a block runs."""

    def __enter__(self):
        self.most = {"RssAnon": 0.0, "RssFile": 0.0}
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self._look)
        self.thread.start()
        return self

    def _look(self):
        while not self.ends.wait(0.2):
            for name in self.most:
                self.most[name] = max(self.most[name], memory(name))

    def __exit__(self, *error):
        self.ends.set()
        self.thread.join()


def write_text(file, megabytes, tokenizer):
    """Writes documents of random words of the vocabulary."""
    pieces = [word for word in tokenizer.vocabulary if word.isalpha()]
    words, random = np.array(pieces), np.random.default_rng(0)
    documents = []
    for _ in range(2000):
        for _ in range(8):
            documents.append(" ".join(random.choice(words, random.integers(6, 25))))
        documents.append("")
    block = ("\n".join(documents) + "\n").encode()
    with open(file, "wb") as target:
        for _ in range(max(1, round(megabytes * 1e6 / len(block)))):
            target.write(block)
    return file.stat().st_size / 1e6


def pretrainer_of(tokenizer):
    import kerasbert

    config = kerasbert.BertConfig(vocab_size=tokenizer.vocabulary_size, **SHAPE)
    return kerasbert.Pretrainer.from_config(config, tokenizer, max_length=LENGTH)


def repeat_corpus(folder, times):
    """Writes the tokens of a corpus many times, as tokenizing more text would."""
    counts = []
    for name in ("tokens", "sentences", "documents"):
        file = folder / f"{name}.bin"
        kind = "uint32" if name == "tokens" else "int64"
        once = np.fromfile(file, kind)
        offsets = name != "tokens"
        count = counts[-1] if counts else len(once)
        with open(file, "wb") as target:
            if offsets:
                target.write(once[:1].tobytes())
            for number in range(times):
                part = once[1:] + number * count if offsets else once
                target.write(part.tobytes())
        counts.append(len(once) - 1 if offsets else len(once))


def pipeline(folder, megabytes, seconds, repeat):
    """Figures of the pipeline alone."""
    import kerasbert
    from kerasbert.tasks.pretraining import Corpus
    from kerasbert.tasks.pretraining.stream import stream_of

    tokenizer = kerasbert.Tokenizer.from_pretrained(VOCABULARY)
    size = write_text(folder / "texts.txt", megabytes, tokenizer)
    task = pretrainer_of(tokenizer)
    found = {"megabytes": size, "before": memory("RssAnon")}
    began = time.perf_counter()
    with Watch() as watch:
        corpus = Corpus.write(folder / "corpus", [folder / "texts.txt"], tokenizer)
    found["written"] = watch.most["RssAnon"]
    found["megabytes_per_second"] = size / (time.perf_counter() - began)
    found["tokens"] = corpus.num_tokens
    if repeat > 1:
        del corpus
        repeat_corpus(folder / "corpus", repeat)
        corpus = Corpus(folder / "corpus")
    found["repeated"] = repeat
    with Watch() as watch:
        began = time.perf_counter()
        stream = stream_of(task, corpus)
        stream.step(0, BATCH, 0)  # which makes the order of the first pass
        found["plan_seconds"] = time.perf_counter() - began
        began, tokens, step = time.perf_counter(), 0, 0
        while time.perf_counter() - began < seconds:
            inputs, _ = stream.step(step, BATCH, 0)
            tokens, step = tokens + len(inputs["token_ids"]), step + 1
        found["tokens_per_second"] = tokens / (time.perf_counter() - began)
    found |= {"read": watch.most["RssAnon"], "mapped": watch.most["RssFile"]}
    return found


def train(folder, steps):
    """Trains, and gives tokens/s; it runs in a process of its own."""
    import keras

    import kerasbert
    from kerasbert.tasks.pretraining import Corpus
    from kerasbert.tasks.pretraining.stream import stream_of

    task = pretrainer_of(kerasbert.Tokenizer.from_pretrained(VOCABULARY))
    corpus = Corpus(folder / "corpus")
    stream = stream_of(task, corpus)
    counts = [len(stream.step(step, BATCH, 0)[0]["token_ids"]) for step in range(steps)]
    times = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: times.append(time.perf_counter())
    )
    task.compile(kerasbert.Recipe(1e-4, clip_norm=1.0))
    options = {"steps": steps, "batch_size": BATCH, "callbacks": [callback]}
    task.fit(corpus, verbose=0, **options)
    elapsed = times[-1] - times[SKIPPED - 1]
    return {"tokens_per_second": sum(counts[SKIPPED:]) / elapsed}


def training(folder, python, steps, turns):
    """Tokens/s of both, of every turn."""
    import kerasbert
    from kerasbert.tasks.pretraining import Corpus
    from kerasbert.tasks.pretraining.stream import stream_of

    tokenizer = kerasbert.Tokenizer.from_pretrained(VOCABULARY)
    files = sorted(data.path("corpus_en").glob("*.txt"))
    corpus = Corpus.write(folder / "corpus", files, tokenizer)
    rows = stream_of(pretrainer_of(tokenizer), corpus).rows
    order = np.random.default_rng(0).permutation(len(rows))[: steps * BATCH]
    arrays = [rows.row(int(row), None)[0] for row in order]
    special = {
        name: getattr(tokenizer, f"{name}_token_id")
        for name in ("pad", "cls", "sep", "mask", "unk")
    }
    np.savez(folder / "rows.npz", *arrays)
    settings = {"shape": SHAPE, "vocab_size": tokenizer.vocabulary_size}
    settings |= {"special": special, "batch_size": BATCH, "skipped": SKIPPED}
    settings |= {"steps": steps, "rows": str(folder / "rows.npz"), "threads": 2}
    commands = {
        "kerasbert": [sys.executable, __file__, "--train", str(folder), str(steps)],
        "transformers": [
            *(python, HERE / "peers" / "pretraining_transformers.py"),
            json.dumps(settings),
        ],
    }
    threads = {f"TF_NUM_{kind}_THREADS": "2" for kind in ("INTRAOP", "INTEROP")}
    found = {name: [] for name in commands}
    for _ in range(turns):
        for name, command in commands.items():
            environment = {**os.environ, **threads, "OMP_NUM_THREADS": "2"}
            if name == "transformers":
                environment.pop("PYTHONPATH", None)
            answer = subprocess.run(
                command, stdout=subprocess.PIPE, env=environment, check=True, text=True
            )
            line = json.loads(answer.stdout.splitlines()[-1])
            found[name].append(line["tokens_per_second"])
    return found


def table(results):
    """The figures as Markdown."""
    lines = ["| what | figure |", "| --- | --: |"]
    if "pipeline" in results:
        own = results["pipeline"]
        lines += [
            f"| text, MB | {own['megabytes']:,.0f} |",
            f"| tokenized, MB/s | {own['megabytes_per_second']:.1f} |",
            f"| the same, repeated, MB | {own['megabytes'] * own['repeated']:,.0f} |",
            f"| until the first batch, s | {own['plan_seconds']:,.0f} |",
            f"| masked batches, tokens/s | {own['tokens_per_second']:,.0f} |",
            f"| memory before, MB | {own['before']:,.0f} |",
            f"| the most while text is tokenized, MB | {own['written']:,.0f} |",
            f"| the most while batches are made, MB | {own['read']:,.0f} |",
            f"| mapped files at that time, MB | {own['mapped']:,.0f} |",
        ]
    if "training" in results:
        own = {n: statistics.median(v) for n, v in results["training"].items()}
        ratio = own["kerasbert"] / own["transformers"]
        turns = len(results["training"]["kerasbert"])
        lines += [
            f"| training, tokens/s, kerasbert | {own['kerasbert']:,.0f} |",
            f"| training, tokens/s, transformers | {own['transformers']:,.0f} |",
            f"| ratio, medians of turns: {turns} (target 1.5) | {ratio:.2f} |",
        ]
    if "pipeline" in results and "training" in results:
        times = results["pipeline"]["tokens_per_second"] / own["kerasbert"]
        lines.append(f"| pipeline beside training (target 5) | {times:.1f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=float, default=200)
    parser.add_argument("--repeat", type=int, default=1, help="times, once tokenized")
    parser.add_argument("--seconds", type=float, default=10, help="of masked batches")
    parser.add_argument("--torch", metavar="PYTHON", help="python with transformers")
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--no-pipeline", action="store_true")
    parser.add_argument("--train", nargs=2, help=argparse.SUPPRESS)
    data.add_argument(parser)
    arguments = parser.parse_args()
    if arguments.train:
        folder, steps = arguments.train
        print(json.dumps(train(pathlib.Path(folder), int(steps))))
        return
    file = RESULTS / "pretraining.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        if not arguments.no_pipeline:
            results["pipeline"] = pipeline(
                *(folder, arguments.megabytes, arguments.seconds, arguments.repeat)
            )
        if arguments.torch:
            results["training"] = training(
                folder, arguments.torch, arguments.steps, arguments.turns
            )
    file.write_text(json.dumps(results, indent=2) + "\n")
    file.with_suffix(".md").write_text(table(results) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
