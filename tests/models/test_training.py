import keras
import numpy as np
import pytest

from kerasbert import models
from tests import harness
from tests.harness import numpy
from tests.models import tiny

ON_JAX = keras.backend.backend() == "jax"
LOSS = {"logits": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}


def classifier(encoder):
    return models.SequenceClassificationModel(encoder, 2, dropout=0.0)


def train(model, epochs=20, learning_rate=0.02, jit_compile=ON_JAX, **kwargs):
    """The loss on the toy task before and after training."""
    inputs, labels = tiny.toy_task()
    model.compile(
        keras.optimizers.Adam(learning_rate), LOSS, jit_compile=jit_compile, **kwargs
    )
    history = model.fit(inputs, {"logits": labels}, 64, epochs, verbose=0)
    losses = history.history["loss"]
    assert np.isfinite(losses).all()
    return losses[0], losses[-1]


GRAPH = pytest.param(
    tiny.bert, False, marks=pytest.mark.skipif(ON_JAX, reason="no graphs there")
)


@pytest.mark.parametrize(
    "make, jit_compile",
    [GRAPH, (tiny.bert, True), (tiny.albert, ON_JAX)],
    ids=["BERT", "BERT, XLA", "ALBERT"],
)
def test_fit_learns_the_toy_task(make, jit_compile):
    model = classifier(make(num_hidden_layers=1, hidden_dropout_prob=0.0))
    first, last = train(model, jit_compile=jit_compile)
    assert last < 0.5 * first


@pytest.mark.slow
@pytest.mark.parametrize("dtype", harness.HALF_PRECISION)
def test_fit_learns_the_toy_task_in_half_precision(dtype):
    model = classifier(tiny.bert(dtype, num_hidden_layers=1, hidden_dropout_prob=0.0))
    first, last = train(model)
    assert last < 0.5 * first
    assert {v.dtype for v in model.trainable_variables} == {"float32"}


def test_lora_trains_its_own_variables_alone():
    encoder = tiny.bert(num_hidden_layers=1, hidden_dropout_prob=0.0)
    outputs = numpy(encoder(tiny.INPUTS))
    encoder.enable_lora(rank=2)
    names = sorted(variable.path for variable in encoder.trainable_variables)
    assert names == [
        f"layer_0/attention/{target}/lora_kernel_{side}"
        for target in ("query", "value")
        for side in "ab"
    ]
    for out, ref in zip(
        harness.flat(encoder(tiny.INPUTS)), harness.flat(outputs), strict=True
    ):
        np.testing.assert_array_equal(out, ref)  # the updates begin as zeros

    model = classifier(encoder)
    frozen = {v.path: numpy(v) for v in encoder.non_trainable_variables}
    first, last = train(model, learning_rate=0.05)
    assert last < 0.7 * first
    for variable in encoder.non_trainable_variables:
        if "seed" not in variable.path:
            np.testing.assert_array_equal(numpy(variable), frozen[variable.path])
    assert any(np.abs(numpy(v)).max() > 0 for v in encoder.trainable_variables)


def test_lora_of_shared_layers_is_added_once():
    encoder = tiny.albert(num_hidden_layers=3)
    encoder.enable_lora(rank=1, targets=("query", "key", "value", "output"))
    assert len(encoder.trainable_variables) == 8


def test_frozen_layers_keep_their_weights_in_training():
    encoder = tiny.bert(hidden_dropout_prob=0.0)
    encoder.embeddings.trainable = False
    encoder.blocks[0].trainable = False
    before = {v.path: numpy(v) for v in encoder.variables if "seed" not in v.path}
    train(classifier(encoder), epochs=1, run_eagerly=not ON_JAX)
    for variable in encoder.variables:
        if variable.path not in before:
            continue
        part = variable.path.split("/")[0]
        same = np.array_equal(numpy(variable), before[variable.path])
        if part in ("embeddings", "layer_0"):
            assert same, variable.path
        elif variable.path.endswith("kernel"):
            assert not same, variable.path


