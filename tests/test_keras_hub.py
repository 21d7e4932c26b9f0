"""Live objects of KerasHub become kerasbert's, and go back: the same numbers."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras

import kerasbert
from kerasbert.models import MaskedLMModel, QuestionAnsweringModel
from kerasbert.models import SequenceClassificationModel as ClassifierModel

LIMIT = 3e-6
SIZES = {
    "vocabulary_size": 40,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 16,
    "intermediate_dim": 32,
    "max_sequence_length": 32,
}
TEXTS = ["hello world", "world w3 hello"]


@pytest.fixture(scope="module")
def hub():
    return pytest.importorskip("keras_hub")


@pytest.fixture(params=["Bert", "Albert", "DistilBert"])
def backbone(hub, request):
    keras.utils.set_random_seed(0)
    extra = {"embedding_dim": 8} if request.param == "Albert" else {}
    return getattr(hub.models, f"{request.param}Backbone")(**SIZES, **extra)


@pytest.fixture
def tokenizer(hub):
    words = "[PAD] [UNK] [CLS] [SEP] [MASK] hello world".split()
    words += [f"w{number}" for number in range(33)]
    return hub.tokenizers.BertTokenizer(words, lowercase=True)


@pytest.fixture
def inputs():
    rng = np.random.default_rng(0)
    mask = np.ones((3, 12), "int32")
    mask[1, 7:] = 0
    return {
        "token_ids": rng.integers(0, 40, mask.shape).astype("int32"),
        "segment_ids": rng.integers(0, 2, mask.shape).astype("int32"),
        "padding_mask": mask,
    }


def equal(first, second):
    np.testing.assert_allclose(first, second, rtol=0, atol=LIMIT)


def test_a_backbone_becomes_an_encoder_and_goes_back(backbone, inputs):
    encoder = kerasbert.from_keras_hub(backbone)
    again = kerasbert.to_keras_hub(encoder)
    assert type(again) is type(backbone)
    ours = encoder(inputs)
    read = {name: inputs[name] for name in backbone.input}
    first, last = backbone(read), again(read)
    if not isinstance(first, dict):  # DistilBERT has no pooler
        first, last = {"sequence_output": first}, {"sequence_output": last}
    for name in first:
        equal(ours[name], first[name])
        equal(last[name], first[name])


def test_a_classifier_without_a_preprocessor_becomes_a_model(hub, inputs):
    keras.utils.set_random_seed(1)
    classifier = hub.models.BertTextClassifier(
        hub.models.BertBackbone(**SIZES), num_classes=3
    )
    model = kerasbert.from_keras_hub(classifier)
    again = kerasbert.to_keras_hub(model)
    assert isinstance(model, ClassifierModel) and again.preprocessor is None
    equal(model(inputs)["logits"], classifier(inputs))
    equal(again(inputs), classifier(inputs))


def test_a_classifier_with_a_preprocessor_becomes_a_task(hub, tokenizer):
    keras.utils.set_random_seed(2)
    preprocessor = hub.models.BertTextClassifierPreprocessor(tokenizer, 16)
    classifier = hub.models.BertTextClassifier(
        hub.models.BertBackbone(**SIZES),
        num_classes=3,
        preprocessor=preprocessor,
        activation="softmax",
    )
    theirs = classifier.predict(TEXTS, verbose=0)
    task = kerasbert.from_keras_hub(classifier)
    assert isinstance(task, kerasbert.TextClassifier)
    equal([list(row["scores"].values()) for row in task.predict(TEXTS)], theirs)
    again = kerasbert.to_keras_hub(task)
    assert again.activation is keras.activations.softmax
    equal(again.predict(TEXTS, verbose=0), theirs)


def test_a_masked_language_model_becomes_a_model_and_goes_back(hub, inputs):
    keras.utils.set_random_seed(3)
    task = hub.models.BertMaskedLM(hub.models.BertBackbone(**SIZES))
    positions = np.array([[1, 2], [3, 4], [5, 6]], "int32")
    theirs = task({**inputs, "mask_positions": positions})
    model = kerasbert.from_keras_hub(task)
    assert isinstance(model, MaskedLMModel)
    equal(model({**inputs, "masked_positions": positions})["mlm_logits"], theirs)
    with pytest.warns(UserWarning, match="no pooler"):
        again = kerasbert.to_keras_hub(model)
    equal(again({**inputs, "mask_positions": positions}), theirs)


def test_a_tokenizer_becomes_ours_and_goes_back(tokenizer):
    ours = kerasbert.from_keras_hub(tokenizer)
    assert ours.encode(TEXTS) == [[2, 5, 6, 3], [2, 6, 10, 5, 3]]
    again = kerasbert.to_keras_hub(ours)
    assert list(map(int, again("hello world"))) == [5, 6]


def test_what_the_other_side_has_no_class_for_is_refused(hub):
    with pytest.raises(TypeError, match="backbone, a tokenizer, or a task.*Dense"):
        kerasbert.from_keras_hub(keras.layers.Dense(2))
    encoder = kerasbert.from_keras_hub(hub.models.BertBackbone(**SIZES))
    with pytest.raises(TypeError, match="has a class for.*QuestionAnswering"):
        kerasbert.to_keras_hub(QuestionAnsweringModel(encoder))


def test_another_family_is_refused_by_name(hub):
    backbone = hub.models.RobertaBackbone(**SIZES)
    with pytest.raises(ValueError, match="RobertaBackbone"):
        kerasbert.from_keras_hub(backbone)
