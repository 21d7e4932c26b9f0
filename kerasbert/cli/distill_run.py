"""A run of `kerasbert distill`: texts, teacher, student, training and results."""

import hashlib

import keras
import numpy as np

from kerasbert.cli.reading import ReaderOptions
from kerasbert.cli.text_input import read_texts
from kerasbert.cli.training_run import callbacks_of, ended_well, metrics_table
from kerasbert.compression import Distiller, student_of
from kerasbert.files import json_text, write_atomically
from kerasbert.models.loading import fingerprint
from kerasbert.tasks import load
from kerasbert.training.fit import Run

__all__ = ["run"]

CARD = """\
# {name}

{teacher}, distilled by kerasbert.

* texts: {count:,}, of {corpus}
* student: {student}
* epochs: {epochs}, of batches of {batch_size}; learning rate {rate}

{table}

All settings are in `config.yaml`, the course of the run is in `log.csv`, and the model
in `model/`.
"""


def run(config, folder, overwrite=False):
    """Runs or resumes a distillation, writes the folder, and prints the metrics."""
    optimizer = config.optimizer()
    texts = _texts(config.corpus)
    tested = _texts([config.validation]) if config.validation else None
    keras.utils.set_random_seed(config.seed)
    teacher = load(config.teacher)
    length = teacher.max_length
    if config.max_length is not None:
        teacher = type(teacher).from_pretrained(
            config.teacher, max_length=config.max_length
        )
    student = student_of(
        *(teacher, config.layers, config.embedding_size, config.repeats, config.dtype)
    )
    distiller = Distiller(
        *(teacher, student, config.output, config.hidden_states, config.attention),
        temperature=config.temperature,
        dropout=config.dropout,
    )
    distiller.compile(optimizer)
    folder.begin(config, overwrite)
    with ended_well(folder):
        targets = None
        if config.output:
            targets = _cached(distiller, texts, folder.checkpoints / "teacher.npz")
        _fit(distiller, texts, tested, targets, config, folder)
        student.max_length = length  # that of the training may be shorter
        student.save(folder.model, overwrite=True, bits=config.bits)
        metrics = {"texts": len(texts), "epochs": config.epochs}
        if tested is not None:
            saved = Distiller(load(config.teacher), load(folder.model))
            metrics["validation"] = saved.evaluate(tested)
        folder.finish(metrics, _card(config, folder, student, metrics))
    print(json_text(metrics, indent=2))


def _texts(files):
    reading = ReaderOptions()
    texts = [text for file in files for text in read_texts(None, file, reading)]
    if not texts:
        raise ValueError(f"Expected texts in {', '.join(files)}, got none.")
    return texts


def _fit(distiller, texts, tested, targets, config, folder):
    run = Run(folder.checkpoints, config.save_every, announce=folder.announce)
    with callbacks_of(folder) as callbacks:
        distiller.fit(
            texts,
            validation_data=tested,
            checkpoints=run,
            targets=targets,
            epochs=config.epochs,
            batch_size=config.batch_size,
            seed=config.seed,
            callbacks=callbacks,
            verbose=0,
        )


def _cached(distiller, texts, file):
    """Returns the teacher's outputs, computed once for a run that is resumed."""
    digest = hashlib.sha256(fingerprint(distiller.teacher.model).encode())
    for text in texts:
        digest.update(f"{len(text)} {text}".encode())
    name = digest.hexdigest()
    if file.exists():
        with np.load(file) as stored:
            if name in stored:
                return stored[name]
    outputs = distiller.teacher_outputs(texts)
    file.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(file) as partial, open(partial, "wb") as stream:
        np.savez(stream, **{name: outputs})
    return outputs


def _card(config, folder, student, metrics):
    shape = student.encoder.config
    bits = config.bits if isinstance(config.bits, dict) else {"weights": config.bits}
    rounded = ", ".join(f"{part} in {n} bits" for part, n in bits.items() if n)
    return CARD.format(
        name=folder.path.name,
        teacher=config.teacher,
        count=metrics["texts"],
        corpus=", ".join(config.corpus),
        student=f"{shape.num_hidden_layers} layers, {shape.hidden_size} wide"
        + (f"; {rounded}" if rounded else ""),
        epochs=config.epochs,
        batch_size=config.batch_size,
        rate=config.optimizer().learning_rate,
        table=metrics_table(metrics["validation"]) if "validation" in metrics else "",
    )
