import numpy as np
import pytest

from kerasbert.metrics import pearson, spearman
from kerasbert.metrics.correlation import ranks

# Numbers with ties, and what scipy 1.16 gives for them.
FIRST = [
    *(
        0.1,
        -0.1,
        0.6,
        0.1,
        -0.5,
        0.4,
        1.3,
        0.9,
        -0.7,
        -1.3,
        -0.6,
        0.0,
        -2.3,
        -0.2,
        -1.2,
    ),
    *(
        -0.7,
        -0.5,
        -0.3,
        0.4,
        1.0,
        -0.1,
        1.4,
        -0.7,
        0.4,
        0.9,
        0.1,
        -0.7,
        -0.9,
        -0.5,
        0.2,
    ),
]
SECOND = [
    *(-0.9, -0.3, 0.2, 0.6, -0.1, 0.6, 0.1, 0.4, 0.4, 0.7, -1.6, 1.5, 0.0, 0.7, -0.5),
    *(-0.7, 1.2, 1.8, 2.0, 1.9, 0.3, -0.4, -0.4, 0.9, -0.7, 0.5, 0.0, 0.2, -1.5, -0.5),
]
PEARSON, SPEARMAN = 0.18019641551848137, 0.19624947579728866
RANKS = [19, 15.5, 25, 19, 11, 23, 29, 26.5, 6.5, 2, 9, 17, 1, 14, 3]


def test_the_correlations_are_those_of_scipy():
    assert pearson(FIRST, SECOND) == pytest.approx(PEARSON, abs=1e-14)
    assert spearman(FIRST, SECOND) == pytest.approx(SPEARMAN, abs=1e-14)


def test_equal_numbers_share_the_mean_of_their_ranks():
    assert ranks(FIRST)[:15].tolist() == RANKS


def test_scale_and_order_do_not_matter():
    first, second = np.array(FIRST) * 1e-100, 3 - np.array(SECOND) * 1e100
    assert pearson(first, second) == pytest.approx(-PEARSON, abs=1e-12)
    assert spearman(np.exp(FIRST), SECOND) == pytest.approx(SPEARMAN, abs=1e-14)


def test_numbers_that_agree_give_one_and_not_more():
    values = np.random.default_rng(0).normal(size=1000)
    assert pearson(values, 0.1 * values) == pytest.approx(1) and spearman(
        values, 0.1 * values
    ) == pytest.approx(1)
    assert pearson(values, values) <= 1 and pearson(values, -values) >= -1


@pytest.mark.parametrize("constant", [0.0, 0.1])
def test_a_constant_agrees_with_nothing(constant):
    values = np.arange(7)
    assert pearson([constant] * 7, values) == 0 == spearman(values, [constant] * 7)


@pytest.mark.parametrize("second", [[1.0], [[1.0], [2.0]], [1.0, 2.0, 3.0]])
def test_other_shapes_are_refused(second):
    with pytest.raises(ValueError, match="lists of equal length, at least 2"):
        pearson([1.0, 2.0] if len(second) > 1 else [1.0], second)
