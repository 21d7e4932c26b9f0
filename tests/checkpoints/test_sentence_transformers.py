"""What folders say about text to vector; it needs neither TensorFlow nor text."""

import json
import pathlib
import re
import shutil

import numpy as np
import pytest

from kerasbert.checkpoints.sentence_transformers import (
    SentenceModules,
    read_sentence_modules,
    write_sentence_modules,
)

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
EXPECTED = {
    "mean": {"normalize": True},
    "mean_raw": {},
    "cls": {"poolings": ("cls",), "normalize": True},
    "max": {"poolings": ("max",), "normalize": True},
    "sqrt_length": {"poolings": ("sqrt_length",)},
    "mean_max": {"poolings": ("max", "mean")},
    "albert": {},
    "new": {
        "normalize": True,
        "max_length": None,  # the tokenizer says it
        "prompts": {"query": "", "document": ""},
    },
}


@pytest.fixture
def folder(tmp_path):
    """A folder of sentence-transformers to change."""
    shutil.copytree(
        FIXTURES / "sentence_dense" / "sentence_transformers", tmp_path / "model"
    )
    return tmp_path / "model"


def change(file, **changes):
    values = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**values, **changes}))


def with_modules(folder, *kinds):
    modules = [
        {"path": path, "type": f"sentence_transformers.models.{kind}"}
        for kind, path in kinds
    ]
    (folder / "modules.json").write_text(json.dumps(modules))


def written(folder, modules):
    folder.mkdir()
    write_sentence_modules(modules, folder, hidden_size=24)
    return folder


@pytest.mark.parametrize("name", EXPECTED)
def test_what_a_folder_says_is_read(name):
    folder = FIXTURES / f"sentence_{name}" / "sentence_transformers"
    expected = SentenceModules(**{"max_length": 16, **EXPECTED[name]})
    assert read_sentence_modules(folder) == expected


@pytest.mark.parametrize("name", ["dense", "dense_2020"])
def test_a_dense_module_has_a_kernel_and_a_bias(name):
    folder = FIXTURES / f"sentence_{name}" / "sentence_transformers"
    modules = read_sentence_modules(folder)
    assert modules.projections == (
        {"units": 10, "activation": "tanh", "use_bias": True},
    )
    [(kernel, bias)] = modules.projection_weights
    assert (kernel.shape, bias.shape) == ((24, 10), (10,))


def test_a_pickled_dense_module_has_the_same_weights():
    [first], [second] = (
        read_sentence_modules(
            FIXTURES / f"sentence_{name}" / "sentence_transformers"
        ).projection_weights
        for name in ("dense", "dense_2020")
    )
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_folder_that_says_nothing_takes_the_mean(tmp_path):
    assert read_sentence_modules(tmp_path) == SentenceModules()
    assert SentenceModules().poolings == ("mean",)
    assert not SentenceModules().normalize


def test_a_task_of_keras_hub_says_pooling_and_length():
    for name, expected in {
        "keras_hub_bert_embedder": SentenceModules(normalize=True, max_length=16),
        "keras_hub_bert_classifier": SentenceModules(),
        "keras_hub_bert": SentenceModules(),
    }.items():
        assert read_sentence_modules(FIXTURES / name / "keras_hub") == expected


@pytest.mark.parametrize(
    "poolings",
    [("mean",), ("cls", "max", "mean", "sqrt_length"), ("mean", "cls"), ("max",)],
    ids=" ".join,
)
def test_what_is_written_is_read_again(poolings, tmp_path):
    rng = np.random.default_rng(0)
    size = 24 * len(poolings)
    modules = SentenceModules(
        poolings=poolings,
        projections=(
            {"units": 5, "activation": "gelu", "use_bias": True},
            {"units": 3, "activation": "linear", "use_bias": False},
        ),
        projection_weights=(
            (rng.normal(size=(size, 5)).astype("float32"), np.ones(5, "float32")),
            (rng.normal(size=(5, 3)).astype("float32"), None),
        ),
        normalize=True,
        max_length=77,
        prompts={"query": "查询：", "document": ""},
        default_prompt="query",
    )
    read = read_sentence_modules(written(tmp_path / "model", modules))
    for (kernel, bias), (read_kernel, read_bias) in zip(
        modules.projection_weights, read.projection_weights, strict=True
    ):
        np.testing.assert_array_equal(read_kernel, kernel)
        np.testing.assert_array_equal(read_bias, bias)
    for field in ("poolings", "projections", "normalize", "max_length", "prompts"):
        assert getattr(read, field) == getattr(modules, field)
    assert read.default_prompt == "query"


