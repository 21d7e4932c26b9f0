"""Scores are those of the project that states how logits become scores."""

import json
import shutil
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasbert
from kerasbert.checkpoints import convert, read_checkpoint
from tests.tasks.conftest import FIXTURES

THEIRS = json.loads((FIXTURES / "classifier_scores.json").read_text())
PAIRS = [tuple(pair) for pair in THEIRS["pairs"]]
REGRESSION = FIXTURES / "bert_regression" / "huggingface"
CLASSES = FIXTURES / "bert_sequence_classification" / "huggingface"
SIGMOID = "torch.nn.modules.activation.Sigmoid"


def folder_of(source, target, **changes):
    """A copy of a fixture whose config.json says something else."""
    shutil.copytree(source, target)
    config = json.loads((target / "config.json").read_text()) | changes
    config = {key: value for key, value in config.items() if value is not None}
    (target / "config.json").write_text(json.dumps(config))
    return target


def load(task_class, *arguments, **options):
    """A task, and the warnings that came with it."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        task = task_class.from_pretrained(*arguments, **options)
    told = [str(one.message) for one in told if one.category is UserWarning]
    return task, told


def scores_of(task):
    answers = task.predict(PAIRS)
    if task.kind == "regress":
        return [[answer["score"]] for answer in answers]
    return [list(answer["scores"].values()) for answer in answers]


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(number, marks=[pytest.mark.slow] if number % 3 else [])
        for number in range(len(THEIRS["cases"]))
    ],
)
def test_scores_are_those_of_the_project_that_states_them(number, tmp_path):
    case = THEIRS["cases"][number]
    changes = {"problem_type": case["problem_type"]}
    if case["activation"]:
        value = case["activation"]
        nested = case["key"] == "sentence_transformers"
        changes[case["key"]] = {"activation_fn": value} if nested else value
    folder = folder_of(
        FIXTURES / case["source"] / "huggingface", tmp_path / "m", **changes
    )
    single = case["source"] == "bert_regression"
    differ = not np.allclose(case["pipeline"], case["cross_encoder"], atol=1e-4)
    takes_logits = not single and not str(case["activation"]).endswith("Sigmoid")
    wanted = case["cross_encoder"] if case["activation"] else case["pipeline"]
    if takes_logits:  # the default of a CrossEncoder of several classes
        wanted = case["pipeline"]
    classes = [kerasbert.TextRegressor] if single else []
    for task_class in (*classes, kerasbert.TextClassifier):
        task, told = load(task_class, folder)
        np.testing.assert_allclose(scores_of(task), wanted, atol=2e-6)
        stated = case["activation"] is not None or single and not case["problem_type"]
        undecided = single and case["activation"] is None is case["problem_type"]
        assert len(told) == (1 if undecided or (differ and stated) else 0), told
        assert task.pairs == (case["activation"] is not None)


@pytest.mark.parametrize("activation", ["linear", "sigmoid"])
def test_the_user_chooses_between_the_two(activation, tmp_path):
    folder = folder_of(REGRESSION, tmp_path / "m", problem_type=None)
    found = {}
    for task_class in (kerasbert.TextRegressor, kerasbert.TextClassifier):
        task, told = load(task_class, folder, activation=activation)
        assert told == []
        found[task_class] = np.array(scores_of(task))
    logits = np.asarray(task.model(_inputs(task))["logits"])
    wanted = logits if activation == "linear" else 1 / (1 + np.exp(-logits))
    for scores in found.values():
        np.testing.assert_allclose(scores, wanted, atol=1e-6)


def _inputs(task):
    return task.tokenizer([a for a, _ in PAIRS], [b for _, b in PAIRS])


def test_an_activation_that_is_not_computed_is_refused_unless_another_is_chosen(
    tmp_path,
):
    stated = {"activation_fn": "torch.nn.modules.activation.Tanh"}
    folder = folder_of(REGRESSION, tmp_path / "m", sentence_transformers=stated)
    for task_class in (kerasbert.TextRegressor, kerasbert.TextClassifier):
        with pytest.raises(ValueError, match="Tanh.*Pass activation="):
            task_class.from_pretrained(folder)
        task_class.from_pretrained(folder, activation="linear")
    kerasbert.load_encoder(folder)  # which has no use for it


def test_code_of_an_author_is_not_run_and_told(tmp_path):
    stated = {"activation_fn": "my_package.MyActivation"}
    folder = folder_of(REGRESSION, tmp_path / "m", sentence_transformers=stated)
    task, told = load(kerasbert.TextRegressor, folder)
    assert "my_package.MyActivation" in told[0] and "not run" in told[0]
    assert task.low is None  # problem_type=regression


def test_one_label_is_no_certainty_and_is_not_refused_by_a_softmax_in_silence(tmp_path):
    classifier, _ = load(kerasbert.TextClassifier, REGRESSION)
    assert classifier.activation == "linear"
    with pytest.raises(ValueError, match="1 classes to be sigmoid, linear"):
        kerasbert.TextClassifier.from_pretrained(REGRESSION, activation="softmax")
    with pytest.raises(ValueError, match="sigmoid.*with multi_label"):
        kerasbert.TextClassifier.from_pretrained(
            CLASSES, multi_label=True, activation="linear"
        )


def test_a_regression_of_several_numbers_is_not_trained_as_a_classifier(tmp_path):
    folder = folder_of(CLASSES, tmp_path / "m", problem_type="regression")
    classifier, _ = load(kerasbert.TextClassifier, folder)
    assert classifier.activation == "linear"
    before = classifier.model.get_weights()
    for train in (
        lambda: classifier.fit(["a", "b"], [0, 1], epochs=1, verbose=0),
        lambda: classifier.compile(label_smoothing=0.1),
    ):
        with pytest.raises(ValueError, match="regression of several values"):
            train()
    for one, two in zip(classifier.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, two)
    classifier.compile(loss=keras.losses.CategoricalHinge())  # which takes logits


@pytest.mark.parametrize(
    ("activation", "multi_label"),
    [("softmax", False), ("sigmoid", True), ("sigmoid", False), ("linear", False)],
)
def test_what_is_saved_comes_back_with_and_without_its_task(
    activation, multi_label, tmp_path
):
    options = {"activation": activation, "multi_label": multi_label}
    task = kerasbert.TextClassifier.from_pretrained(CLASSES, **options)
    task.save(tmp_path / "m")
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    types = {"softmax": "single_label_classification", "linear": "regression"}
    types["sigmoid"] = "multi_label_classification"
    assert config["problem_type"] == types[activation]
    stated = config["sentence_transformers"]["activation_fn"].rpartition(".")[-1]
    assert stated.lower() == {"linear": "identity"}.get(activation, activation)
    assert kerasbert.load(tmp_path / "m").predict(PAIRS) == task.predict(PAIRS)
    again, told = load(kerasbert.TextClassifier, tmp_path / "m")
    assert told == [] and again.options() == task.options()
    (tmp_path / "m" / "kerasbert.json").unlink()
    bare, told = load(kerasbert.TextClassifier, tmp_path / "m")
    assert told == [] and bare.activation == activation and not bare.pairs
    np.testing.assert_array_equal(scores_of(bare), scores_of(task))


@pytest.mark.parametrize("format", ["huggingface", "google_tf1", "keras_hub"])
def test_convert_keeps_the_activation(format, tmp_path):
    folder = folder_of(
        CLASSES, tmp_path / "m", problem_type="multi_label_classification"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        convert(folder, tmp_path / "out", format)
    found = read_checkpoint(tmp_path / "out")
    assert (found.score_activation, found.pairs) == ("sigmoid", None)


def test_a_range_that_others_lack_comes_back_from_its_own_folder(tmp_path):
    task = kerasbert.TextRegressor.from_pretrained(REGRESSION, low=1, high=5)
    with pytest.warns(UserWarning, match="from 1 to 5"):
        task.save(tmp_path / "m")
    again = kerasbert.TextRegressor.from_pretrained(tmp_path / "m")
    assert (again.low, again.high) == (1, 5)
    assert again.predict(PAIRS) == task.predict(PAIRS)


def test_a_cross_encoder_folder_is_a_task(tmp_path):
    folder = folder_of(REGRESSION, tmp_path / "m", problem_type=None)
    write = lambda name, value: (folder / name).write_text(json.dumps(value))  # noqa: E731
    kind = "sentence_transformers.base.modules.transformer.Transformer"
    module = {"idx": 0, "name": "0", "path": "", "type": kind}
    write("modules.json", [module])
    settings = {"model_type": "CrossEncoder", "activation_fn": SIGMOID, "prompts": {}}
    write("config_sentence_transformers.json", settings)
    task = kerasbert.load(folder)
    assert type(task) is kerasbert.TextRegressor and task.pairs
    wanted = [case for case in THEIRS["cases"] if case["source"] == "bert_regression"]
    np.testing.assert_allclose(scores_of(task), wanted[0]["pipeline"], atol=2e-6)
    prompts = {"prompts": {"q": "query: "}, "default_prompt_name": "q"}
    write("config_sentence_transformers.json", settings | prompts)
    with pytest.warns(UserWarning, match="the prompt 'q' before every text"):
        kerasbert.load(folder)
    write("modules.json", [module, {**module, "type": "x.LogitScore", "path": "1"}])
    with pytest.raises(ValueError, match="a Transformer alone.*LogitScore"):
        kerasbert.load(folder)


def test_a_head_of_multiple_choice_is_no_classifier(tmp_path):
    folder = folder_of(
        REGRESSION, tmp_path / "m", architectures=["BertForMultipleChoice"]
    )
    with pytest.warns(UserWarning, match="has the head of 'BertForMultipleChoice'"):
        kerasbert.TextRegressor.from_pretrained(folder)
    with pytest.raises(ValueError, match="Expected labels"):
        kerasbert.TextClassifier.from_pretrained(folder)
    convert(folder, tmp_path / "out", "huggingface")
    written = json.loads((tmp_path / "out" / "config.json").read_text())
    assert written["architectures"] == ["BertForMultipleChoice"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id2label": {"0": "a", "1": "b"}}, "the head has 3"),
        ({"id2label": {"1": "a", "2": "b", "3": "c"}}, "numbered from 0"),
        ({"label2id": {"bad": 2, "so-so": 1, "good": 0}}, "contradict each other"),
        ({"problem_type": "ranking"}, "problem_type='ranking'"),
        ({"architectures": ["BertForRelation"]}, "'BertForRelation'"),
    ],
)
def test_what_a_folder_contradicts_or_leaves_open_is_told(changes, message, tmp_path):
    folder = folder_of(CLASSES, tmp_path / "m", **changes)
    with pytest.warns(UserWarning, match=message):
        kerasbert.TextClassifier.from_pretrained(folder)


def test_two_classes_of_one_name_are_refused(tmp_path):
    names = {"id2label": {"0": "a", "1": "a", "2": "b"}, "label2id": None}
    folder = folder_of(CLASSES, tmp_path / "m", **names)
    with pytest.raises(ValueError, match="different names of classes"):
        kerasbert.TextClassifier.from_pretrained(folder)


def test_exports_give_the_same_scores(tmp_path):
    keras.utils.set_random_seed(0)
    for number, activation in enumerate(("linear", "sigmoid")):
        task, _ = load(kerasbert.TextClassifier, REGRESSION, activation=activation)
        task.pairs = True
        version = task.export(tmp_path / f"m{number}")
        serve = tf.saved_model.load(str(version)).signatures["serving_default"]
        texts, pairs = zip(*PAIRS, strict=True)
        served = serve(text=tf.constant(texts), pair=tf.constant(pairs))
        np.testing.assert_allclose(served["scores"], scores_of(task), atol=2e-6)
