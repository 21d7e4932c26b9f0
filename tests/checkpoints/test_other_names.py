"""The names that other programs and other years gave to the same weights."""

import json
import pickle
import re
import shutil

import numpy as np
import pytest

from kerasbert.checkpoints import read_checkpoint
from kerasbert.checkpoints.names import rows_in
from tests.checkpoints.on_disk import (
    assert_same_checkpoint,
    copy,
    folder,
    needs_tensorflow,
    read,
    weights,
)

# --- TF Hub -----------------------------------------------------------------------

# From the names of today to those of the exports of 2019 and of 2020.
OF_2019 = [
    (r"^word_embeddings/", "bert_model/word_embeddings/"),
    (
        r"^type_embeddings/embeddings$",
        "bert_model/embedding_postprocessor/type_embeddings",
    ),
    (
        r"^position_embedding/embeddings$",
        "bert_model/embedding_postprocessor/position_embeddings",
    ),
    (r"^embeddings/layer_norm/", "bert_model/embedding_postprocessor/layer_norm/"),
    (r"^transformer/", "bert_model/encoder/"),
    (r"/self_attention/attention_output/", "/self_attention_output/"),
    (r"^pooler_transform/", "bert_model/pooler_transform/"),
]
OF_2020 = [
    (r"/self_attention/attention_output/", "/self_attention_output/"),
    (r"^cls/predictions/output_bias/bias$", "cls/predictions/output_bias"),
    (r"^cls/", "bert_pretrainer/cls/"),
]


def export(checkpoint, rows, names, target):
    """A SavedModel with other names, whose layers call one function each."""
    import tensorflow as tf

    module = tf.Module()
    module.variables_of_it = []
    for row in rows:
        if row.ours in checkpoint.weights:
            name = row.theirs
            for pattern, replacement in names:
                name = re.sub(pattern, replacement, name)
            array = row.transform.save(
                checkpoint.weights[row.ours](), checkpoint.config.num_attention_heads
            )
            module.variables_of_it.append(tf.Variable(array, name=name))

    @tf.function(input_signature=[tf.TensorSpec([None, 4])])
    def layer(states):
        return tf.nn.softmax(states) * tf.tanh(tf.pow(states, 3.0))

    @tf.function(input_signature=[tf.TensorSpec([None, 4])])
    def encoder(states):
        for _ in range(checkpoint.config.num_hidden_layers):
            states = layer(states)
        return states

    module.encoder = encoder
    tf.saved_model.save(module, str(target))
    return target


@needs_tensorflow
@pytest.mark.parametrize("names", [OF_2019, OF_2020], ids=["2019", "2020"])
def test_bert_of_older_exports_is_read(names, tmp_path):
    checkpoint = read(folder("bert_pretraining/tfhub_mlm"))
    exported = export(
        checkpoint, rows_in(checkpoint.config, "tf_hub"), names, tmp_path / "old"
    )
    assert_same_checkpoint(read_checkpoint(exported), checkpoint)


@needs_tensorflow
def test_albert_of_older_exports_is_read_layers_counted_through_calls(tmp_path):
    checkpoint = read(folder("albert_tiny/tfhub_mlm"))
    exported = export(
        checkpoint, rows_in(checkpoint.config, "tf_hub"), OF_2020, tmp_path / "old"
    )
    found = read_checkpoint(exported)
    assert found.config.num_hidden_layers == 4
    assert_same_checkpoint(found, checkpoint)


@needs_tensorflow
def test_the_activation_is_read_off_the_graph(tmp_path):
    import tensorflow as tf

    from kerasbert.checkpoints.saved_model_graph import read_graph

    functions = {
        "gelu": lambda x: tf.nn.gelu(x),
        "gelu_tanh": lambda x: tf.nn.gelu(x, approximate=True),
        "relu": lambda x: tf.nn.relu(x),
    }
    for name, function in functions.items():
        module = tf.Module()
        module.function = tf.function(
            function, input_signature=[tf.TensorSpec([None, 4])]
        )
        tf.saved_model.save(module, str(tmp_path / name))
        facts = read_graph(tmp_path / name / "saved_model.pb")
        assert facts.activation == name
        assert facts.attention_count == 0


# --- Google's own code ------------------------------------------------------------


def write_tf1(target, config, tensors):
    import tensorflow as tf

    target.mkdir()
    shutil.copy(config, target / config.name)
    tf.raw_ops.SaveV2(
        prefix=str(target / "model.ckpt-1000"),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=[tf.constant(array) for array in tensors.values()],
    )
    return target


def google_tensors(checkpoint):
    heads = checkpoint.config.num_attention_heads
    return {
        row.theirs: row.transform.save(checkpoint.weights[row.ours](), heads)
        for row in rows_in(checkpoint.config, "google_tf1")
        if row.ours in checkpoint.weights
    }


