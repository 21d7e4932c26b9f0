import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

from kerasbert.training.adamw import AdamW  # noqa: E402

RATE, DECAY, CLIP, EPSILON = 0.1, 0.1, 0.5, 1e-8


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
    values = np.concatenate([dense[rows] * 0.25, dense[rows] * 0.75])
    return tf.IndexedSlices(
        tf.constant(values), tf.constant([*rows, *rows]), tf.constant(dense.shape)
    )


@pytest.mark.parametrize(
    ("clip", "size"),
    [(CLIP, 1), (None, 1), (1e9, 1), (CLIP, EPSILON)],  # where epsilon matters
)
def test_weights_after_steps_are_those_of_the_paper_with_slices_of_a_table(clip, size):
    random = np.random.default_rng(0)
    table, kernel = random.normal(size=(6, 3)), random.normal(size=(3, 2))
    variables = [keras.Variable(w.astype("float32")) for w in (table, kernel)]
    optimizer = AdamW(RATE, DECAY, global_clipnorm=clip)
    optimizer.build(variables)
    gradients, rows = [], [4, 1]
    for _ in range(4):
        of_table = np.zeros((6, 3), "float32")
        of_table[rows] = random.normal(size=(2, 3)) * size
        of_kernel = (random.normal(size=(3, 2)) * size).astype("float32")
        gradients.append([of_table, of_kernel])
        optimizer.apply([slices_of(of_table, rows), tf.constant(of_kernel)], variables)
    expected = adamw(
        [table.astype("float32"), kernel.astype("float32")], gradients, clip
    )
    for variable, weight in zip(variables, expected, strict=True):
        np.testing.assert_allclose(variable.numpy(), weight, rtol=2e-5, atol=2e-6)


def test_a_gradient_that_is_not_finite_is_not_clipped_to_a_number():
    variable = keras.Variable(np.ones(2, "float32"))
    optimizer = AdamW(RATE, 0.0, global_clipnorm=1.0)
    optimizer.build([variable])
    optimizer.apply([tf.constant([np.inf, 1.0])], [variable])
    assert np.isnan(variable.numpy()).all()
