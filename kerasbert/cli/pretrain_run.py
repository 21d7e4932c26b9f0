"""A run of `kerasbert pretrain`: documents, model, training and results.

With epochs, documents are in memory; with steps or hours they are tokenized to files,
so that they need not fit there.
"""

import contextlib
import functools
import pathlib
import sys
import tempfile
import warnings

import keras

from kerasbert.checkpoints.vocabulary import write_tokenizer
from kerasbert.cli.devices import on_devices
from kerasbert.cli.training_run import (
    callbacks_of,
    check_tensorboard,
    ended_well,
    metrics_table,
)
from kerasbert.config import AlbertConfig, BertConfig
from kerasbert.files import json_text, new_folder, read_json, write_json
from kerasbert.models.initialization import initialize_output_bias
from kerasbert.models.loading import read_source
from kerasbert.tasks.pretraining import Corpus, Pretrainer, train_tokenizer
from kerasbert.tasks.pretraining.corpus import checked_files
from kerasbert.tasks.pretraining.documents import read_documents
from kerasbert.tasks.pretraining.stream import steps_within, stream_of
from kerasbert.tasks.progress import TimeLeft
from kerasbert.text import Tokenizer
from kerasbert.training import Recipe
from kerasbert.training.fit import Run

__all__ = ["run"]

CARD = """\
# {name}

{start}, pretrained by kerasbert.

* corpus: {amount}, of {corpus}
* encoder: {encoder}
* learnt: masked tokens; pairs of segments: {pairs}
* {length}, of batches of {batch_size}; learning rate {rate}

{table}

All settings are in `config.yaml`, the course of the run is in `log.csv`, and the model
in `model/`.
"""


def run(config, folder, overwrite=False):
    """Runs or resumes a pretraining, writes the folder, and prints the metrics."""
    check_tensorboard(config)
    optimizer = Recipe(**config.recipe)
    train = _on_corpus if config.is_streamed else _on_documents
    with contextlib.ExitStack() as scope:
        metrics = train(config, folder, overwrite, optimizer, scope)
    print(json_text(metrics, indent=2))


def _on_documents(config, folder, overwrite, optimizer, scope):
    """Trains for epochs on documents in memory; returns the metrics."""
    documents = read_documents(config.corpus, config.skip_invalid)
    tested = None
    if config.validation is not None:
        tested = read_documents([config.validation], config.skip_invalid)
    folder.check(overwrite, config)
    keras.utils.set_random_seed(config.seed)
    pretrainer = _pretrainer(config, scope)
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
        history = _fit(
            *(pretrainer, documents, tested, config, folder, begin),
            epochs=config.epochs,
        )
        counts = {"documents": len(documents), "sequences": count}
        counts["epochs"] = config.epochs
        amount, length = f"{len(documents):,} documents", f"epochs: {config.epochs}"
        return _finish(
            config, folder, pretrainer, tested, history, counts, amount, length
        )


def _on_corpus(config, folder, overwrite, optimizer, scope):
    """Trains for steps on a corpus in files; returns the metrics."""
    checked_files([*config.corpus, *filter(None, [config.validation])])
    parts = None
    if overwrite and folder.config.exists():
        parts = _replacing_parts(config, folder, scope)
    else:
        folder.begin(config, overwrite)
    with ended_well(folder):
        parts = parts or _corpus_parts(config, folder.checkpoints, scope)
        corpus, tested, pretrainer = parts
        pretrainer.compile(optimizer)
        steps = _steps(config, folder, pretrainer, corpus)
        history = _fit(
            *(pretrainer, corpus, tested, config, folder),
            others=[TimeLeft()],
            steps=steps,
            validate_every=config.validate_every,
            **config.schedule(),
        )
        counts = {"documents": corpus.num_documents, "tokens": corpus.num_tokens}
        counts["steps"] = steps
        amount = f"{corpus.num_tokens:,} tokens in {corpus.num_documents:,} documents"
        length = f"steps: {steps:,}"
        return _finish(
            config, folder, pretrainer, tested, history, counts, amount, length
        )


def _replacing_parts(config, folder, scope):
    """Returns what `_corpus_parts` does; a run that is there stays until then."""
    folder.path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{folder.path.name}-", dir=folder.path.parent
    ) as beside:
        place = pathlib.Path(beside) / "checkpoints"
        corpus, tested, pretrainer = _corpus_parts(config, place, scope)
        folder.begin(config, overwrite=True)
        place.rename(folder.checkpoints)
    corpus = Corpus(folder.checkpoints / "corpus")
    if tested is not None:
        tested = Corpus(folder.checkpoints / "validation")
    return corpus, tested, pretrainer


