"""Bad folders are refused with a message that names the file and what to do."""

import json
import struct

import numpy as np
import pytest

from kerasbert import config, models
from kerasbert.checkpoints import convert, read_checkpoint, write_checkpoint
from kerasbert.checkpoints.config_keys import check_vocabulary_size
from kerasbert.models import load_encoder, load_model
from tests.checkpoints.on_disk import (
    HAS_TENSORFLOW,
    copy,
    edit,
    folder,
    needs_tensorflow,
    read,
    without_folder,
)

BERT = "bert_pretraining/huggingface"
ALBERT = "albert_bare/huggingface"


def refused(path, *words, error=ValueError, strict=False):
    """Loads a folder, and checks that each of the words is in the one-line reason."""
    with pytest.raises(error) as caught:
        load_model(path, strict=strict)
    for word in words:
        assert str(word) in str(caught.value), f"{word!r} not in: {caught.value}"


# --- No model ---------------------------------------------------------------------


def test_there_is_no_such_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        read_checkpoint(tmp_path / "nothing")


def test_an_empty_folder_is_no_model(tmp_path):
    refused(tmp_path, tmp_path, "config.json (Hugging Face", "found an empty folder")


def test_a_folder_of_other_things_is_no_model(tmp_path):
    for number in range(12):
        (tmp_path / f"photo_{number:02}.jpg").write_bytes(b"")
    refused(tmp_path, "is no model", "photo_00.jpg", "photo_07.jpg, ...", "Name the")


def test_weights_of_another_framework_are_named(tmp_path):
    path = copy(BERT, tmp_path)
    (path / "model.safetensors").rename(path / "tf_model.h5")
    refused(
        path,
        "Expected weights in",
        "model.safetensors",
        "there is only tf_model.h5",
        error=FileNotFoundError,
    )


@needs_tensorflow
def test_a_preprocessing_model_of_tf_hub_is_no_encoder():
    path = folder("bert_tiny/tfhub_preprocess")
    refused(path, path, "holds a vocabulary alone: name the encoder")


@needs_tensorflow
def test_a_saved_model_of_something_else_is_refused(tmp_path):
    import tensorflow as tf

    module = tf.Module()
    module.variable = tf.Variable([1.0])
    tf.saved_model.save(module, str(tmp_path / "other"))
    refused(tmp_path / "other", "Expected the variables of a BERT or ALBERT encoder")
    (tmp_path / "other" / "tfhub_module.pb").write_bytes(b"\x08\x03")
    refused(tmp_path / "other", "Expected the variables of BERT or ALBERT in")


def test_a_preset_of_another_model_is_refused(tmp_path):
    path = copy("keras_hub_bert/keras_hub", tmp_path)
    edit(path / "config.json", class_name="RobertaBackbone")
    refused(path, path / "config.json", "BertBackbone or AlbertBackbone", "Roberta")


# --- Configurations ---------------------------------------------------------------

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
        refused(path, inner, "which is not in", error=FileNotFoundError)
    module["type"] = "sentence_transformers.models.CLIPModel"
    (path / "modules.json").write_text(json.dumps([module]))
    refused(path, "Expected a Transformer as the first module", "CLIPModel")


# --- Tensors ----------------------------------------------------------------------


def with_tensors(path, change):
    from safetensors.numpy import load_file, save_file

    tensors = load_file(path / "model.safetensors")
    change(tensors)
    save_file(tensors, path / "model.safetensors")
    return path


QUERY = "bert.encoder.layer.1.attention.self.query.weight"


def test_a_missing_tensor_is_named(tmp_path):
    path = with_tensors(copy(BERT, tmp_path), lambda tensors: tensors.pop(QUERY))
    refused(path, path, "missing: " + QUERY.removeprefix("bert."), "(24, 24)")


def test_a_tensor_left_over_is_named(tmp_path):
    def add(tensors):
        tensors["bert.adapter.weight"] = np.zeros((2, 3), "float32")

    refused(with_tensors(copy(BERT, tmp_path), add), "left over: adapter.weight (2, 3)")


def test_a_tensor_of_another_shape_is_named(tmp_path):
    def cut(tensors):
        tensors[QUERY] = tensors[QUERY][:20].copy()

    path = with_tensors(copy(BERT, tmp_path), cut)
    refused(path, "is (20, 24), the configuration asks for (24, 24)")


