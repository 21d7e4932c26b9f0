"""Weights under names of wrappers, beside other tensors, in TensorFlow's file."""

import json
import pathlib

import numpy as np
import pytest

from kerasbert import models
from kerasbert.account import Account
from kerasbert.checkpoints import read_checkpoint
from kerasbert.checkpoints.inspect import inspect
from kerasbert.checkpoints.safe_pickle import load_torch
from kerasbert.models import load_encoder
from tests.checkpoints.on_disk import (
    assert_same_checkpoint,
    copy,
    edit,
    folder,
    quiet,
    read,
    refused,
)

BARE = "bert_bare/huggingface"
CLASSIFIER = "bert_sequence_classification/huggingface"
MASKED = "bert_masked_lm/huggingface"
TORCH = pathlib.Path(__file__).parents[1] / "fixtures" / "torch"


def rewrite(path, change):
    """Changes the tensors of a folder; `change` gives the new dictionary."""
    from safetensors.numpy import load_file, save_file

    file = path / "model.safetensors"
    save_file(change(load_file(file)), file)
    return path


def with_extra(path, **shapes):
    extra = {name: np.ones(shape, "float32") for name, shape in shapes.items()}
    return rewrite(path, lambda tensors: tensors | extra)


# --- Prefixes ---------------------------------------------------------------------
PREFIXES = [
    "_orig_mod.",
    "module.",
    "model.",
    "0.auto_model.",
    "encoder.",
    "_orig_mod.module.",
    "model._orig_mod.",
    "model.bert.",
    "module.model.encoder.",
    "backbone.albert.",
]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_what_an_encoder_stands_under_is_taken_away(prefix, tmp_path):
    path = copy(BARE, tmp_path)
    rewrite(path, lambda tensors: {prefix + k: v for k, v in tensors.items()})
    found = read_checkpoint(path, strict=True)
    assert_same_checkpoint(found, read(folder(BARE)))
    assert all(entry.name.startswith(prefix) for entry in found.ledger.entries)
    told = {entry.key: entry.value for entry in inspect(path).account}
    left = prefix.replace("_orig_mod.", "").replace("module.", "")
    assert told.get("(prefix)", "''") == repr(left)


@pytest.mark.parametrize("prefix", ["_orig_mod.", "model.", "module.model."])
def test_the_head_of_a_wrapped_model_is_read(prefix, tmp_path):
    path = copy(CLASSIFIER, tmp_path)
    rewrite(path, lambda tensors: {prefix + k: v for k, v in tensors.items()})
    assert_same_checkpoint(read_checkpoint(path), read(folder(CLASSIFIER)))


def test_wrappers_in_the_middle_of_names_are_taken_away(tmp_path):
    path = copy(CLASSIFIER, tmp_path)
    middle = "bert.encoder._orig_mod.layer.0._checkpoint_wrapped_module."
    rewrite(
        path,
        lambda tensors: {
            k.replace("bert.encoder.layer.0.", middle): v for k, v in tensors.items()
        },
    )
    assert_same_checkpoint(read_checkpoint(path), read(folder(CLASSIFIER)))


def test_a_name_that_nobody_knows_is_doubted(tmp_path):
    path = copy(BARE, tmp_path)
    rewrite(path, lambda tensors: {"retina." + k: v for k, v in tensors.items()})
    with pytest.warns(UserWarning, match=r"under the name retina\.; it is taken"):
        found = read_checkpoint(path)
    assert_same_checkpoint(found, read(folder(BARE)))
    refused(path, "retina.", strict=True)


def test_of_two_encoders_none_is_chosen(tmp_path):
    path = copy(BARE, tmp_path)

    def twice(tensors):
        return {f"{x}.{k}": v for x in ("query", "passage") for k, v in tensors.items()}

    refused(rewrite(path, twice), "2 encoders", "'passage.', 'query.'", path)


def test_an_encoder_of_another_family_is_refused(tmp_path):
    path = copy(BARE, tmp_path)
    rewrite(path, lambda tensors: {"roberta." + k: v for k, v in tensors.items()})
    refused(path, "under the name roberta", "says BERT")