def _corpus_parts(config, checkpoints, scope):
    """Returns corpus, held-out corpus or None, and pretrainer; checks them."""
    vocabulary = None
    if config.vocab_size is not None:
        vocabulary = checkpoints / "vocabulary"
        if not vocabulary.exists():
            kind = {"bert": "wordpiece", "albert": "sentencepiece"}[config.family]
            tokenizer = train_tokenizer(
                *(config.corpus, config.vocab_size, kind),
                skip_invalid=config.skip_invalid,
            )
            made = tokenizer.vocabulary_size
            few = "" if made == config.vocab_size else ": the text has no more pieces"
            print(f"run: a new vocabulary of {made:,} tokens{few}", file=sys.stderr)
            vocabulary.parent.mkdir(parents=True, exist_ok=True)
            with new_folder(vocabulary) as partial:
                write_tokenizer(tokenizer.config, partial, "huggingface")
    keras.utils.set_random_seed(config.seed)
    pretrainer = _pretrainer(config, scope, vocabulary)

    def corpus(name, files):
        files = files if isinstance(files, list) else [files]
        place = checkpoints / name
        tokenizer = pretrainer.tokenizer
        return Corpus.write(place, files, tokenizer, config.words, config.skip_invalid)

    checkpoints.mkdir(parents=True, exist_ok=True)
    train = corpus("corpus", config.corpus)
    if config.model is None and config.initialization == "local":
        counts = train.token_counts(pretrainer.encoder.config.vocab_size)
        initialize_output_bias(pretrainer.model, counts)
    steps = config.steps or config.validate_every  # those of hours are not known yet
    stream_of(pretrainer, train, steps=steps, **config.schedule()).check(
        config.batch_size
    )
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


def _pretrainer(config, scope, vocabulary=None):
    """Returns the pretrainer of a config, whose devices are used until `scope` ends.

    `vocabulary` is a folder.
    """
    if config.model is None:
        pretrainer = _new(config, scope, vocabulary)
    else:
        pretrainer = _continued(config, scope)
    if config.rematerialize:
        pretrainer.encoder.rematerialize()
    return pretrainer


def _continued(config, scope):
    """Returns the pretrainer of a model with weights."""
    if config.architecture or config.initialization != "normal":
        warnings.warn(
            f"{config.model} has an architecture and weights of its own; what the "
            f"settings say of them ({config.family}) is not used.",
            stacklevel=2,
        )
    scope.enter_context(
        on_devices(config.devices, lambda: read_source(config.model).config)
    )
    return Pretrainer.from_pretrained(config.model, **config.task_options())


def _new(config, scope, vocabulary):
    """Returns a pretrainer with random weights."""
    tokenizer = Tokenizer.from_pretrained(vocabulary or config.vocabulary)
    kind = {"bert": BertConfig, "albert": AlbertConfig}[config.family]
    settings = {"vocab_size": tokenizer.vocabulary_size, **config.architecture}
    try:
        shape = kind(**settings)
    except TypeError as error:
        raise ValueError(
            f"The architecture does not fit {config.family}: {error}."
        ) from None
    scope.enter_context(on_devices(config.devices, lambda: shape))
    options = config.task_options() | {"initialization": config.initialization}
    return Pretrainer.from_config(shape, tokenizer, seed=config.seed, **options)


def _fit(pretrainer, data, tested, config, folder, begin=None, others=(), **options):
    run = Run(
        folder.checkpoints, config.save_every, begin=begin, announce=folder.announce
    )
    with callbacks_of(folder, config.tensorboard, others) as callbacks:
        history = pretrainer.fit(
            data,
            validation_data=tested,
            checkpoints=run,
            batch_size=config.batch_size,
            seed=config.seed,
            callbacks=callbacks,
            verbose=0,
            **options,
        )
    return history.history


def _finish(config, folder, pretrainer, tested, history, counts, amount, length):
    """Writes model, metrics and card; returns the metrics."""
    pretrainer.save(folder.model, overwrite=True)
    train = {
        name: float(values[-1])
        for name, values in history.items()
        if not name.startswith("val_")
    }
    metrics = {**counts, "train": train}
    if tested is not None:
        found = pretrainer.evaluate(tested, batch_size=config.batch_size)
        metrics["validation"] = {name: float(value) for name, value in found.items()}
    card = CARD.format(
        name=folder.path.name,
        start=config.model or f"A new {config.family} with random weights",
        amount=amount,
        corpus=", ".join(config.corpus),
        encoder=pretrainer.facts()["encoder"],
        pairs=config.pair_task,
        length=length,
        batch_size=config.batch_size,
        rate=Recipe(**config.recipe).learning_rate,
        table=metrics_table(metrics.get("validation", train)),
    )
    folder.finish(metrics, card)
    return metrics