def test_several_poolings_in_their_usual_order_are_written_as_every_release_reads(
    tmp_path,
):
    modules = SentenceModules(poolings=("max", "mean"))
    folder = written(tmp_path / "model", modules)
    assert json.loads((folder / "1_Pooling" / "config.json").read_text()) == {
        "word_embedding_dimension": 24,
        "pooling_mode_cls_token": False,
        "pooling_mode_max_tokens": True,
        "pooling_mode_mean_tokens": True,
        "pooling_mode_mean_sqrt_len_tokens": False,
    }


def test_an_activation_that_sentence_transformers_cannot_name_is_refused(tmp_path):
    modules = SentenceModules(
        projections=({"units": 3, "activation": "gelu_tanh", "use_bias": False},),
        projection_weights=((np.ones((24, 3), "float32"), None),),
    )
    with pytest.raises(ValueError, match="activation .* linear, .*; got gelu_tanh"):
        written(tmp_path / "model", modules)


def test_the_encoder_may_lie_in_a_folder_of_its_own(folder):
    with_modules(folder, ("BERT", "0_BERT"), ("Pooling", "1_Pooling"))
    (folder / "0_BERT").mkdir()
    change(folder / "0_BERT" / "sentence_bert_config.json", max_seq_length=7)
    modules = read_sentence_modules(folder)
    assert (modules.encoder, modules.max_length) == ("0_BERT", 7)


def test_dropout_is_of_training_alone(folder):
    with_modules(
        folder, ("Transformer", ""), ("Pooling", "1_Pooling"), ("Dropout", "2_Dropout")
    )
    assert read_sentence_modules(folder) == SentenceModules(max_length=16)


def test_a_default_prompt_is_one_of_the_prompts(folder):
    file = folder / "config_sentence_transformers.json"
    change(file, prompts={"query": "q: "}, default_prompt_name="query")
    modules = read_sentence_modules(folder)
    assert (modules.prompts, modules.default_prompt) == ({"query": "q: "}, "query")
    change(file, prompts=None, default_prompt_name="query")
    modules = read_sentence_modules(folder)
    assert (modules.prompts, modules.default_prompt) == ({}, None)


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ([("Transformer", ""), ("LSTM", "1")], "asks for .*LSTM after Transformer"),
        ([("WordEmbeddings", "")], "asks for .*WordEmbeddings after nothing"),
        ([("Transformer", ""), ("Dense", "1_Dense")], "Dense after Transformer"),
        ([("Transformer", "")], "a Pooling module in .*modules.json, got none"),
    ],
)
def test_modules_that_there_are_not_are_refused(folder, kinds, message):
    with_modules(folder, *kinds)
    with pytest.raises(ValueError, match=message):
        read_sentence_modules(folder)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"pooling_mode": "attention"}, "the pooling attention, which"),
        ({"pooling_mode_attention": True}, "the pooling pooling_mode_attention"),
        ({"pooling_mode_mean_tokens": False}, "the pooling of nothing"),
        ({"include_prompt": 1}, "a bool under 'include_prompt'"),
    ],
)
def test_poolings_that_there_are_not_are_refused(folder, config, message):
    change(folder / "1_Pooling" / "config.json", **config)
    with pytest.raises(ValueError, match=message):
        read_sentence_modules(folder)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"activation_function": "torch.nn.modules.activation.PReLU"},
            "PReLU.* knows those of torch: Identity",
        ),
        ({"activation_function": "mine.Tanh"}, "the activation 'mine.Tanh'"),
        ({"use_residual": True}, re.escape("residual.weight (10, 24)")),
        ({"module_input_name": "cls_token"}, "nothing for it to take"),
        ({"bias": False}, "says bias=false, but .* holds linear.bias"),
        ({"out_features": 11}, re.escape("linear.weight (11, 24)")),
    ],
)
def test_dense_modules_that_there_are_not_are_refused(folder, config, message):
    change(folder / "2_Dense" / "config.json", **config)
    with pytest.raises(ValueError, match=message):
        read_sentence_modules(folder)


@pytest.mark.parametrize("content", ["[", "[1]", '[{"path": ""}]', '{"a": 1}'])
def test_a_broken_list_of_modules_is_named(folder, content):
    (folder / "modules.json").write_text(content)
    with pytest.raises(ValueError, match=re.escape(str(folder))):
        read_sentence_modules(folder)
