"""Trains kerasbert on a job of `finetune.py`: JOB.json in, ANSWER.json out."""

import json
import pathlib
import sys
import time

import keras
import tensorflow as tf


class Clock(keras.callbacks.Callback):
    """Seconds of all batches but the first two, which trace and warm up."""

    def __init__(self, steps, in_turns=False):
        super().__init__()
        self.steps = steps
        self.in_turns = in_turns
        self.seen = 0
        self.started = self.ended = None
        self.losses = []
        self._total = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self._total = 0.0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        now = time.perf_counter()
        total = (batch + 1) * logs["loss"]  # the mean of the epoch so far
        self.losses.append(total - self._total)
        self._total = total
        if self.seen == 2:
            self.started = now
        self.ended = now
        if self.in_turns:  # the other one takes a step
            print(time.process_time(), flush=True)
            sys.stdin.readline()
        if self.steps and self.seen == self.steps + 2:
            self.model.stop_training = True
            raise Enough


class Enough(Exception):
    """So many steps as were asked for."""


def task_of(job):
    import kerasbert

    kind, source = job["kind"], job["model"]
    options = {"max_length": job["max_length"]}
    if job["precision"] == "bfloat16":
        options["dtype"] = "mixed_bfloat16"
    if kind == "classify":
        labels = sorted({str(row["label"]) for row in job["train"]})
        return kerasbert.TextClassifier.from_pretrained(
            source, labels=labels, **options
        )
    if kind == "tag":
        labels = sorted({tag for row in job["train"] for tag in row["tags"]})
        return kerasbert.TokenClassifier.from_pretrained(
            source, labels=labels, **options
        )
    if kind == "answer":
        return kerasbert.QuestionAnswerer.from_pretrained(source, **options)
    if kind == "regress":
        return kerasbert.TextRegressor.from_pretrained(
            source, low=0.0, high=1.0, **options
        )
    return kerasbert.TextEmbedder.from_pretrained(source, **options)


def examples(kind, rows):
    if kind == "classify":
        return [row["text"] for row in rows], [str(row["label"]) for row in rows]
    if kind == "tag":
        return [row["words"] for row in rows], [row["tags"] for row in rows]
    if kind == "answer":
        pairs = [(row["question"], row["context"]) for row in rows]
        return pairs, [
            {
                "text": [answer["text"] for answer in row["answers"]],
                "answer_start": [answer["answer_start"] for answer in row["answers"]],
            }
            for row in rows
        ]
    pairs = [(row["text"], row["pair"]) for row in rows]
    return pairs, [row["score"] for row in rows]


def predictions(task, kind, inputs):
    if kind == "classify":
        return [int(answer["label"]) for answer in task.predict(inputs)]
    if kind == "tag":
        return task.predict_tags(inputs)
    if kind == "answer":
        return [answer["answer"] for answer in task.predict(inputs)]
    if kind == "regress":
        return [answer["score"] for answer in task.predict(inputs)]
    first, second = (task.encode(list(column)) for column in zip(*inputs, strict=True))
    norms = (first**2).sum(1) ** 0.5 * (second**2).sum(1) ** 0.5
    return ((first * second).sum(1) / norms).tolist()


def main():
    job = json.loads(pathlib.Path(sys.argv[1]).read_text("utf-8"))
    tf.config.threading.set_intra_op_parallelism_threads(job["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(job["threads"])
    import kerasbert

    keras.utils.set_random_seed(job["seed"])
    task = task_of(job)
    recipe = kerasbert.Recipe(learning_rate=job["learning_rate"])
    options = {"loss": "cosine"} if job["kind"] == "embed" else {}
    task.compile(recipe, **options)
    clock = Clock(job["steps"], job.get("in_turns"))
    inputs, targets = examples(job["kind"], job["train"])
    began = time.perf_counter()
    try:
        task.fit(
            inputs,
            targets,
            epochs=job["epochs"],
            batch_size=job["batch_size"],
            seed=job["seed"],
            callbacks=[clock],
            verbose=0,
        )
    except Enough:
        pass
    answer = {
        "losses": clock.losses,
        "seconds": clock.ended - clock.started,
        "examples": (clock.seen - 2) * job["batch_size"],
        "whole": clock.ended - began,
        "predictions": [],
    }
    if not job["steps"]:
        dev, _ = examples(job["kind"], job["dev"])
        answer["predictions"] = predictions(task, job["kind"], dev)
    if job.get("save"):
        task.save(job["save"])
    pathlib.Path(sys.argv[2]).write_text(json.dumps(answer), "utf-8")


if __name__ == "__main__":
    main()
