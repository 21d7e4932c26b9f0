"""Steps of AdamW, on every backend, and what is TensorFlow's alone."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasbert.training.adamw import AdamW

RATE, DECAY, CLIP, EPSILON = 0.1, 0.1, 0.5, 1e-8
# Other backends correct the bias of the moments in float32, step by step.
ERROR = 2e-6 if keras.backend.backend() == "tensorflow" else 5e-6


def adamw(weights, gradients, clip=CLIP):
    """Steps of AdamW in numpy, as the paper writes them, after clipping."""
    weights = [w.astype("float64") for w in weights]
    first = [np.zeros_like(w) for w in weights]
    second = [np.zeros_like(w) for w in weights]
    for step, grads in enumerate(gradients, start=1):
        norm = np.sqrt(sum((g.astype("float64") ** 2).sum() for g in grads))
        for i, g in enumerate(grads):
            g = g * min(1.0, clip / norm) if clip else g
            first[i] = 0.9 * first[i] + 0.1 * g
            second[i] = 0.999 * second[i] + 0.001 * g**2
            mean, square = first[i] / (1 - 0.9**step), second[i] / (1 - 0.999**step)
            weights[i] *= 1 - RATE * DECAY
            weights[i] -= RATE * mean / (np.sqrt(square) + EPSILON)
    return weights


def slices_of(dense, rows):
    """The gradient of a table, in which the rows come in two parts each."""
    tf = pytest.importorskip("tensorflow")
    values = np.concatenate([dense[rows] * 0.25, dense[rows] * 0.75])
    return tf.IndexedSlices(
        tf.constant(values), tf.constant([*rows, *rows]), tf.constant(dense.shape)
    )


def check_steps(clip, size, of_table=ops.convert_to_tensor):
    """Compares four steps of a table and a kernel with those of the paper."""
    random = np.random.default_rng(0)
    table, kernel = random.normal(size=(6, 3)), random.normal(size=(3, 2))
    variables = [keras.Variable(w.astype("float32")) for w in (table, kernel)]
    optimizer = AdamW(RATE, DECAY, global_clipnorm=clip)
    optimizer.build(variables)
    gradients = []
    for _ in range(4):
        rows = np.zeros((6, 3), "float32")
        rows[[4, 1]] = random.normal(size=(2, 3)) * size
        gradients.append([rows, (random.normal(size=(3, 2)) * size).astype("float32")])
        of_kernel = ops.convert_to_tensor(gradients[-1][1])
        optimizer.apply([of_table(rows), of_kernel], variables)
    expected = adamw(
        [table.astype("float32"), kernel.astype("float32")], gradients, clip
    )
    for variable, weight in zip(variables, expected, strict=True):
        found = ops.convert_to_numpy(variable)
        np.testing.assert_allclose(found, weight, rtol=2e-5, atol=ERROR)


SIZES = pytest.mark.parametrize(
    ("clip", "size"),
    [(CLIP, 1), (None, 1), (1e9, 1), (CLIP, EPSILON)],  # where epsilon matters
)


@SIZES
def test_weights_after_steps_are_those_of_the_paper(clip, size):
    check_steps(clip, size)


@SIZES
def test_slices_of_a_table_give_the_steps_of_the_whole_gradient(clip, size):
    check_steps(clip, size, lambda rows: slices_of(rows, [4, 1]))


def test_a_gradient_that_is_not_finite_is_not_clipped_to_a_number():
    variable = keras.Variable(np.ones(2, "float32"))
    optimizer = AdamW(RATE, 0.0, global_clipnorm=1.0)
    optimizer.build([variable])
    optimizer.apply([ops.convert_to_tensor([np.inf, 1.0])], [variable])
    assert np.isnan(ops.convert_to_numpy(variable)).all()
