"""Every folder of every container answers as the reference implementation does."""

import keras
import numpy as np
import pytest

from kerasbert.models import load_encoder, load_model
from tests.checkpoints.on_disk import (
    FOLDERS,
    INPUTS,
    case,
    expected,
    folder,
    outputs,
    quiet,
)

LIMIT = 3e-6
# What of a model's outputs a container has no head for.
WITHOUT = {
    "tfhub": {"mlm_logits", "pair_logits"},
    "tfhub_mlm": {"pair_logits"},
}
NOT_OUTPUTS = {"token_ids", "segment_ids", "padding_mask", "texts", "embeddings"}
OUR_NAMES = {"sequence_logits": "logits", "token_logits": "logits"}
SENTENCE = [f for f in FOLDERS if f.name == "sentence_transformers"]
OTHERS = [f for f in FOLDERS if f not in SENTENCE]


def test_there_are_as_many_models_as_the_readme_says():
    containers = {}
    for path in FOLDERS:
        containers[path.name] = containers.get(path.name, 0) + 1
    assert containers == {
        "google_tf1": 5,
        "huggingface": 41,
        "keras_hub": 10,
        "sentence_transformers": 15,
        "tf1_hub": 4,
        "tfhub": 2,
        "tfhub_mlm": 3,
    }


@pytest.mark.parametrize("path", [case(path) for path in OTHERS])
def test_outputs_are_those_of_the_reference(path):
    reference = expected(path)
    with quiet():
        model = load_model(path)
    found = outputs(model, reference)
    names = reference.keys() - NOT_OUTPUTS - WITHOUT.get(path.name, set())
    if "pooled_output" in names - found.keys():  # of a pooler that the model left out
        found |= outputs(load_encoder(path), reference)
    for name in names - {"inner_hidden_states", "attention_probs"}:
        array = found[OUR_NAMES.get(name, name)]
        assert array.shape == reference[name].shape, name
        np.testing.assert_allclose(
            array, reference[name], rtol=0, atol=LIMIT, err_msg=name
        )


@pytest.mark.parametrize("name", ["bert_relu", "albert_tiny"])
def test_attention_probabilities_are_those_of_the_reference(name):
    path = folder(f"{name}/huggingface")
    reference = expected(path)
    encoder = load_encoder(path)
    inputs = {name: reference[name] for name in INPUTS}
    probs = keras.ops.stack(encoder.attention_model()(inputs)["attention_probs"])
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(probs),
        reference["attention_probs"],
        rtol=0,
        atol=LIMIT,
    )


def test_every_block_of_a_group_runs_where_it_belongs():
    path = folder("albert_groups/huggingface")
    reference = expected(path)
    encoder = load_encoder(path)
    states = [reference["inner_hidden_states"][0]]
    bias = np.where(reference["padding_mask"][:, None, None], 0.0, -1e9)
    for blocks in encoder.layer_blocks:
        for block in blocks:
            state = block(states[-1], attention_bias=bias.astype("float32"))
            states.append(keras.ops.convert_to_numpy(state))
    np.testing.assert_allclose(
        np.stack(states), reference["inner_hidden_states"], rtol=0, atol=LIMIT
    )


POOLINGS = {
    "sentence_mean": lambda states, mask: unit(mean(states, mask)),
    "sentence_new": lambda states, mask: unit(mean(states, mask)),
    "sentence_mean_raw": lambda states, mask: mean(states, mask),
    "sentence_albert": lambda states, mask: mean(states, mask),
    "sentence_cls": lambda states, mask: unit(states[:, 0]),
    "sentence_max": lambda states, mask: unit(largest(states, mask)),
    "sentence_sqrt_length": lambda states, mask: (
        mean(states, mask) * np.sqrt(mask.sum(1, keepdims=True))
    ),
    "sentence_mean_max": lambda states, mask: np.concatenate(
        [largest(states, mask), mean(states, mask)], axis=1
    ),
}


def mean(states, mask):
    return (states * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)


def largest(states, mask):
    return np.where(mask[..., None] == 1, states, -np.inf).max(1)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("name", POOLINGS)
def test_the_encoder_of_a_sentence_transformers_folder_is_its_first_module(name):
    path = folder(f"{name}/sentence_transformers")
    batch = expected(path)
    batch["segment_ids"] = np.zeros_like(batch["token_ids"])
    states = outputs(load_encoder(path), batch)["sequence_output"]
    found = POOLINGS[name](states, batch["padding_mask"])
    np.testing.assert_allclose(found, batch["embeddings"], rtol=0, atol=LIMIT)


def test_a_training_checkpoint_is_read_without_its_optimizer():
    pytest.importorskip("tensorflow")
    from kerasbert.checkpoints import read_checkpoint

    checkpoint = read_checkpoint(folder("bert_toy_tf1"))
    reasons = {entry.note for entry in checkpoint.ledger.ignored}
    assert reasons == {"ignored: optimizer", "ignored: training step"}
    assert checkpoint.heads == ("masked_lm_head", "pair_head")
    sizes = {entry.name: entry.shape for entry in checkpoint.ledger.used}
    assert len(sizes) * 3 + 1 == len(checkpoint.ledger.entries)