# --- Tensors beside the encoder ---------------------------------------------------
EXTRAS = {
    "linear.weight": (8, 24),
    "crf.transitions": (5, 5),
    "classifier.dense.weight": (24, 24),
    "loss.centers": (3, 24),
    "mlp.0.bias": (24,),
}


@pytest.mark.parametrize("name", EXTRAS)
def test_a_tensor_beside_the_encoder_does_not_stop_it(name, tmp_path):
    path = with_extra(copy(CLASSIFIER, tmp_path), **{name: EXTRAS[name]})
    with pytest.warns(UserWarning, match="tensors that are not used: ") as caught:
        found = read_checkpoint(path)
    assert name in str(caught[0].message)
    assert_same_checkpoint(found, read(folder(CLASSIFIER)))
    [entry] = found.ledger.extra
    assert (entry.name, entry.shape, entry.variable) == (name, EXTRAS[name], None)
    refused(path, name, strict=True)


CHANGING = [
    "bert.encoder.layer.2.output.dense.bias",
    "bert.adapter.weight",
    "bert.encoder.layer.0.attention.self.query.lora_A.default.weight",
    "base_model.model.lora_B.weight",
    "bert.encoder.layer.0.attention.self.distance_embedding.weight",
    "bert.embeddings.projection.weight",
    "prompt_encoder.embedding.weight",
    "bert.encoder.relative_attention_bias.weight",
]


@pytest.mark.parametrize("name", CHANGING)
def test_a_tensor_that_changes_the_encoder_is_refused(name, tmp_path):
    path = with_extra(copy(CLASSIFIER, tmp_path), **{name: (2, 3)})
    refused(path, "left over: " + name.removeprefix("bert."), "(2, 3)")


