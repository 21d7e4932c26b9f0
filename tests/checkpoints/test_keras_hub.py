"""KerasHub loads what is written for it, and computes the same."""

import shutil

import keras
import numpy as np
import pytest

from kerasbert.checkpoints import convert, read_checkpoint
from kerasbert.models import load_model
from tests.checkpoints.on_disk import INPUTS, expected, folder, outputs, quiet

LIMIT = 1e-5
BACKBONES = [
    "bert_gelu_new/huggingface",
    "bert_tiny/google_tf1",
    "albert_tiny/tfhub_mlm",
    "albert_groups/huggingface",
]
# With heads that compute as KerasHub's do.
TASKS = [
    "albert_sequence_classification/huggingface",
    "keras_hub_bert_classifier/keras_hub",
    "keras_hub_bert_masked_lm/keras_hub",
    "keras_hub_albert_masked_lm/keras_hub",
]


@pytest.fixture(scope="module")
def hub():
    with quiet():
        return pytest.importorskip("keras_hub").models


def converted(name, target):
    path = folder(name)
    with quiet():
        convert(path, target, "keras_hub")
        model = load_model(path)
    batch = expected(path)
    return {key: batch[key] for key in INPUTS}, outputs(model, batch)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbone_loads(name, hub, tmp_path):
    inputs, ours = converted(name, tmp_path / "out")
    kind = hub.AlbertBackbone if "albert" in name else hub.BertBackbone
    with quiet():
        theirs = kind.from_preset(str(tmp_path / "out"))(inputs)
    assert ("pooled_output" in ours) == (name != "albert_tiny/tfhub_mlm")
    for key in ours.keys() & {"sequence_output", "pooled_output"}:
        np.testing.assert_allclose(theirs[key], ours[key], rtol=0, atol=LIMIT)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_loads(name, hub, tmp_path):
    inputs, ours = converted(name, tmp_path / "out")
    kind = "Albert" if "albert" in name else "Bert"
    if "mlm_logits" in ours:
        rows, count = ours["mlm_logits"].shape[:2]
        positions = np.tile(np.arange(count, dtype="int32"), (rows, 1))
        inputs["mask_positions"] = positions
        task, logits = f"{kind}MaskedLM", ours["mlm_logits"]
    else:
        task, logits = f"{kind}TextClassifier", ours["logits"]
    with quiet():
        theirs = getattr(hub, task).from_preset(str(tmp_path / "out"))(inputs)
    activation = read_checkpoint(tmp_path / "out").score_activation or "linear"
    expected = keras.activations.get(activation)(logits)
    np.testing.assert_allclose(theirs, expected, rtol=0, atol=LIMIT)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "linear"])
def test_a_classifier_of_texts_gives_our_scores(activation, hub, tmp_path):
    import kerasbert

    source = shutil.copytree(
        folder("albert_sequence_classification/huggingface"), tmp_path / "source"
    )
    shutil.copy(folder("tiny_vocabulary") / "spiece.model", source)
    ours = kerasbert.TextClassifier.from_pretrained(source, activation=activation)
    ours.save(tmp_path / "task")
    with quiet():
        convert(tmp_path / "task", tmp_path / "out", "keras_hub")
        theirs = hub.TextClassifier.from_preset(
            str(tmp_path / "out"), preprocessor=None
        )
        inputs = ours.tokenizer(["the good film", "a river"])
        found = theirs(inputs)
    expected = [
        list(answer["scores"].values())
        for answer in ours.predict(["the good film", "a river"])
    ]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_what_it_writes_itself_has_the_names_that_are_written(hub, tmp_path):
    from kerasbert.checkpoints.tensor_files import read_hdf5

    for name in ("keras_hub_bert_classifier", "keras_hub_albert_masked_lm"):
        path = folder(f"{name}/keras_hub")
        with quiet():
            convert(path, tmp_path / name, "keras_hub")
        for file in ("model.weights.h5", "task.weights.h5"):
            theirs = read_hdf5(path / file).shapes
            ours = read_hdf5(tmp_path / name / file).shapes
            training = {key for key in theirs if key.startswith("optimizer/")}
            assert ours == {k: s for k, s in theirs.items() if k not in training}


@pytest.mark.parametrize("family", ["Bert", "DistilBert"])
def test_the_tokenizer_comes_along(family, hub, tmp_path):
    path = folder(f"keras_hub_{family.lower()}/keras_hub")
    with quiet():
        convert(path, tmp_path / "out", "keras_hub")
        ours = hub.Tokenizer.from_preset(str(tmp_path / "out"))
        theirs = hub.Tokenizer.from_preset(str(path))
    assert type(ours) is type(theirs) is getattr(hub, f"{family}Tokenizer")
    sentence = "the film is good, isn't it?"
    assert list(np.asarray(ours(sentence))) == list(np.asarray(theirs(sentence)))