def test_dropout_makes_training_random_and_prediction_not():
    encoder = tiny.bert(hidden_dropout_prob=0.5)
    one, two = (numpy(encoder(tiny.INPUTS, training=True)) for _ in range(2))
    assert np.abs(one["sequence_output"] - two["sequence_output"]).max() > 0.1
    one, two = (numpy(encoder(tiny.INPUTS)) for _ in range(2))
    np.testing.assert_array_equal(one["sequence_output"], two["sequence_output"])


def test_predict_gives_what_a_call_gives():
    encoder = tiny.bert(num_hidden_layers=1)
    predicted = encoder.predict(tiny.INPUTS, batch_size=3, verbose=0)
    for out, ref in zip(
        keras.tree.flatten(predicted), harness.flat(encoder(tiny.INPUTS)), strict=True
    ):
        rows = tiny.REAL
        np.testing.assert_allclose(out[rows], ref[rows], rtol=1e-5, atol=5e-6)


def test_a_model_that_does_not_use_the_pooler_stands_on_the_encoder_without_it():
    encoder = tiny.bert(num_hidden_layers=1)
    model = models.TokenClassificationModel(encoder, 2)
    assert model.encoder.pooler is None and "pooled_output" not in model.encoder.output
    inputs, labels = tiny.toy_task()
    model.compile("adam", LOSS, jit_compile=ON_JAX)
    before = [numpy(v) for v in encoder.pooler.variables]
    kernel = numpy(encoder.blocks[0].attention.query_dense.kernel)
    tags = np.repeat(labels[:, None], inputs["token_ids"].shape[1], axis=1)
    model.fit(inputs, {"logits": tags}, 64, verbose=0)  # a warning would be an error
    for variable, values in zip(encoder.pooler.variables, before, strict=True):
        np.testing.assert_array_equal(numpy(variable), values)
    trained = numpy(encoder.blocks[0].attention.query_dense.kernel)
    assert np.abs(trained - kernel).max() > 0  # the layers are shared


def test_a_model_that_uses_the_pooler_refuses_an_encoder_without_it():
    encoder = tiny.bert(num_hidden_layers=1).without_pooler()
    with pytest.raises(ValueError, match="add_pooler=True"):
        models.SequenceClassificationModel(encoder, 2)


@pytest.mark.parametrize(
    "model_class, arguments",
    [
        (models.TokenClassificationModel, {"labels": 2}),
        (models.QuestionAnsweringModel, {}),
        (models.SentenceEmbeddingModel, {}),
        (models.MaskedLMModel, {}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_variable_is_trainable_or_not(model_class, arguments):
    model = model_class(tiny.bert(num_hidden_layers=1), **arguments)
    assert not any("pooler" in variable.path for variable in model.variables)
    for both, every in (
        ([*model.trainable_weights, *model.non_trainable_weights], model.weights),
        ([*model.trainable_variables, *model.non_trainable_variables], model.variables),
    ):
        assert sorted(map(id, both)) == sorted(map(id, every))


def test_rematerialization_changes_no_step():
    """With dropout, whose seeds go on as without."""
    weights = []
    for rematerializes in (False, True):
        keras.utils.set_random_seed(0)
        encoder = tiny.bert(num_hidden_layers=1, hidden_dropout_prob=0.2)
        if rematerializes:
            encoder.rematerialize()
        model = classifier(encoder)
        train(model, epochs=2, learning_rate=0.01)
        weights.append([numpy(weight) for weight in model.weights])
    for one, two in zip(*weights, strict=True):
        np.testing.assert_allclose(two, one, 0, 1e-5)


@pytest.mark.skipif(not ON_JAX, reason="TensorFlow does not tell what a tape stores")
def test_rematerialization_stores_what_enters_blocks():
    import jax

    stored = []
    for rematerializes in (False, True):
        encoder = tiny.bert(num_hidden_layers=4)
        if rematerializes:
            encoder.rematerialize()
        trained = [v.value for v in encoder.trainable_variables]
        others = [v.value for v in encoder.non_trainable_variables]

        def loss(trained, encoder=encoder, others=others):
            outputs, _ = encoder.stateless_call(
                trained, others, tiny.INPUTS, training=True
            )
            return outputs["sequence_output"].sum()

        shapes = jax.eval_shape(lambda t, f=loss: jax.vjp(f, t)[1], trained)
        stored.append(sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(shapes)))
    assert stored[1] < 0.5 * stored[0], stored
