"""Trains tiny models on one device, and on several; prints how far weights differ."""

import json
import os
import sys

import keras
import numpy as np

import kerasbert
from kerasbert.models import PretrainingModel, SequenceClassificationModel
from kerasbert.training import EncodedExamples, Recipe, Validation, layout_map
from kerasbert.training.distribution import whole_array
from kerasbert.training.fit import Run, fit
from tests.training import toy
from tests.training.killed import KillAfter

SIZES = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 16,
}
BATCH = 8
ROWS = 21  # the last batch is of five, which no two devices share


def config_of(family):
    if family == "albert":
        layers = {"num_hidden_layers": 2, "embedding_size": 8}  # of the same weights
        return kerasbert.AlbertConfig(**SIZES, **layers)
    return kerasbert.BertConfig(**SIZES, num_hidden_layers=1)


def features(task, rows=ROWS):
    random = np.random.default_rng(0)
    lengths = random.integers(5, 15, rows)
    tokens = [random.integers(5, 64, length).astype("int32") for length in lengths]
    inputs = {"token_ids": tokens, "segment_ids": [row * 0 for row in tokens]}
    labels = np.array([row[1] % 2 for row in tokens], "int32")
    if task == "classify":
        return EncodedExamples(inputs, {"logits": labels})
    places = [np.arange(1, 2 + len(row) // 5, dtype="int32") for row in tokens]
    targets = [row[at] for row, at in zip(tokens, places, strict=True)]
    return EncodedExamples(
        {**inputs, "masked_positions": places},
        {"mlm_logits": targets, "pair_logits": labels},
    )


def new_model(task, family):
    keras.utils.set_random_seed(0)
    classes = {"bert": kerasbert.BertEncoder, "albert": kerasbert.AlbertEncoder}
    encoder = classes[family](config_of(family))
    if task == "classify":
        return SequenceClassificationModel(encoder, 2, dropout=0.1)
    return PretrainingModel(encoder)


def arguments(task):
    if task == "classify":
        return toy.arguments(Recipe(1e-2), metrics={"logits": ["accuracy"]})
    crossentropy = keras.losses.SparseCategoricalCrossentropy
    losses = {
        "mlm_logits": crossentropy(from_logits=True, ignore_class=-1),
        "pair_logits": crossentropy(from_logits=True),
    }
    return {"optimizer": Recipe(1e-2, accumulation=2), "loss": losses}


def train(task, family, distribution=None, epochs=2, **options):
    """Returns the model and the logs of a training."""
    keras.distribution.set_distribution(distribution)
    model = new_model(task, family)
    options = {"batch_size": BATCH, "verbose": 0, **options}
    data = features(task)
    options["validation"] = Validation(data)
    report = fit(model, data, arguments(task), epochs=epochs, **options)
    return model, report.history


def distribution_of(name, family="bert"):
    if name == "data":
        return keras.distribution.DataParallel()
    count = len(keras.distribution.list_devices())
    mesh = keras.distribution.DeviceMesh((2, count // 2), ("batch", "model"))
    layouts = layout_map(config_of(family), mesh)
    return keras.distribution.ModelParallel(layout_map=layouts, batch_dim_name="batch")


def difference(task, family, names):
    """Returns the largest differences of weights and validation from one device's."""
    alone, logs = train(task, family)
    found = {}
    for name in names:
        model, own = train(task, family, distribution_of(name, family))
        pairs = zip(alone.weights, model.weights, strict=True)
        # Softmax does not see the bias of the keys, whose gradient is rounding.
        weights = [
            float(np.abs(np.asarray(one) - np.asarray(two)).max())
            for one, two in pairs
            if "key/bias" not in one.path
        ]
        validation = [
            abs(one - two)
            for key in logs
            if key.startswith("val_")
            for one, two in zip(logs[key], own[key], strict=True)
        ]
        kernel = model.encoder.blocks[0].attention.query_dense.kernel.value
        shape = kernel.addressable_shards[0].data.shape
        found[name] = {
            "weights": max(weights),
            "validation": max(validation),
            "kernel": list(shape),
        }
    return found


class Exit(KillAfter):
    """Ends the process in a step, as a signal would."""

    def end(self):
        os._exit(9)


def one_of_processes(name, address, count, number, folder, batches):
    """Trains in one of several processes, and compares with a training alone."""
    keras.distribution.initialize(address, int(count), int(number))
    distribution = distribution_of(name)
    run = Run(folder, every=1)
    model, own = train(
        *("classify", "bert", distribution),
        run=run,
        callbacks=[Exit(int(batches))] if int(batches) else [],
    )
    weights = [whole_array(weight) for weight in model.weights]
    alone, logs = train("classify", "bert")
    return {
        "weights": max(
            float(np.abs(np.asarray(one) - two).max())
            for one, two in zip(alone.weights, weights, strict=True)
            if "key/bias" not in one.path
        ),
        "validation": abs(logs["val_loss"][-1] - own["val_loss"][-1]),
        "devices": distribution.device_mesh.devices.size,
    }


if __name__ == "__main__":
    task = {"compare": difference, "process": one_of_processes}[sys.argv[1]]
    arguments_given = sys.argv[2:]
    if task is difference:
        arguments_given = [*arguments_given[:2], arguments_given[2:]]
    print(json.dumps(task(*arguments_given)))
