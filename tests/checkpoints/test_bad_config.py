"""Configurations that make no sense, or ask for what is not computed here."""

import json

import pytest

from kerasbert.checkpoints import read_checkpoint
from tests.checkpoints.on_disk import (
    copy,
    edit,
    needs_tensorflow,
    refused,
)

BERT = "bert_pretraining/huggingface"
ALBERT = "albert_bare/huggingface"


ASKS_FOR_OTHER_MATHEMATICS = {
    "model_type": "roberta",
    "position_embedding_type": "relative_key_query",
    "is_decoder": True,
    "add_cross_attention": True,
    "hidden_act": "mish",
    "auto_map": {"AutoModel": "theirs--modeling.py"},
    "pruned_heads": {"1": [0]},
    "quantization_config": {"bits": 4},
}


@pytest.mark.parametrize("key", ASKS_FOR_OTHER_MATHEMATICS)
def test_mathematics_that_we_have_not_is_refused(key, tmp_path):
    path = copy(BERT, tmp_path)
    value = ASKS_FOR_OTHER_MATHEMATICS[key]
    edit(path / "config.json", **{key: value})
    name = {"hidden_act": "activation"}.get(key, key)
    refused(path, path / "config.json", name, repr(value), "xpected")


def test_albert_of_other_shapes_is_refused(tmp_path):
    path = copy(ALBERT, tmp_path)
    edit(path / "config.json", gap_size=2)
    refused(path, "gap_size=2, which kerasbert does not compute")


@needs_tensorflow
def test_pre_norm_is_refused(tmp_path):
    path = copy("albert_pretraining/google_tf1", tmp_path)
    edit(path / "albert_config.json", ln_type="preln")
    refused(path, "ln_type='preln'", path / "albert_config.json")


def test_an_unknown_key_is_warned_about_and_refused_when_strict(tmp_path):
    path = copy(BERT, tmp_path)
    edit(path / "config.json", rope_theta=1e4)
    with pytest.warns(UserWarning, match=r"rope_theta=10000\.0\. They are ignored"):
        read_checkpoint(path)
    refused(path, "rope_theta=10000.0", "without strict=True", strict=True)


NO_SENSE = {
    "vocab_size": [-1, 0, "200", 200.0, True, [200], 10**12, 10**30],
    "hidden_size": [25, "24", 10**9],
    "num_attention_heads": [0, 5, None],
    "num_hidden_layers": [0, -3, 10**9, 500, "2"],
    "intermediate_size": [10**12, {}],
    "layer_norm_eps": ["1e-12", -1.0, float("nan")],
    "hidden_dropout_prob": [1.5, "0.1", float("inf")],
    "hidden_act": [["gelu"], 3],
    "model_type": [["bert"], 1],
}


@pytest.mark.parametrize(
    "key, value", [(key, value) for key, values in NO_SENSE.items() for value in values]
)
def test_values_that_make_no_sense_are_refused(key, value, tmp_path):
    path = copy(BERT, tmp_path)
    edit(path / "config.json", **{key: value})
    refused(path, "onfig", error=ValueError)


def test_an_albert_with_a_million_blocks_is_refused_before_it_is_built(tmp_path):
    path = copy(ALBERT, tmp_path)
    edit(path / "config.json", num_hidden_groups=1000, num_hidden_layers=1000)
    refused(path, "asks for 1000 blocks", "Is it the configuration of this checkpoint")
    edit(path / "config.json", inner_group_num=1000)
    refused(path, "asks for 1000000 blocks")


def test_null_is_as_good_as_absent(tmp_path):
    path = copy("bert_bare/huggingface", tmp_path)
    wanted = read_checkpoint(path).config
    edit(path / "config.json", layer_norm_eps=None, hidden_act=None, architectures=None)
    assert read_checkpoint(path).config == wanted


def test_what_decides_about_shapes_has_to_be_there(tmp_path):
    path = copy(BERT, tmp_path)
    edit(path / "config.json", vocab_size=None, intermediate_size=...)
    refused(path, "Expected vocab_size, intermediate_size in", path / "config.json")


@pytest.mark.parametrize("content", ["[]", "3", '"bert"', "null"])
@pytest.mark.parametrize(
    "name, file",
    [(BERT, "config.json"), ("bert_pretraining/google_tf1", "bert_config.json")],
)
def test_a_configuration_that_is_no_object_is_refused(name, file, content, tmp_path):
    path = copy(name, tmp_path)
    file = path / file
    file.write_text(content)
    refused(path, "Expected an object of keys and values in", file)


def test_a_configuration_that_is_no_json_is_refused(tmp_path):
    path = copy(BERT, tmp_path)
    text = (path / "config.json").read_text()
    (path / "config.json").write_text(text[: len(text) // 2])
    refused(path, "Expected JSON in", path / "config.json", "line")
    (path / "config.json").write_bytes(b'{"model_type": "b\xe9rt"}')
    refused(path, "Expected UTF-8 text in", "line 1", "0xe9")


@pytest.mark.parametrize("names", ["BertModel", 3, [], [3], {"a": 1}, None])
def test_odd_architectures_mean_nothing(names, tmp_path):
    path = copy(BERT, tmp_path)
    edit(path / "config.json", architectures=names)
    assert read_checkpoint(path).heads == ("masked_lm_head", "pair_head")


@pytest.mark.parametrize("labels", [["a", "b"], {"a": "b"}, "ab", {"0.5": "a"}])
def test_odd_labels_are_refused(labels, tmp_path):
    path = copy("bert_sequence_classification/huggingface", tmp_path)
    edit(path / "config.json", id2label=labels)
    refused(path, "Expected id2label in", path / "config.json", "numbers to names")


def test_classes_without_a_name_get_one(tmp_path):
    path = copy("bert_sequence_classification/huggingface", tmp_path)
    edit(path / "config.json", id2label={"1": "good"}, classifier_dropout=None)
    assert read_checkpoint(path).labels == ("LABEL_0", "good", "LABEL_2")
    edit(path / "config.json", classifier_dropout="a lot")
    refused(path, "Expected the dropout of the head in", "'a lot'")


def test_what_kerasbert_keeps_for_itself_is_checked(tmp_path):
    path = copy("bert_masked_lm/huggingface", tmp_path)
    edit(path / "config.json", kerasbert=["no"])
    refused(path, "what kerasbert writes there")
    edit(path / "config.json", kerasbert={"masked_lm": {"activation": "exec"}})
    refused(path, "activation and epsilon of the masked LM head", path / "config.json")


@pytest.mark.parametrize(
    "listed", [{}, [], ["x"], [None], [{"path": 3, "type": "a.Transformer"}], 7]
)
def test_odd_modules_are_refused(listed, tmp_path):
    path = copy("sentence_mean/sentence_transformers", tmp_path)
    (path / "modules.json").write_text(json.dumps(listed))
    refused(path, "Expected a list of modules", path / "modules.json")


def test_modules_elsewhere_are_refused(tmp_path):
    path = copy("sentence_mean/sentence_transformers", tmp_path)
    for inner in ("..", "/etc", "0_Transformer"):
        module = {"path": inner, "type": "sentence_transformers.models.Transformer"}
        (path / "modules.json").write_text(json.dumps([module]))
        if inner == "0_Transformer":
            refused(path, inner, "which is not in", error=FileNotFoundError)
        else:
            refused(path, inner, "leads out of")
    module["type"] = "sentence_transformers.models.CLIPModel"
    (path / "modules.json").write_text(json.dumps([module]))
    refused(path, "Expected a Transformer as the first module", "CLIPModel")
