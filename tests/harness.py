"""Properties that every layer and every model has, written once.

A `Case` says how to make a layer and how to call it on `BATCH`. `tests/layers` and
`tests/models` list the cases and apply every function named `check_...` to each.
One row of the batch is all padding, and all that comes of it must be finite.
"""

import dataclasses
import functools
import json
from collections.abc import Callable

import keras
import numpy as np

B, S, D, V = 4, 7, 8, 11
LENGTHS = np.array([7, 4, 2, 0])  # the last row is all padding
HALF_PRECISION = {"mixed_float16": 0.01, "mixed_bfloat16": 0.05}  # relative error


@dataclasses.dataclass(frozen=True)
class Case:
    """A layer or model under test."""

    make: Callable  # (dtype) -> layer
    call: Callable  # (layer, batch) -> tensors
    inputs: tuple  # the names of what `call` takes from the batch


def make_batch():
    rng = np.random.default_rng(0)
    mask = (np.arange(S) < LENGTHS[:, None]).astype("int32")
    return {
        "hidden_states": rng.normal(size=(B, S, D)).astype("float32"),
        "encoder_states": rng.normal(size=(B, S, D)).astype("float32"),
        "token_ids": rng.integers(1, V, (B, S)).astype("int32") * mask,
        "segment_ids": rng.integers(0, 2, (B, S)).astype("int32") * mask,
        "padding_mask": mask,
        "decoder_token_ids": rng.integers(1, V, (B, S - 2)).astype("int32"),
        "encoder_mask": mask,
        "pixel_values": rng.normal(size=(B, 8, 8, 1)).astype("float32"),
        "masked_positions": np.array([[1, 5], [3, 0], [0, 1], [0, 0]], "int32"),
    }


BATCH = make_batch()


def numpy(tensors):
    return keras.tree.map_structure(keras.ops.convert_to_numpy, tensors)


def flat(tensors):
    return [np.asarray(x, "float64") for x in keras.tree.flatten(numpy(tensors))]


def batch_of(case):
    return {name: BATCH[name] for name in case.inputs}


def randomise(layer, seed=0, scale=0.25):
    """Weights that matter: no zeros, no ones, nothing nearly uniform."""
    rng = np.random.default_rng(seed)
    for variable in layer.variables:
        if variable.dtype == "float32":
            variable.assign(rng.normal(0.0, scale, variable.shape))
            if variable.name == "gamma":
                variable.assign_add(keras.ops.ones(variable.shape))
    return layer


@functools.cache
def built(case, dtype="float32"):
    """The case's layer with random weights, the same ones under every policy."""
    layer = case.make(dtype)
    case.call(layer, batch_of(case))
    return randomise(layer)


@functools.cache
def expected(case):
    return flat(case.call(built(case), batch_of(case)))


def functional_model(case, layer):
    inputs = {
        name: keras.Input(
            (None, *BATCH[name].shape[2:]), dtype=BATCH[name].dtype, name=name
        )
        for name in case.inputs
    }
    return keras.Model(inputs, case.call(layer, inputs))


def compiled(function):
    """The forms in which the backend may run a function of a batch."""
    if keras.backend.backend() == "jax":
        import jax

        return {"jit": jax.jit(function)}
    import tensorflow as tf

    return {
        "graph": tf.function(function),
        "XLA": tf.function(function, jit_compile=True),
    }


def gradients(layer, loss):
    """The gradients of `loss()` for the layer's trainable variables."""
    variables = layer.trainable_variables
    if keras.backend.backend() == "jax":
        import jax

        def loss_of(values):
            with keras.StatelessScope(zip(variables, values, strict=True)):
                return loss()

        return jax.grad(loss_of)([variable.value for variable in variables])
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = loss()
    found = tape.gradient(value, [variable.value for variable in variables])
    return [
        tf.convert_to_tensor(gradient) for gradient in found if gradient is not None
    ]


# === The properties ===


def check_config_makes_the_same_layer(case):
    layer = built(case)
    config = json.loads(json.dumps(layer.get_config()))
    clone = type(layer).from_config(config)
    case.call(clone, batch_of(case))
    clone.set_weights(layer.get_weights())
    for out, ref in zip(
        flat(case.call(clone, batch_of(case))), expected(case), strict=True
    ):
        np.testing.assert_array_equal(out, ref)
    assert clone.get_config() == layer.get_config()


def check_keras_file_keeps_every_bit(case, folder):
    model = functional_model(case, built(case))
    model.save(folder / "model.keras")
    loaded = keras.models.load_model(folder / "model.keras")
    batch = batch_of(case)
    for out, ref in zip(flat(loaded(batch)), flat(model(batch)), strict=True):
        np.testing.assert_array_equal(out, ref)


def check_compiled_is_eager(case):
    assert all(np.isfinite(out).all() for out in expected(case))
    layer = built(case)
    for name, function in compiled(lambda batch: case.call(layer, batch)).items():
        for out, ref in zip(
            flat(function(batch_of(case))), expected(case), strict=True
        ):
            # Scores of padding alone, -30000 and something, have fewer digits.
            np.testing.assert_allclose(out, ref, 1e-3, 1e-3, err_msg=name)
            out, ref = out[LENGTHS > 0], ref[LENGTHS > 0]
            np.testing.assert_allclose(out, ref, 1e-5, 5e-6, err_msg=name)


def check_padding_changes_nothing(case, more=2):
    rng = np.random.default_rng(1)

    def lengthen(name, value):
        if value.shape[1] != S:
            return value
        shape = (B, more, *value.shape[2:])
        if name.endswith("mask"):
            noise = np.zeros(shape)
        elif name.endswith("ids"):
            noise = rng.integers(0, 2, shape)
        else:
            noise = rng.normal(0.0, 50.0, shape)
        return np.concatenate([value, noise], 1).astype(value.dtype)

    batch = {name: lengthen(name, value) for name, value in batch_of(case).items()}
    tokens = BATCH["padding_mask"].astype(bool)
    longer = flat(case.call(built(case), batch))
    for out, ref in zip(longer, expected(case), strict=True):
        if out.ndim > 1 and out.shape[1] == S + more:
            out, ref = out[:, :S][tokens], ref[tokens]
        else:
            out, ref = out[LENGTHS > 0], ref[LENGTHS > 0]
        np.testing.assert_allclose(out, ref, rtol=1e-6, atol=1e-6)


def check_other_rows_change_nothing(case):
    for row in range(B):
        alone = {name: value[row : row + 1] for name, value in batch_of(case).items()}
        outputs = flat(case.call(built(case), alone))
        for out, ref in zip(outputs, expected(case), strict=True):
            np.testing.assert_allclose(out[0], ref[row], rtol=1e-6, atol=1e-6)


def check_half_precision_is_close(case, dtype):
    layer = built(case, dtype)
    assert all(variable.dtype == "float32" for variable in layer.trainable_variables)
    outputs = flat(case.call(layer, batch_of(case)))
    for out, ref in zip(outputs, expected(case), strict=True):
        assert np.isfinite(out).all()
        error = np.linalg.norm(out - ref) / max(np.linalg.norm(ref), 1e-9)
        assert error < HALF_PRECISION[dtype]


def check_gradients_are_finite(case, dtype):
    layer = built(case, dtype)
    if not layer.trainable_variables:
        return

    def loss():
        outputs = keras.tree.flatten(case.call(layer, batch_of(case)))
        means = [keras.ops.mean(keras.ops.cast(out, "float32")) for out in outputs]
        return sum(means)

    assert all(np.isfinite(gradient).all() for gradient in flat(gradients(layer, loss)))
