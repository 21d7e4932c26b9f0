"""Gradients of every head, and steps of AdamW, against those of torch."""

import pathlib

import keras
import numpy as np
import pytest

from kerasbert import models
from kerasbert.checkpoints.names import rows_in
from kerasbert.models.loading import variables_of
from kerasbert.training import IGNORED, Recipe
from kerasbert.training.similarity_losses import CosineSimilarityLoss

tf = pytest.importorskip("tensorflow")

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
TOLERANCE = 1e-5  # of the norm of a gradient

# A gradient that is 0 but for rounding, that of a bias which a softmax does not see
# (of keys, of spans), has no direction: it is measured by the norm of all gradients.
NOTHING = 1e-7

CROSSENTROPY = keras.losses.SparseCategoricalCrossentropy(
    from_logits=True, ignore_class=IGNORED
)


def sentence_model(encoder):
    return models.SentenceEmbeddingModel(encoder, ["mean"])


def span_loss(targets, outputs):
    parts = zip(
        targets.T, (outputs["start_logits"], outputs["end_logits"]), strict=True
    )
    return sum(CROSSENTROPY(target, logits) for target, logits in parts) / 2


HEADS = {
    "sequence_classification": (
        models.SequenceClassificationModel,
        lambda targets, outputs: CROSSENTROPY(targets, outputs["logits"]),
    ),
    "regression": (
        models.SequenceClassificationModel,
        lambda targets, outputs: keras.losses.MeanSquaredError()(
            targets, outputs["logits"]
        ),
    ),
    "token_classification": (
        models.TokenClassificationModel,
        lambda targets, outputs: CROSSENTROPY(targets, outputs["logits"]),
    ),
    "question_answering": (models.QuestionAnsweringModel, span_loss),
    "masked_lm": (
        models.MaskedLMModel,
        lambda targets, outputs: CROSSENTROPY(targets, outputs["mlm_logits"]),
    ),
    "bare": (
        models.Encoder,
        lambda targets, outputs: CosineSimilarityLoss()(targets, outputs["embedding"]),
    ),
}
NAMES = [
    *(f"bert_{head}" for head in HEADS),
    *(f"albert_{head}" for head in HEADS if head != "regression"),
]


@pytest.fixture(scope="module")
def expected():
    with np.load(FIXTURES / "gradients.npz") as arrays:
        return dict(arrays)


def under(arrays, name):
    prefix = f"{name}/"
    return {
        key.removeprefix(prefix): value
        for key, value in arrays.items()
        if key.startswith(prefix)
    }


def gradients_of(name, expected):
    """Our loss, and our gradients by the names of transformers, as it has them."""
    kind, _, head = name.partition("_")
    model_class, loss_of = HEADS[head]
    model = model_class.from_pretrained(FIXTURES / name / "huggingface")
    if head == "bare":
        model = sentence_model(model)
    inputs = {
        key: expected[key] for key in ("token_ids", "segment_ids", "padding_mask")
    }
    if head == "masked_lm":
        count = len(inputs["token_ids"])
        inputs["masked_positions"] = np.array([[1, 2]] * count, "int32")

    ids = {id(variable) for variable in model.trainable_weights}
    trained = {p: v for p, v in variables_of(model).items() if id(v) in ids}
    with tf.GradientTape() as tape:
        loss = loss_of(expected["targets"], model(inputs))
    found = tape.gradient(loss, [variable.value for variable in trained.values()])
    by_path = {
        path: tf.convert_to_tensor(gradient).numpy()
        for path, gradient in zip(trained, found, strict=True)
    }
    heads_count = model.config.num_attention_heads
    return float(loss), {
        row.theirs: row.transform.save(by_path[row.ours], heads_count)
        for row in rows_in(model.config, "huggingface")
        if row.ours in by_path
    }


def named(gradients, name):
    """The gradient of a parameter, whose name may begin with that of the encoder."""
    return gradients[name.removeprefix("bert.").removeprefix("albert.")]


@pytest.mark.parametrize("name", NAMES)
def test_the_gradients_of_a_head_are_those_of_torch(name, expected):
    expected = under(expected, name)
    loss, found = gradients_of(name, expected)
    assert loss == pytest.approx(expected["loss"], rel=1e-6)

    norms, whole = under(expected, "norm"), under(expected, "whole")
    total = np.sqrt(sum(norm**2 for norm in norms.values()))
    assert len(norms) == len(found) and len(whole) >= 3
    for parameter, norm in norms.items():
        ours = np.linalg.norm(named(found, parameter).astype("float64"))
        assert abs(ours - norm) <= TOLERANCE * norm + NOTHING * total, parameter
    for parameter, gradient in whole.items():
        error = np.linalg.norm(named(found, parameter) - gradient)
        limit = TOLERANCE * np.linalg.norm(gradient) + NOTHING * total
        assert error <= limit, parameter


def test_steps_of_the_recipe_are_those_of_torch(expected):
    """Clipping, decay of the kernel alone, warm-up and linear decay.

    TensorFlow computes 1 - 0.999 ** t in float32, torch in float64: a step differs by
    up to 3e-5 of it, here 3e-6.
    """
    expected = under(expected, "adamw")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    kernel, bias = model.trainable_variables
    kernel.assign(expected["kernel"][0])
    bias.assign(expected["bias"][0])
    steps = len(expected["kernel_gradients"])
    recipe = Recipe(learning_rate=0.1, warmup=0.5, weight_decay=0.1, clip_norm=1.0)
    optimizer = recipe.optimizer(model, steps)
    for step in range(steps):
        gradients = [
            tf.constant(expected[f"{name}_gradients"][step], tf.float32)
            for name in ("kernel", "bias")
        ]
        optimizer.apply(gradients, model.trainable_variables)
        for name, variable in (("kernel", kernel), ("bias", bias)):
            wanted = expected[name][step + 1]
            np.testing.assert_allclose(variable.numpy(), wanted, atol=3e-6)
    assert np.abs(expected["kernel"][1] - expected["kernel"][0]).max() == 0  # warm-up
