"""Fine-tuning, step by step: whether kerasbert computes what transformers computes.

    python benchmarks/finetune_parity.py
    python benchmarks/finetune_parity.py --only squad --steps 20

Both train from the same weights, those of the new head too, without dropout, on the
same batches in the same order. The losses of all steps are compared, the weights after
the last, and what both predict with those of transformers: with equal weights, a
difference is one of windows, decoding or offsets. Seeds of `finetune.py` tell whether
one learns better; this tells why.

Two differences are meant. transformers lets the padding of a row be the answer to a
question, so that the loss of a row depends on the batch that it is in; here that is
taken out of its loss. And it scores an answer in every window, kerasbert in the one
with the most context around it, as BERT does.
"""

import argparse
import json
import pathlib
import shutil
import sys
import tempfile
import warnings

import data
import finetune
import keras
import numpy as np
from finetune_kerasbert import examples, predictions, task_of

TASKS = [name for name, job in finetune.JOBS.items() if job.kind != "embed"]


class Losses(keras.callbacks.Callback):
    """The loss of each step, of the running mean that Keras reports."""

    def __init__(self, sizes):
        super().__init__()
        self.sizes = sizes
        self.losses = []
        self._seen, self._total = 0, 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self._seen, self._total = 0, 0.0

    def on_train_batch_end(self, batch, logs=None):
        size = self.sizes[len(self.losses)]
        total = logs["loss"] * (self._seen + size)
        self.losses.append((total - self._total) / size)
        self._seen, self._total = self._seen + size, total


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--dev", type=int, default=300, help="examples to predict")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", default="minilm", help="a source (default: minilm)")
    data.add_argument(parser)
    parser.add_argument("--peers-python", help="Python of the peer's environment")
    return parser.parse_args()


def without_dropout(source, folder):
    """Copies a checkpoint with dropout rates of 0."""
    shutil.copytree(source, folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    rates = ("hidden_dropout_prob", "attention_probs_dropout_prob")
    config |= {**dict.fromkeys(rates, 0.0), "classifier_dropout": 0.0}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder


def train(job, folder):
    """Trains kerasbert; returns the task, its losses and the rows of its batches."""
    import kerasbert

    task = task_of(job)
    if hasattr(task.model, "dropout"):
        task.model.dropout = task.model.head.dropout.rate = 0.0
    task.save(folder)
    task = task_of({**job, "model": str(folder)})
    inputs, targets = examples(job["kind"], job["train"])
    order = finetune.batches_of(task, job)
    losses = Losses([len(rows) for rows in order])
    task.compile(kerasbert.Recipe(learning_rate=job["learning_rate"]))
    task.fit(
        *(inputs, targets),
        epochs=1,
        batch_size=job["batch_size"],
        seed=job["seed"],
        callbacks=[losses],
        verbose=0,
    )
    return task, losses.losses, order


def compare(name, arguments, peer, work):
    """Trains both; returns the figures of a row."""
    job = finetune.JOBS[name]
    train_rows, dev = job.read()
    source = without_dropout(
        finetune.source_of(job, arguments.model, work), work / "source"
    )
    described = {
        **job.settings,
        "kind": job.kind,
        "model": str(source),
        "batch_size": arguments.batch_size,
        "epochs": 1,
        "train": train_rows[: arguments.steps * arguments.batch_size],
        "dev": dev[: arguments.dev],
        "threads": arguments.threads,
        "steps": None,
        "padding": "sorted",
        "precision": "float32",
        "seed": 0,
    }
    task, losses, order = train(described, work / "initial")
    of_peer = {
        "model": str(work / "initial"),
        "batches": order,
        "without_padding": True,
    }
    found = finetune.run(
        peer, {**described, **of_peer, "save": str(work / "trained")}, work
    )
    same = task_of({**described, "model": str(work / "trained")})
    pairs = zip(task.model.weights, same.model.weights, strict=True)
    apart = max(float(np.abs(ours - theirs).max()) for ours, theirs in pairs)
    inputs, _ = examples(job.kind, described["dev"])
    answers = predictions(same, job.kind, inputs)
    theirs = found["predictions"]
    if job.kind == "regress":
        theirs = 1 / (1 + np.exp(-np.array(theirs)))
        equal = np.abs(np.array(answers) - theirs) < 1e-5
    else:
        equal = [a == b for a, b in zip(answers, theirs, strict=True)]
    for one, ours, other, is_equal in zip(
        described["dev"], answers, theirs, equal, strict=True
    ):
        if not is_equal:
            print(f"{str(one)[:200]}: kerasbert {ours!r}, transformers {other!r}")
    differences = np.abs(np.array(losses) - found["losses"])
    return {
        "task": name,
        "steps": len(losses),
        "first": losses[0],
        "last": losses[-1],
        "difference": differences.max(),
        "weights": apart,
        "equal": f"{sum(equal)} of {len(answers)}",
    }


def main():
    arguments = parse()
    warnings.filterwarnings("ignore", message=".*new and untrained")
    peer = finetune.peer_command(arguments)
    print(
        "| task | steps | first loss | last | largest difference | of a weight | equal"
    )
    for name in arguments.only:
        with tempfile.TemporaryDirectory() as work:
            row = compare(name, arguments, peer, pathlib.Path(work))
        cells = [
            *(row["task"], str(row["steps"])),
            *(f"{row[loss]:.4f}" for loss in ("first", "last")),
            *(f"{row[largest]:.1e}" for largest in ("difference", "weights")),
            row["equal"],
        ]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
