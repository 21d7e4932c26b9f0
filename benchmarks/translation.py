"""English to Chinese, a tenth held back, with the command.

    python benchmarks/translation.py --data FOLDER [--run FOLDER]

FOLDER holds `translation/cmn_eng.txt`, the Tatoeba pairs of https://www.manythings.org/anki
(English, Chinese and the authors, by tabs). A tenth of them is held back, such that no
sentence of it, English or Chinese, occurs in what is learnt. Figures and samples are
written to `results/translation.json` and `results/translation.md`; a run that was ended
goes on.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

RESULTS = pathlib.Path(__file__).resolve().parent / "results"
SIZE, EPOCHS, BATCH = "transformer_tiny", 26, 128
CONFIG = """\
learning_rate: 2.0e-3
warmup: 0.08
decay: linear
weight_decay: 0.0001
label_smoothing: 0.1
dropout: 0.15
options: {vocab_size: 6000}
"""
SAMPLES = 20


def pairs_of(file):
    """The pairs of the file, and those of a tenth that shares no sentence with them."""
    rows = [
        tuple(cell.strip() for cell in line.split("\t")[:2])
        for line in file.read_text(encoding="utf-8").splitlines()
        if "\t" in line
    ]
    parents = {}

    def group(node):
        while parents.setdefault(node, node) != node:
            parents[node] = node = parents[parents[node]]
        return node

    for english, chinese in rows:
        parents[group(("en", english))] = group(("zh", chinese))
    groups = {}
    for row in rows:
        groups.setdefault(group(("en", row[0])), []).append(row)
    groups = sorted(groups.values())
    random.Random(0).shuffle(groups)
    learnt, held = [], []
    for rows_of_group in groups:
        fits = len(held) + len(rows_of_group) <= len(rows) // 10
        (held if fits else learnt).extend(rows_of_group)
    random.Random(1).shuffle(learnt)
    random.Random(2).shuffle(held)
    return learnt, held


def train(folder, learnt):
    """Trains with the command."""
    lines = ["source\ttarget", *("\t".join(row) for row in learnt)]
    (folder / "train.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "config.yaml").write_text(CONFIG)
    command = [sys.executable, "-m", "kerasbert", "finetune", "translate"]
    command += ["--model", SIZE, "--train", "train.tsv", "--config", "config.yaml"]
    command += ["--epochs", str(EPOCHS), "--batch-size", str(BATCH)]
    subprocess.run([*command, "--output", "run"], cwd=folder, check=True)


def measured(folder, held):
    """Translates what was held back."""
    import kerasbert
    from kerasbert.metrics.text import translation_scores

    translator = kerasbert.load(folder / "run" / "model")
    sources, references = map(list, zip(*held, strict=True))
    start = time.process_time()
    found = translator.translate(sources)
    seconds = time.process_time() - start
    scores = translation_scores(found, references)
    samples = list(zip(sources, found, references, strict=True))[:SAMPLES]
    return {
        "model": SIZE,
        "weights": translator.model.count_params(),
        "epochs": EPOCHS,
        "held_back": len(held),
        **{name: round(score, 2) for name, score in scores.items()},
        "seconds_per_sentence": round(seconds / len(held), 4),
        "samples": samples,
    }


def table(results):
    rows = [
        f"chrF {results['chrf']} (target 20), BLEU {results['bleu']} (tokenizer zh), "
        f"{results['held_back']:,} pairs held back; {results['weights'] / 1e6:.1f} M "
        f"weights, {results['epochs']} epochs.",
        "",
        "| English | translation | reference |",
        "| --- | --- | --- |",
        *(f"| {' | '.join(sample)} |" for sample in results["samples"]),
    ]
    return "\n".join(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("KERASBERT_DATA"))
    parser.add_argument("--run", metavar="FOLDER", help="of the training")
    arguments = parser.parse_args()
    if arguments.data is None:
        sys.exit("Expected --data FOLDER, or the environment variable KERASBERT_DATA.")
    folder = pathlib.Path(arguments.run or tempfile.mkdtemp())
    folder.mkdir(exist_ok=True)
    learnt, held = pairs_of(
        pathlib.Path(arguments.data) / "translation" / "cmn_eng.txt"
    )
    if not (folder / "run" / "model").exists():
        train(folder, learnt)
    results = measured(folder, held)
    text = json.dumps(results, indent=2, ensure_ascii=False)
    (RESULTS / "translation.json").write_text(text + "\n", encoding="utf-8")
    (RESULTS / "translation.md").write_text(table(results) + "\n", encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()