def test_many_problems_are_counted(tmp_path):
    path = copy(BERT, tmp_path)
    edit(path / "config.json", hidden_size=30)
    refused(path, "shape: embeddings", "and 3", "more", "Is the configuration of this")


def test_half_a_head_is_no_head(tmp_path):
    name = "cls.predictions.transform.dense.bias"
    path = with_tensors(copy(BERT, tmp_path), lambda tensors: tensors.pop(name))
    refused(path, "missing: " + name)


def test_two_names_of_one_variable_are_refused(tmp_path):
    def double(tensors):
        tensors[QUERY.removeprefix("bert.")] = tensors[QUERY] + 1

    refused(with_tensors(copy(BERT, tmp_path), double), "two names of one variable")


def test_an_output_matrix_of_its_own_is_refused(tmp_path):
    def untie(tensors):
        table = tensors["bert.embeddings.word_embeddings.weight"]
        tensors["cls.predictions.decoder.weight"] = table + 1

    refused(with_tensors(copy(BERT, tmp_path), untie), "kerasbert ties the output")


def test_quantised_weights_are_refused(tmp_path):
    def quantise(tensors):
        tensors[QUERY] = (tensors[QUERY] * 100).astype("int8")

    path = with_tensors(copy(BERT, tmp_path), quantise)
    refused(path, "floating-point numbers", QUERY, "model.safetensors", "int8")


# --- Broken files -----------------------------------------------------------------


def cut(file, share=0.5):
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])


BROKEN = [
    (BERT, "model.safetensors"),
    ("bert_sharded/huggingface", "model-00002-of-00002.safetensors"),
    ("bert_torch_bin/huggingface", "pytorch_model.bin"),
    ("bert_torch_bin_2019/huggingface", "pytorch_model.bin"),
    ("keras_hub_bert/keras_hub", "model.weights.h5"),
    ("keras_hub_bert_classifier/keras_hub", "task.weights.h5"),
    ("bert_pretraining/google_tf1", "bert_model.ckpt.index"),
    ("bert_pretraining/google_tf1", "bert_model.ckpt.data-00000-of-00001"),
    ("albert_tiny/tfhub", "saved_model.pb"),
    ("albert_tiny/tfhub", "variables/variables.index"),
    ("albert_tiny/tfhub", "variables/variables.data-00000-of-00001"),
    ("bert_pretraining/tf1_hub", "saved_model.pb"),
]
BROKEN = [
    pytest.param(
        name, file, marks=[needs_tensorflow] if "tf" in name.split("/")[1] else []
    )
    for name, file in BROKEN
]


@pytest.mark.parametrize("name, file", BROKEN)
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
def test_a_truncated_file_is_named(name, file, share, tmp_path):
    path = copy(name, tmp_path)
    cut(path / file, share)
    stem = file.split(".data")[0].removesuffix(".index")
    refused(path, path / stem)


@pytest.mark.parametrize("name, file", BROKEN)
def test_a_file_of_something_else_is_named(name, file, tmp_path):
    path = copy(name, tmp_path)
    (path / file).write_bytes(b"version https://git-lfs.github.com/spec/v1\n" * 50)
    stem = file.split(".data")[0].removesuffix(".index")
    refused(path, path / stem)


def test_a_header_of_absurd_length_is_refused(tmp_path):
    path = copy(BERT, tmp_path)
    (path / "model.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{}")
    refused(path, path / "model.safetensors")


def test_an_index_may_not_name_files_elsewhere(tmp_path):
    path = copy("bert_sharded/huggingface", tmp_path)
    index = path / "model.safetensors.index.json"
    for name in ("../x.safetensors", "/etc/passwd", "gone.safetensors"):
        index.write_text(json.dumps({"weight_map": {"a": name}}))
        refused(path, index, repr(name), "which is not in", error=FileNotFoundError)
    for odd in ([], {}, {"weight_map": ["a"]}, {"weight_map": {"a": 3}}):
        index.write_text(json.dumps(odd))
        refused(path, "Expected a weight_map from tensors to files in", index)


