"""Pretraining on a few megabytes of text: the held-out loss, beside a unigram model's.

    python benchmarks/pretraining_curves.py --folder runs/curves en zh

Of each corpus in the data folder, every tenth block of 30 paragraphs is held out.
`kerasbert pretrain --config bert_small_corpus` trains a vocabulary and a BERT of 4
layers, 256 wide, on one thread; the time is that of the processor, validation included.
The folder keeps the runs: one that was ended goes on.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

import data
import numpy as np

RESULTS = pathlib.Path(__file__).resolve().parent / "results"
VOCABULARIES = {"en": 8000, "zh": 5000}
COMMAND = "from kerasbert.cli import main; main()"


def split(name, folder):
    """Writes the texts to train on and those that are held out."""
    blocks = []
    for file in sorted(data.path(f"corpus_{name}").glob("*.txt")):
        lines = (line.strip() for line in file.read_text("utf-8-sig").split("\n"))
        lines = [line for line in lines if line]
        blocks += ["\n".join(lines[n : n + 30]) for n in range(0, len(lines), 30)]
    parts = {"train": [x for n, x in enumerate(blocks) if n % 10 != 9]}
    parts["held"] = blocks[9::10]
    for part, texts in parts.items():
        (folder / f"{part}.txt").write_text("\n\n".join(texts), "utf-8")


def unigram(folder):
    """The loss of a unigram model of the training text on held-out text."""
    import kerasbert
    from kerasbert.tasks.pretraining import Corpus

    tokenizer = kerasbert.Tokenizer.from_pretrained(folder / "run" / "model")
    with tempfile.TemporaryDirectory() as place:
        train, held = (
            Corpus.write(f"{place}/{part}", [folder / f"{part}.txt"], tokenizer)
            for part in ("train", "held")
        )
        counts = train.token_counts(tokenizer.vocabulary_size) + 1
        tokens = held.span(0, held.num_tokens)[0]
        loss = -np.log(counts / counts.sum())[tokens].mean()
    about = {"vocab_size": tokenizer.vocabulary_size, "unigram": float(loss)}
    return about | {"tokens": train.num_tokens, "held": held.num_tokens}


def curve(name, folder):
    """Trains, and returns the figures."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "held.txt").exists():
        split(name, folder)
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", COMMAND, "pretrain", "--config"]
    command += ["bert_small_corpus", "--vocab-size", str(VOCABULARIES[name])]
    command += ["--corpus", folder / "train.txt", "--validation", folder / "held.txt"]
    threads = {f"TF_NUM_{kind}_THREADS": "1" for kind in ("INTRAOP", "INTEROP")}
    run = folder / "run"
    subprocess.run(
        [*command, "--output", run],
        env={**os.environ, **threads},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
    plan = json.loads((run / "plan.json").read_text())
    every = plan["steps"] // plan["epochs"]
    log = np.genfromtxt(run / "log.csv", delimiter=",", names=True)
    return unigram(folder) | {
        "steps": [every * (n + 1) for n in range(len(log))],
        "loss": log["val_loss"].tolist(),
        "accuracy": log["val_accuracy"].tolist(),
        "cpu_minutes": seconds / 60,
    }


def table(results):
    """The figures as Markdown."""
    lines = [
        "| corpus | unigram | after the first validation | at the end | below it | "
        "CPU minutes |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    for name, found in results.items():
        losses, before = found["loss"], found["unigram"]
        lines.append(
            f"| corpus_{name} | {before:.3f} | {losses[0]:.3f} | {losses[-1]:.3f} | "
            f"{before - losses[-1]:.3f} | {found['cpu_minutes']:.1f} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=list(VOCABULARIES))
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    data.add_argument(parser)
    arguments = parser.parse_args()
    file = RESULTS / "pretraining-curves.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    for name in arguments.names:
        results[name] = curve(name, arguments.folder / name)
        file.write_text(json.dumps(results, indent=2) + "\n")
        file.with_suffix(".md").write_text(table(results) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
