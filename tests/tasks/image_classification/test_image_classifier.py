"""A classifier of bright and dark pictures: pixels, training, exports, the command."""

import io
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

import kerasbert
from kerasbert.cli import main
from kerasbert.tasks.image_classification.image_examples import ImageExamples
from kerasbert.tasks.image_classification.pixels import Pixels

PUBLISHED = (
    pathlib.Path(__file__).parents[2] / "fixtures/vit/image_classification/huggingface"
)


def pictures(count=48, seed=0):
    """Grey 8 x 8 pictures that are light above or below."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    images = random.integers(0, 100, (count, 8, 8), dtype="uint8")
    for image, label in zip(images, labels, strict=True):
        image[4 * label : 4 * label + 4] += 120
    return images, [("above", "below")[label] for label in labels]


def png(image):
    image = image[..., None] if image.ndim == 2 else image
    return tf.io.encode_png(image).numpy()


@pytest.fixture(scope="module")
def classifier():
    images, labels = pictures()
    classifier = kerasbert.ImageClassifier.for_images(
        ["above", "below"], image_size=8, num_channels=1, patch_size=4
    )
    classifier.fit(images, labels, epochs=12, batch_size=16, verbose=0)
    return classifier


def test_it_learns_to_tell_pictures_apart(classifier):
    images, labels = pictures(seed=1)
    found = classifier.evaluate(images, labels)
    assert found["accuracy"] > 0.95 and found["loss"] < 0.4
    report = classifier.report(images, labels)
    assert report["accuracy"] == pytest.approx(found["accuracy"])


def test_arrays_bytes_and_paths_of_a_picture_have_one_answer(classifier, tmp_path):
    [image] = pictures(1, seed=2)[0]
    file = tmp_path / "picture.png"
    file.write_bytes(png(image))
    forms = [image, image[..., None], image / 255, png(image), file, str(file)]
    forms.append(np.repeat(image[..., None], 3, axis=-1))
    answers = classifier.predict(forms)
    for answer in answers:
        assert answer["score"] == pytest.approx(answers[0]["score"], abs=1e-5)
        assert sum(answer["scores"].values()) == pytest.approx(1)


def test_a_picture_of_another_size_is_resized(classifier):
    images, _ = pictures(8, seed=3)
    large = np.kron(images, np.ones((1, 4, 6), "uint8"))  # [n, 32, 48]
    for small, again in zip(
        classifier.predict(images), classifier.predict(large), strict=True
    ):
        assert small["label"] == again["label"]


def test_resizing_is_that_of_pillow():
    PIL = pytest.importorskip("PIL.Image")
    image = np.random.default_rng(0).integers(0, 256, (31, 17, 3), dtype="uint8")
    with PIL.fromarray(image) as opened:
        expected = np.asarray(opened.resize((8, 8), PIL.Resampling.BILINEAR), float)
    [found] = Pixels(8, 3, 0.0, 1 / 255)([image])
    assert abs(found - expected).max() <= 1.001  # it rounds twice
    assert abs(found - expected).mean() < 0.2


def test_pixels_are_scaled_and_normalised():
    image = np.full((2, 2, 3), 51, "uint8")
    [found] = Pixels(2, 3, [0.5, 0.4, 0.2], [0.5, 0.25, 0.1])([image])
    np.testing.assert_allclose(found[0, 0], [-0.6, -0.8, 0.0], atol=1e-6)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full((8, 8), 16.0), "from 0 to 1"),
        (np.full((8, 8), np.nan), "from 0 to 1"),
        (np.full((8, 8), 300), "from 0 to 255"),
        (np.zeros((8, 8), bool), "uint8 or float"),
        (np.zeros((0, 8), "uint8"), r"shape \(0, 8, 1\)"),
        (np.zeros((8, 8, 4), "uint8"), r"shape \(8, 8, 4\)"),
        (b"no picture", "10 bytes that are none"),
        (png(np.zeros((8, 8), "uint8"))[:-30], "bytes that are none"),
        (b"", "0 bytes that are none"),
    ],
)
def test_what_is_no_picture_is_refused_with_its_place(classifier, image, message):
    good = np.zeros((8, 8), "uint8")
    with pytest.raises(ValueError, match=message) as raised:
        classifier.predict([good, image])
    assert "at position 1" in str(raised.value)


def test_one_picture_without_a_list_is_refused(classifier):
    with pytest.raises(TypeError, match="Put it into a list"):
        classifier.predict(b"bytes")


def test_no_pictures_have_no_answers(classifier):
    assert classifier.predict([]) == []


def test_training_moves_and_mirrors_pictures_by_seed_and_testing_does_not():
    pixels = np.random.default_rng(0).random((4, 8, 8, 1), "float32")
    features = ImageExamples({"pixel_values": pixels}, shift=2, mirror=True)

    def batch(of):
        return of.batch(np.arange(4))[0]["pixel_values"]

    np.testing.assert_array_equal(batch(features), pixels)
    first = batch(features.for_epoch(0, 0))
    np.testing.assert_array_equal(first, batch(features.for_epoch(0, 0)))
    assert not np.array_equal(first, batch(features.for_epoch(0, 1)))
    moved = ImageExamples({"pixel_values": pixels}, shift=1).for_epoch(0, 0)
    inner = {tuple(x.ravel()) for x in batch(moved)[:, 2:6, 2:6]}
    places = range(1, 4)
    possible = {
        tuple(x[i : i + 4, j : j + 4].ravel())
        for x in pixels
        for i in places
        for j in places
    }
    assert inner <= possible


def test_a_saved_classifier_gives_the_same_answers(classifier, tmp_path):
    images, _ = pictures(4, seed=4)
    classifier.save(tmp_path / "saved")
    loaded = kerasbert.load(tmp_path / "saved")
    assert loaded.predict(images) == classifier.predict(images)
    assert loaded.options() == classifier.options()


def test_a_published_classifier_is_loaded_with_its_labels():
    classifier = kerasbert.ImageClassifier.from_pretrained(PUBLISHED)
    with np.load(PUBLISHED.parent / "expected.npz") as arrays:
        expected = dict(arrays)
    floats = np.clip(expected["pixel_values"] * 0.5 + 0.5, 0, 1)
    [answer] = classifier.predict(floats[:1])
    assert set(answer["scores"]) == {"cat", "dog", "owl"}


def test_how_images_are_prepared_is_read_or_refused(tmp_path):
    config = kerasbert.ViTConfig(image_size=8, patch_size=4)
    values = {"size": {"height": 8, "width": 8}, "image_mean": [0.1, 0.2, 0.3]}
    values |= {"image_std": [1.0, 1.0, 1.0], "resample": 3, "do_resize": True}
    file = tmp_path / "preprocessor_config.json"
    file.write_text(json.dumps(values))
    read = Pixels.from_folder(tmp_path, config)
    assert read.resampling == "bicubic"
    np.testing.assert_allclose(read.mean, [0.1, 0.2, 0.3])
    for change, message in (
        ({"size": 224}, "size=224"),
        ({"do_center_crop": True}, "do_center_crop"),
        ({"resample": 9}, "resample"),
    ):
        file.write_text(json.dumps(values | change))
        with pytest.raises(ValueError, match=message):
            Pixels.from_folder(tmp_path, config)


@pytest.fixture(scope="module")
def exported(classifier, tmp_path_factory):
    return classifier.export(tmp_path_factory.mktemp("served") / "pictures")


def test_an_export_takes_files_and_arrays_and_gives_the_same(classifier, exported):
    images, _ = pictures(6, seed=5)
    expected = classifier.predict(images)
    served = tf.saved_model.load(str(exported)).signatures
    files = tf.constant([png(image) for image in images])
    arrays = images[..., None]
    for signature, value in (
        ("serving_default", files),
        ("pixels", tf.constant(arrays)),
        ("floats", tf.constant(arrays / np.float32(255))),
    ):
        found = served[signature](image=value)
        labels = [label.decode() for label in found["label"].numpy()]
        assert labels == [answer["label"] for answer in expected], signature
        scores = [list(answer["scores"].values()) for answer in expected]
        np.testing.assert_allclose(found["scores"], scores, atol=1e-5)
    large = np.kron(arrays, np.ones((1, 2, 2, 1), "uint8"))
    found = served["pixels"](image=tf.constant(large))["score"]
    expected = [answer["score"] for answer in classifier.predict(large)]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_card_of_an_export_says_what_it_takes(exported):
    card = (exported / "README.md").read_text()
    assert "takes images" in card and '{"b64": "' in card and "tokens" not in card


def test_an_export_with_a_length_is_refused(classifier, tmp_path):
    with pytest.raises(ValueError, match="max_length"):
        classifier.export(tmp_path / "b", max_length=64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number, (image, label) in enumerate(zip(*pictures(24), strict=True)):
        (folder / label).mkdir(exist_ok=True)
        (folder / label / f"{number}.png").write_bytes(png(image))
    return folder


def test_the_command_trains_tests_answers_and_exports(folder, tmp_path, capsys):
    run = tmp_path / "run"
    words = ["finetune", "images", "--model", "vit_mini", "--train", str(folder)]
    words += ["--output", str(run), "--epochs", "1", "--batch-size", "8"]
    assert main(words) == 0
    capsys.readouterr()
    assert main(["evaluate", str(run), "--input", str(folder)]) == 0
    assert json.loads(capsys.readouterr().out)["examples"] == 24
    [label] = sorted({path.parent.name for path in folder.glob("above/*.png")})
    table = tmp_path / "table.csv"
    rows = [f"{path},{label}" for path in sorted(folder.glob("above/*.png"))]
    table.write_text("\n".join(["path,label", *rows]))
    assert main(["evaluate", str(run), "--input", str(table)]) == 0
    assert json.loads(capsys.readouterr().out)["examples"] == len(rows)
    assert main(["predict", str(run), "--input", str(folder / "above")]) == 0
    answers = [json.loads(line) for line in io.StringIO(capsys.readouterr().out)]
    assert len(answers) == len(rows)
    assert answers[0]["file"].endswith(".png") and set(answers[0]["scores"]) == {
        "above",
        "below",
    }


def test_the_command_names_a_file_that_is_not_there(tmp_path, capsys):
    table = tmp_path / "rows.csv"
    table.write_text("path,label\nnone.png,cat\n")
    words = ["finetune", "images", "--model", "vit_mini", "--train", str(table)]
    assert main([*words, "--output", str(tmp_path / "run")]) == 2
    told = capsys.readouterr().err
    assert "line 2 of " in told and "rows.csv, got 'none.png'" in told


def test_the_command_names_a_file_that_is_no_image(tmp_path, capsys):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.png").write_bytes(b"nothing")
    words = ["finetune", "images", "--model", "vit_mini", "--train", str(tmp_path)]
    assert main([*words, "--output", str(tmp_path / "run")]) == 2
    assert "1.png, got 7 bytes that are none" in capsys.readouterr().err


def test_the_command_wants_a_folder_for_each_class(tmp_path, capsys):
    (tmp_path / "1.png").write_bytes(b"")
    words = ["finetune", "images", "--model", "vit_mini", "--train", str(tmp_path)]
    assert main([*words, "--output", str(tmp_path / "run")]) == 2
    assert "in a folder for each class" in capsys.readouterr().err
