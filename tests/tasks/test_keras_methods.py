"""What tasks share with `keras.Model` by name works in graphs and eagerly."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasbert
from kerasbert.tasks import TASKS, task_class
from kerasbert.text.tokenizer_layer import TokenizerLayer
from tests.tasks.test_before_training import EXAMPLES, SOURCE, TEXTS, made

# Of the methods of `keras.Model`: those that every task has, ...
OURS = {"compile", "evaluate", "export", "fit", "losses", "predict", "save"}
# ... and those that are the model's alone: task.model.train_on_batch.
MODELS = {"train_step", "train_on_batch", "add_weight", "quantize", "summary"}


def test_every_task_has_the_methods_that_are_tested():
    names = {name for name in dir(keras.Model) if not name.startswith("_")}
    for name in TASKS:
        task = task_class(name)
        shared = names & {one for one in dir(task) if not one.startswith("_")}
        assert shared - {"from_config"} == OURS, name  # of a model's config: Pretrainer
        assert not any(hasattr(task, one) for one in MODELS), name


@pytest.fixture
def eagerly():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run")
@pytest.mark.parametrize("name", EXAMPLES)
def test_functions_that_run_eagerly_train_and_test_alike(name, eagerly):
    task = made(name)
    inputs, targets = EXAMPLES[name]
    task.compile(kerasbert.Recipe(1e-3))
    history = task.fit(inputs, targets, epochs=1, batch_size=2, verbose=0).history
    found = task.evaluate(inputs, targets)
    assert np.isfinite([*history["loss"], found["loss"]]).all()
    answers = len(task.predict(inputs)) if name != "MaskedLM" else None
    assert answers in (None, len(inputs))

    tf.config.run_functions_eagerly(False)
    again = made(name)
    again.model.set_weights(task.model.get_weights())
    expected = again.evaluate(inputs, targets)
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-4)


def test_a_tokenizer_is_a_layer_with_the_methods_of_one(tmp_path):
    tokenizer = kerasbert.Tokenizer.from_pretrained(SOURCE)
    expected = tokenizer(tf.constant(TEXTS), max_length=8)
    layer = TokenizerLayer(tokenizer, max_length=8)
    clone = TokenizerLayer.from_config(layer.get_config())
    texts = tf.constant(TEXTS)
    called = [layer(texts), layer.call(texts), clone(texts)]
    for found in (*called, layer.stateless_call([], [], texts)[0]):
        keras.tree.map_structure(np.testing.assert_array_equal, found, expected)
    assert layer.weights == [] and layer.count_params() == 0 and not layer.trainable
    symbol = keras.KerasTensor((4,), "string")
    for method in (layer.compute_output_spec, layer.symbolic_call):
        assert {x.shape for x in method(symbol).values()} == {(4, None)}
    with pytest.raises(NotImplementedError):
        layer.compute_output_shape((4,))
    with pytest.raises(NotImplementedError):
        layer.add_metric()
    for mode in ("int8", "float8"):
        with pytest.raises(NotImplementedError):
            layer.quantize(mode)
    inputs = keras.Input((), dtype="string", name="text")
    model = keras.Model(inputs, tokenizer(inputs, max_length=8))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    keras.tree.map_structure(np.testing.assert_array_equal, loaded(texts), model(texts))