def test_an_adapter_beside_the_weights_is_refused(tmp_path):
    path = copy(BARE, tmp_path)
    (path / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    refused(path, "adapter_config.json", "merge_and_unload")


def test_a_head_of_another_shape_stops_itself_alone(tmp_path):
    path = copy(CLASSIFIER, tmp_path)
    wide = np.ones((3, 48), "float32")
    rewrite(path, lambda tensors: tensors | {"classifier.weight": wide})
    with pytest.warns(UserWarning, match=r"classification_head cannot be used"):
        found = read_checkpoint(path)
    assert found.heads == () and found.labels == ()
    with quiet():
        assert load_encoder(path).config == found.config
        with pytest.raises(ValueError, match=r"classifier.weight is \(3, 48\)"):
            models.SequenceClassificationModel.from_pretrained(path)
    refused(path, "classification_head", strict=True)


def test_an_output_matrix_of_its_own_stops_the_masked_lm_alone(tmp_path):
    path = copy("bert_old_extras/huggingface", tmp_path)
    name = "cls.predictions.decoder.weight"
    rewrite(path, lambda tensors: tensors | {name: tensors[name] + 1})
    with pytest.warns(UserWarning, match="masked_lm_head cannot be used"):
        found = read_checkpoint(path)
    assert found.heads == ("pair_head",)
    wanted = read(folder("bert_old_extras/huggingface"))
    encoder = {path for path in wanted.weights if not path.startswith("masked_lm")}
    assert found.weights.keys() == encoder
    with quiet():
        assert models.SentencePairModel.from_pretrained(path)
        with pytest.raises(ValueError, match="differs from embeddings.word_embedd"):
            models.MaskedLMModel.from_pretrained(path)


def test_an_untied_matrix_that_is_missing_is_not_made_up(tmp_path):
    path = copy(MASKED, tmp_path)
    edit(path / "config.json", tie_word_embeddings=False)
    with pytest.warns(UserWarning, match="decoder.weight is missing"):
        assert read_checkpoint(path).heads == ()


# --- Files of training scripts ----------------------------------------------------
@pytest.mark.parametrize("name", ["lightning", "plain", "plain_stream"])
def test_the_weights_of_a_training_script_are_found_by_name(name):
    account = Account()
    found = load_torch(TORCH / f"{name}.ckpt", account)
    prefix = "model." if name == "lightning" else ""
    assert list(found) == [f"{prefix}weight", f"{prefix}bias"]
    np.testing.assert_array_equal(found[f"{prefix}weight"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(found[f"{prefix}bias"], [6, 7])
    told = {entry.key: entry.treatment for entry in account.entries}
    wrapper = "state_dict" if name == "lightning" else "model_state_dict"
    state = "optimizer_states" if name == "lightning" else "optimizer_state_dict"
    assert (told[wrapper], told[state]) == ("used", "ignored")


def test_of_two_dictionaries_of_tensors_none_is_chosen():
    with pytest.raises(ValueError, match="2 dictionaries of tensors, at model, ema"):
        load_torch(TORCH / "ema.ckpt")


def test_a_file_of_weights_may_have_a_name_of_its_own(tmp_path):
    path = copy(BARE, tmp_path)
    (path / "model.safetensors").rename(path / "epoch_3.safetensors")
    (path / "training_args.bin").write_bytes(b"a pickle that nobody runs")
    assert_same_checkpoint(read_checkpoint(path), read(folder(BARE)))
    told = {entry.file for entry in inspect(path).account}
    assert "epoch_3.safetensors" in told
    (path / "epoch_4.pt").write_bytes(b"")
    files = "epoch_3.safetensors, epoch_4.pt"
    refused(path, "one file of weights", files, error=FileNotFoundError)


# --- TensorFlow's file ------------------------------------------------------------
def test_tensorflows_file_is_read_by_name():
    found = read_checkpoint(folder("bert_tf_pretraining/huggingface"), strict=True)
    assert found.heads == ("masked_lm_head", "pair_head")
    went = {entry.variable: entry.name for entry in found.ledger.used}
    assert went["layer_1/attention/query/kernel"] == (
        "bert/tf_bert_for_pre_training/bert/encoder/layer_._1/attention/self/query/"
        "kernel:0"
    )


def test_names_without_the_class_of_the_model_are_read_too(tmp_path):
    import h5py

    path = copy("bert_tf_sequence_classification/huggingface", tmp_path)
    (path / "tf_model.h5").rename(path / "old.h5")
    model = "tf_bert_for_sequence_classification/"
    with h5py.File(path / "old.h5") as old, h5py.File(path / "tf_model.h5", "w") as new:

        def visit(name, item):
            if isinstance(item, h5py.Dataset):
                new[name.partition(model)[2]] = item[()]

        old.visititems(visit)
    wanted = read(folder("bert_tf_sequence_classification/huggingface"))
    assert_same_checkpoint(read_checkpoint(path), wanted)


def test_two_values_of_one_variable_are_refused(tmp_path):
    import h5py

    path = copy("bert_tf_pretraining/huggingface", tmp_path)
    copied = "mlm___cls/tf_bert_for_pre_training/bert/embeddings/LayerNorm/gamma:0"
    with h5py.File(path / "tf_model.h5", "r+") as tensors:
        tensors[copied][0] += 1
    refused(path, "two values of one variable", "LayerNorm/gamma:0")


def test_of_several_files_the_first_in_order_is_read_and_told(tmp_path):
    path = copy("bert_tf_pretraining/huggingface", tmp_path)
    other = folder("bert_pretraining_erf/huggingface/model.safetensors")
    (path / "model.safetensors").write_bytes(other.read_bytes())
    found = inspect(path)
    wanted = read(folder("bert_pretraining_erf/huggingface"))
    assert_same_checkpoint(read_checkpoint(path), wanted, but=("config",))
    told = {(entry.file, entry.key): entry for entry in found.account}
    assert told["model.safetensors", "(file)"].treatment == "used"
    left = told["tf_model.h5", "(file)"]
    assert left.treatment == "ignored"
    assert left.note.startswith("model.safetensors is read instead; it differs in ")


def test_a_configuration_is_told_key_by_key():
    found = inspect(folder(BARE))
    keys = json.loads((folder(BARE) / "config.json").read_text()).keys()
    told = {e.key: e for e in found.account if e.file == "config.json"}
    assert told.keys() == keys
    assert told["hidden_size"].note == "config: hidden_size"
    assert told["use_cache"].treatment == "ignored" and told["use_cache"].note
    assert found.unread.keys() <= {"tokenizer_config.json"}
