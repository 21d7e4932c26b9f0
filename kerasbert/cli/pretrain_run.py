"""A run of `kerasbert pretrain`: documents, model, training and results."""

import functools
import importlib.util

import keras

from kerasbert.cli.finetune_run import closed_log, ended_well
from kerasbert.config import AlbertConfig, BertConfig
from kerasbert.files import json_text
from kerasbert.tasks.pretraining import Pretrainer
from kerasbert.tasks.pretraining.documents import read_documents
from kerasbert.tasks.progress import EpochBars
from kerasbert.text import Tokenizer
from kerasbert.training import Recipe
from kerasbert.training.fit import Run

__all__ = ["check_tensorboard", "new_pretrainer", "run"]

CARD = """\
# {name}

{start}, pretrained by kerasbert.

* corpus: {count:,} documents, of {corpus}
* encoder: {encoder}
* learnt: masked tokens; pairs of segments: {pairs}
* epochs: {epochs}, of batches of {batch_size}; learning rate {rate}

{table}

All settings are in `config.yaml`, the course of the run is in `log.csv`, and the model
in `model/`.
"""


def run(config, folder, overwrite=False):
    """Runs or resumes a pretraining, writes the folder, and prints the metrics."""
    check_tensorboard(config)
    optimizer = Recipe(**config.recipe)
    documents = read_documents(config.corpus, config.skip_invalid)
    tested = None
    if config.validation is not None:
        tested = read_documents([config.validation], config.skip_invalid)
    folder.check(overwrite, config)
    keras.utils.set_random_seed(config.seed)
    pretrainer = new_pretrainer(config)
    count = len(pretrainer.features(documents))
    if count < config.batch_size:
        raise ValueError(
            f"Expected a corpus of {config.batch_size} sequences, a batch, got "
            f"{count} in {len(documents)} documents. Give more text, or a smaller "
            "--batch-size."
        )
    pretrainer.compile(optimizer)
    begin = functools.partial(folder.begin, config, overwrite)
    with ended_well(folder):
        history = _fit(pretrainer, documents, tested, config, folder, begin)
        pretrainer.save(folder.model, overwrite=True)
        metrics = {
            "documents": len(documents),
            "sequences": count,
            "epochs": config.epochs,
            "train": {
                name: float(values[-1])
                for name, values in history.items()
                if not name.startswith("val_")
            },
        }
        if tested is not None:
            found = pretrainer.evaluate(tested, batch_size=config.batch_size)
            metrics["validation"] = {n: float(value) for n, value in found.items()}
        folder.finish(metrics, _card(config, folder, pretrainer, metrics))
    print(json_text(metrics, indent=2))


def check_tensorboard(config):
    """Raises an `ImportError` if logs are wanted that cannot be written."""
    if config.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise ImportError(
            "Expected the package tensorboard, which writes its logs. Install: "
            "pip install 'kerasbert[tensorboard]'"
        )


def new_pretrainer(config, vocabulary=None):
    """Returns the pretrainer of a config; `vocabulary` is a folder."""
    options = config.task_options()
    if config.model is not None:
        return Pretrainer.from_pretrained(config.model, **options)
    tokenizer = Tokenizer.from_pretrained(vocabulary or config.vocabulary)
    kind = {"bert": BertConfig, "albert": AlbertConfig}[config.family]
    settings = {"vocab_size": tokenizer.vocabulary_size, **config.architecture}
    try:
        shape = kind(**settings)
    except TypeError as error:
        raise ValueError(
            f"The architecture does not fit {config.family}: {error}."
        ) from None
    return Pretrainer.from_config(shape, tokenizer, seed=config.seed, **options)


def _fit(pretrainer, documents, tested, config, folder, begin):
    log = keras.callbacks.CSVLogger(folder.log, append=True)
    run = Run(
        folder.checkpoints, config.save_every, begin=begin, announce=folder.announce
    )
    callbacks = [log]
    if config.tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(folder.tensorboard))
    with closed_log(log), EpochBars() as bars:
        history = pretrainer.fit(
            documents,
            validation_data=tested,
            checkpoints=run,
            epochs=config.epochs,
            batch_size=config.batch_size,
            seed=config.seed,
            callbacks=[*callbacks, bars],
            verbose=0,
        )
    return history.history


def _card(config, folder, pretrainer, metrics):
    rows = [("metric", "value"), ("---", "---")]
    shown = metrics.get("validation", metrics["train"])
    rows += [(name, f"{value:.4f}") for name, value in shown.items()]
    return CARD.format(
        name=folder.path.name,
        start=config.model or f"A new {config.family} with random weights",
        count=metrics["documents"],
        corpus=", ".join(config.corpus),
        encoder=pretrainer.facts()["encoder"],
        pairs=config.pair_task,
        epochs=config.epochs,
        batch_size=config.batch_size,
        rate=Recipe(**config.recipe).learning_rate,
        table="\n".join(f"| {' | '.join(row)} |" for row in rows),
    )