@needs_tensorflow
def test_of_several_checkpoints_one_has_to_be_chosen(tmp_path):
    path = copy("bert_pretraining/google_tf1", tmp_path)
    for file in list(path.glob("bert_model.ckpt.*")):
        new = file.name.replace("bert_model", "model-5")
        (path / new).write_bytes(file.read_bytes())
    refused(
        path,
        "Expected one checkpoint in",
        "bert_model.ckpt, model-5.ckpt",
        error=FileNotFoundError,
    )
    (path / "checkpoint").write_text('model_checkpoint_path: "/tpu/run/model-5.ckpt"')
    assert read_checkpoint(path).heads


@needs_tensorflow
def test_a_checkpoint_needs_its_configuration(tmp_path):
    path = copy("bert_pretraining/google_tf1", tmp_path)
    (path / "bert_config.json").unlink()
    refused(path, "Expected bert_config.json or", error=FileNotFoundError)


@pytest.mark.skipif(HAS_TENSORFLOW, reason="TensorFlow is installed")
@pytest.mark.parametrize("name", ["bert_tiny/google_tf1", "bert_tiny/tfhub"])
def test_where_tensorflow_is_missing_a_way_around_is_told(name):
    with pytest.raises(ImportError, match="--to huggingface") as caught:
        read_checkpoint(folder(name))
    assert str(folder(name)) in str(caught.value)


# --- The wrong model --------------------------------------------------------------


def test_a_model_without_the_head_says_which_it_has():
    with pytest.raises(ValueError, match="no span_head .it has classification_head"):
        models.QuestionAnsweringModel.from_pretrained(
            folder("bert_sequence_classification/huggingface")
        )


def test_an_encoder_of_the_other_kind_says_what_to_use():
    with pytest.raises(ValueError, match="AlbertEncoder, not BertEncoder.*load_encode"):
        models.BertEncoder.from_pretrained(folder(ALBERT))


def test_a_vocabulary_larger_than_the_model_is_refused():
    model = config.BertConfig(vocab_size=200)
    check_vocabulary_size(200, model, "vocab.txt")
    check_vocabulary_size(150, model, "vocab.txt")
    with pytest.raises(ValueError, match="at most 200 tokens .* got 201 in vocab.txt"):
        check_vocabulary_size(201, model, "vocab.txt")


# --- Writing ----------------------------------------------------------------------


def test_a_format_that_nobody_knows_is_refused(tmp_path):
    checkpoint = read(folder(BERT))
    with pytest.raises(ValueError, match="huggingface, google_tf1, keras_hub, got 'on"):
        write_checkpoint(checkpoint, tmp_path / "out", "onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_kept(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("text")
    checkpoint = without_folder(read(folder(BERT)))
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_checkpoint(checkpoint, tmp_path / "out")
    assert (tmp_path / "out" / "thesis.tex").read_text() == "text"
    write_checkpoint(checkpoint, tmp_path / "out", overwrite=True)
    assert read(tmp_path / "out").heads == checkpoint.heads


@pytest.mark.parametrize("format", ["huggingface", "keras_hub"])
def test_a_disk_that_fills_up_leaves_nothing(format, tmp_path, monkeypatch):
    import pathlib

    encoder = load_encoder(folder("bert_gelu_new/huggingface"))
    write_text = pathlib.Path.write_text

    def full(path, *arguments, **more):
        if path.name == "config.json":
            raise OSError(28, "No space left on device")
        return write_text(path, *arguments, **more)

    monkeypatch.setattr(pathlib.Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        encoder.save_pretrained(tmp_path / "out", format)
    assert list(tmp_path.iterdir()) == []


def test_heads_that_no_class_holds_together_are_refused(tmp_path):
    import dataclasses

    checkpoint = without_folder(read(folder(BERT)))
    odd = dataclasses.replace(checkpoint, heads=("pair_head", "span_head"))
    with pytest.raises(ValueError, match="No class of transformers holds the heads"):
        write_checkpoint(odd, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@needs_tensorflow
def test_a_conversion_that_fails_leaves_nothing(tmp_path):
    path = copy("bert_pretraining/google_tf1", tmp_path)
    cut(path / "bert_model.ckpt.data-00000-of-00001", 0.9)
    with pytest.raises(ValueError, match="cannot be read"):
        convert(path, tmp_path / "out", "huggingface")
    assert [file.name for file in tmp_path.iterdir()] == ["model"]
