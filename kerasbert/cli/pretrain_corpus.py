"""A run of `kerasbert pretrain` on a corpus that need not fit into memory."""

import sys

import keras

from kerasbert.checkpoints.vocabulary import write_tokenizer
from kerasbert.cli.finetune_run import closed_log, ended_well
from kerasbert.cli.pretrain_run import check_tensorboard, new_pretrainer
from kerasbert.files import json_text, new_folder, read_json, write_json
from kerasbert.tasks.pretraining import Corpus, train_tokenizer
from kerasbert.tasks.pretraining.stream import steps_within, stream_of
from kerasbert.tasks.progress import EpochBars, TimeLeft
from kerasbert.training import Recipe
from kerasbert.training.fit import Run

__all__ = ["run"]

CARD = """\
# {name}

{start}, pretrained by kerasbert.

* corpus: {tokens:,} tokens in {count:,} documents, of {corpus}
* encoder: {encoder}
* learnt: masked tokens; pairs of segments: {pairs}
* steps: {steps:,}, of batches of {batch_size}; learning rate {rate}

{table}

All settings are in `config.yaml`, the course of the run is in `log.csv`, and the model
in `model/`.
"""


def run(config, folder, overwrite=False):
    """Runs or resumes a pretraining, writes the folder, and prints the metrics."""
    check_tensorboard(config)
    optimizer = Recipe(**config.recipe)
    folder.begin(config, overwrite)
    with ended_well(folder):
        corpus, tested, pretrainer = _parts(config, folder)
        pretrainer.compile(optimizer)
        steps = _steps(config, folder, pretrainer, corpus)
        history = _fit(pretrainer, corpus, tested, steps, config, folder)
        pretrainer.save(folder.model, overwrite=True)
        metrics = {
            "documents": corpus.num_documents,
            "tokens": corpus.num_tokens,
            "steps": steps,
            "train": {
                name: float(values[-1])
                for name, values in history.items()
                if not name.startswith("val_")
            },
        }
        if tested is not None:
            found = pretrainer.evaluate(tested, batch_size=config.batch_size)
            metrics["validation"] = {n: float(value) for n, value in found.items()}
        folder.finish(metrics, _card(config, pretrainer, metrics, folder))
    print(json_text(metrics, indent=2))


def _parts(config, folder):
    """Returns corpus, held-out corpus or None, and pretrainer; checks them."""
    vocabulary = None
    if config.vocab_size is not None:
        vocabulary = folder.checkpoints / "vocabulary"
        if not vocabulary.exists():
            kind = {"bert": "wordpiece", "albert": "sentencepiece"}[config.family]
            tokenizer = train_tokenizer(
                *(config.corpus, config.vocab_size, kind),
                skip_invalid=config.skip_invalid,
            )
            vocabulary.parent.mkdir(parents=True, exist_ok=True)
            with new_folder(vocabulary) as partial:
                write_tokenizer(tokenizer.config, partial, "huggingface")
    keras.utils.set_random_seed(config.seed)
    pretrainer = new_pretrainer(config, vocabulary)

    def corpus(name, files):
        files = files if isinstance(files, list) else [files]
        place = folder.checkpoints / name
        tokenizer = pretrainer.tokenizer
        return Corpus.write(place, files, tokenizer, config.words, config.skip_invalid)

    folder.checkpoints.mkdir(parents=True, exist_ok=True)
    train = corpus("corpus", config.corpus)
    stream_of(pretrainer, train).step(0, config.batch_size, 0)
    tested = None
    if config.validation is not None:
        tested = corpus("validation", config.validation)
    return train, tested, pretrainer


def _steps(config, folder, pretrainer, corpus):
    """Returns the number of steps; for a time it is estimated once."""
    if config.steps is not None:
        return config.steps
    file = folder.checkpoints / "steps.json"
    if not file.exists():
        seconds = config.hours * 3600
        steps = steps_within(seconds, pretrainer, corpus, config.batch_size)
        every = config.validate_every
        steps = steps // every * every or steps
        print(f"run: {config.hours:g} hours are about {steps} steps", file=sys.stderr)
        write_json(file, {"steps": steps})
    return read_json(file)["steps"]


def _fit(pretrainer, corpus, tested, steps, config, folder):
    log = keras.callbacks.CSVLogger(folder.log, append=True)
    callbacks = [log, TimeLeft()]
    if config.tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(folder.tensorboard))
    run = Run(folder.checkpoints, config.save_every, announce=folder.announce)
    with closed_log(log), EpochBars() as bars:
        history = pretrainer.fit(
            corpus,
            validation_data=tested,
            checkpoints=run,
            steps=steps,
            validate_every=config.validate_every,
            batch_size=config.batch_size,
            batch_ramp=config.batch_ramp,
            first_mask_rate=config.first_mask_rate,
            seed=config.seed,
            callbacks=[*callbacks, bars],
            verbose=0,
        )
    return history.history


def _card(config, pretrainer, metrics, folder):
    rows = [("metric", "value"), ("---", "---")]
    shown = metrics.get("validation", metrics["train"])
    rows += [(name, f"{value:.4f}") for name, value in shown.items()]
    return CARD.format(
        name=folder.path.name,
        start=config.model or f"A new {config.family} with random weights",
        tokens=metrics["tokens"],
        count=metrics["documents"],
        corpus=", ".join(config.corpus),
        encoder=pretrainer.facts()["encoder"],
        pairs=config.pair_task,
        steps=metrics["steps"],
        batch_size=config.batch_size,
        rate=Recipe(**config.recipe).learning_rate,
        table="\n".join(f"| {' | '.join(row)} |" for row in rows),
    )