def slots_of(tensors):
    """What optimizers and training leave beside the weights."""
    one = np.float32(1)
    slots = {f"{name}/adam_m": array * 0 for name, array in tensors.items()}
    slots |= {f"{name}/adam_v": array * 0 for name, array in tensors.items()}
    slots |= {f"{name}/lamb_m_1": array * 0 for name, array in tensors.items()}
    slots |= {"beta1_power": one, "beta2_power": one, "Variable": one}
    return {**slots, "global_step": np.int64(1000)}


GOOGLE = {
    "bert": "bert_pretraining/google_tf1/bert_config.json",
    "albert": "albert_pretraining/google_tf1/albert_config.json",
}


@needs_tensorflow
@pytest.mark.parametrize("kind", GOOGLE)
def test_a_fine_tuned_classifier_of_google_is_read(kind, tmp_path):
    file = GOOGLE[kind]
    checkpoint = read(folder(file).parent)
    tensors = google_tensors(checkpoint)
    tensors = {name: a for name, a in tensors.items() if not name.startswith("cls/")}
    rng = np.random.default_rng(0)
    tensors["output_weights"] = rng.normal(size=(3, 24)).astype("float32")
    tensors["output_bias"] = rng.normal(size=3).astype("float32")
    found = read_checkpoint(
        write_tf1(tmp_path / "out", folder(file), {**tensors, **slots_of(tensors)})
    )
    assert found.heads == ("classification_head",)
    assert found.labels == ("0", "1", "2")
    kernel = found.weights["classification_head/dense/kernel"]()
    np.testing.assert_array_equal(kernel, tensors["output_weights"].T)
    assert len(found.ledger.ignored) == 3 * len(tensors) + 4


@needs_tensorflow
@pytest.mark.parametrize("kind", GOOGLE)
def test_a_question_answerer_of_google_is_read(kind, tmp_path):
    file = GOOGLE[kind]
    checkpoint = read(folder(file).parent)
    tensors = google_tensors(checkpoint)
    rng = np.random.default_rng(0)
    tensors["cls/squad/output_weights"] = rng.normal(size=(2, 24)).astype("float32")
    tensors["cls/squad/output_bias"] = rng.normal(size=2).astype("float32")
    found = read_checkpoint(write_tf1(tmp_path / "out", folder(file), tensors))
    assert found.heads == ("masked_lm_head", "pair_head", "span_head")
    bias = found.weights["span_head/dense/bias"]()
    np.testing.assert_array_equal(bias, tensors["cls/squad/output_bias"])


@needs_tensorflow
def test_the_head_of_albert_for_squad_2_is_left_out_by_name(tmp_path):
    file = GOOGLE["albert"]
    tensors = google_tensors(read(folder(file).parent))
    wanted = read(folder(file).parent)
    tensors["start_logits/dense/kernel"] = np.zeros((24, 1), "float32")
    path = write_tf1(tmp_path / "out", folder(file), tensors)
    with pytest.warns(UserWarning, match=r"not used: start_logits/dense/kernel"):
        assert_same_checkpoint(read_checkpoint(path), wanted)
    with pytest.raises(ValueError, match=r"start_logits/dense/kernel"):
        read_checkpoint(path, strict=True)


@needs_tensorflow
def test_google_weights_beside_a_configuration_of_transformers_are_read(tmp_path):
    path = copy("bert_pretraining/google_tf1", tmp_path)
    wanted = read(path)
    values = json.loads((path / "bert_config.json").read_text())
    values["model_type"] = "bert"
    (path / "bert_config.json").unlink()
    (path / "config.json").write_text(json.dumps(values))
    found = read(path)
    assert found.container == "google_tf1"
    assert found.config == wanted.config


# --- Hugging Face -----------------------------------------------------------------


def test_a_torch_archive_of_2018_is_read(tmp_path):
    """`pytorch_model.bin` beside `bert_config.json`: `gelu` was the erf form there."""
    path = copy("bert_torch_bin_2019/huggingface", tmp_path)
    (path / "config.json").rename(path / "bert_config.json")
    found = read(path)
    assert found.container == "huggingface"
    assert found.config.hidden_act == "gelu"
    wanted = weights(read(folder("bert_torch_bin_2019/huggingface")))
    assert found.weights.keys() == wanted.keys()


def test_names_that_data_parallel_prefixed_are_read(tmp_path):
    from safetensors.numpy import load_file, save_file

    path = copy("albert_sequence_classification/huggingface", tmp_path)
    wanted = read(folder("albert_sequence_classification/huggingface"))
    file = path / "model.safetensors"
    save_file({f"module.{k}": v for k, v in load_file(file).items()}, file)
    found = read(path)
    assert_same_checkpoint(found, wanted)
    assert all(entry.name.startswith("module.") for entry in found.ledger.entries)


def test_a_pickle_of_anything_but_tensors_is_refused(tmp_path):
    path = copy("bert_bare/huggingface", tmp_path)
    (path / "model.safetensors").unlink()
    with open(path / "pytorch_model.bin", "wb") as file:
        pickle.dump({"weight": print}, file)
    with pytest.raises(ValueError, match=r"pytorch_model\.bin"):
        read_checkpoint(path)
