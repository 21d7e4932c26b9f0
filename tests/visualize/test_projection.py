import numpy as np
import pytest

from kerasbert.visualize import projection_html, write_tensorboard_projector
from kerasbert.visualize.projection import principal_components

RNG = np.random.default_rng(0)
VECTORS = (RNG.normal(size=(12, 5)) * [1, 5, 0.1, 2, 1]).astype("float32")


def test_components_are_the_directions_of_the_covariance():
    places, shares = principal_components(VECTORS)
    values, directions = np.linalg.eigh(np.cov(VECTORS.T.astype("float64")))
    order = np.argsort(-values)[:3]
    np.testing.assert_allclose(shares, values[order] / values.sum(), rtol=1e-6)
    expected = (VECTORS - VECTORS.mean(axis=0)) @ directions[:, order]
    np.testing.assert_allclose(np.abs(places), np.abs(expected), atol=1e-5)


def test_a_page_holds_points_labels_and_texts(data_of):
    labels = ["b", "a", 3] * 4
    texts = [f"</script> text {n}" for n in range(12)]
    data = data_of(projection_html(VECTORS, labels, texts, title="<i>Mine</i>"))
    places, _ = principal_components(VECTORS)
    expected = places / np.abs(places).max()
    np.testing.assert_allclose(data["points"], expected, atol=1e-4)
    assert data["names"] == ["b", "a", "3"]
    assert data["groups"] == [0, 1, 2] * 4
    assert data["texts"] == texts


@pytest.mark.parametrize("shape", [(1, 4), (3, 1), (5, 2)])
def test_few_vectors_and_few_dimensions_are_points_too(data_of, shape):
    data = data_of(projection_html(np.ones(shape) * np.arange(shape[0])[:, None]))
    assert np.shape(data["points"]) == (shape[0], 3)
    assert np.abs(data["points"]).max() <= 1
    assert data["texts"] == [str(n) for n in range(shape[0])]


def test_the_projector_reads_every_bit(tmp_path):
    write_tensorboard_projector(tmp_path / "log", VECTORS, [f"w{n}" for n in range(12)])
    read = np.loadtxt(tmp_path / "log" / "vectors.tsv", delimiter="\t")
    np.testing.assert_array_equal(read.astype("float32"), VECTORS)
    lines = (tmp_path / "log" / "metadata.tsv").read_text("utf-8").splitlines()
    assert lines == [f"w{n}" for n in range(12)]
    config = (tmp_path / "log" / "projector_config.pbtxt").read_text()
    assert 'tensor_path: "vectors.tsv"' in config
    assert 'metadata_path: "metadata.tsv"' in config
    assert config.count("{") == config.count("}") == 1


def test_several_columns_have_a_head_and_tabs_are_spaces(tmp_path):
    labels = {"word": ["a\tb", "世界\n"], "part": ["N", 7]}
    write_tensorboard_projector(tmp_path, VECTORS[:2], labels)
    text = (tmp_path / "metadata.tsv").read_text("utf-8")
    assert text == "word\tpart\na b\tN\n世界\t7\n"


def test_what_is_no_vector_is_refused(tmp_path):
    with pytest.raises(ValueError, match="12 labels, one per vector, got 1"):
        projection_html(VECTORS, ["a"])
    with pytest.raises(ValueError, match=r"got shape \(0, 5\)"):
        projection_html(VECTORS[:0])
    broken = VECTORS.copy()
    broken[3, 1] = np.nan
    with pytest.raises(ValueError, match="infinity in row 3"):
        write_tensorboard_projector(tmp_path, broken)
    assert not list(tmp_path.iterdir())
