import numpy as np

from kerasbert.checkpoints.inspect import inspect
from kerasbert.models import load_model
from tests.checkpoints.on_disk import folder, needs_tensorflow


def test_a_folder_is_told_in_full():
    found = inspect(folder("bert_sequence_classification/huggingface"))
    assert found.container == "huggingface"
    assert found.config.hidden_size == 24
    assert found.heads == ("classification_head",)
    assert len(found.labels) == 3
    assert found.absent == ("masked_lm_head", "pair_head", "span_head")
    assert found.tokenizer["kind"] == "wordpiece"
    assert found.tokenizer["vocabulary_size"] == 200


def test_parameters_are_counted_as_the_model_counts_them():
    for name in ("bert_sequence_classification", "albert_pretraining", "albert_bare"):
        path = folder(f"{name}/huggingface")
        assert inspect(path).parameter_count == load_model(path).count_params()


def test_every_tensor_says_where_it_goes_or_why_not():
    found = inspect(folder("bert_old_extras/huggingface"))
    notes = {tensor.name: tensor.note for tensor in found.tensors}
    assert notes["bert.embeddings.position_ids"] == "ignored: a range of numbers"
    decoder = "cls.predictions.decoder.weight"
    assert notes[decoder] == "ignored: tied, checked to be equal"
    query = "bert.encoder.layer.0.attention.self.query.weight"
    tensor = next(tensor for tensor in found.tensors if tensor.name == query)
    assert tensor.variable == "layer_0/attention/query/kernel"
    assert (tensor.note, tensor.shape) == ("transpose", (24, 24))


@needs_tensorflow
def test_tensors_have_the_names_that_they_have_in_the_file():
    found = inspect(folder("albert_tiny/tfhub"))
    assert found.tokenizer["kind"] == "sentencepiece"
    names = {tensor.name for tensor in found.tensors if tensor.variable}
    assert "transformer/self_attention/query/kernel" in names
    assert found.absent == ("masked_lm_head",)


def test_names_of_a_task_are_told_from_those_of_its_backbone():
    found = inspect(folder("keras_hub_bert_classifier/keras_hub"))
    went = {tensor.name: tensor.variable for tensor in found.tensors}
    assert went["layers/dense/vars/0"] == "pooler/dense/kernel"
    assert went["task/layers/dense/vars/0"] == "classification_head/dense/kernel"


def test_inspecting_reads_no_weights(monkeypatch):
    monkeypatch.setattr(np, "asarray", None)
    assert inspect(folder("bert_bare/huggingface")).parameter_count > 0
