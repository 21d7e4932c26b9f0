"""The tables of names: whole, unambiguous, and the same both ways."""

import numpy as np
import pytest

from kerasbert import models
from kerasbert.checkpoints import (
    google_tf1,
    huggingface_tables,
    keras_hub_tables,
    tf_hub,
    transforms,
    variables,
)
from kerasbert.config import AlbertConfig, BertConfig
from kerasbert.models.head_model import HeadModel
from kerasbert.models.loading import variables_of

SIZES = dict(
    vocab_size=13,
    hidden_size=12,
    num_attention_heads=3,
    intermediate_size=7,
    max_position_embeddings=11,
    type_vocab_size=5,
)
BERT = BertConfig(num_hidden_layers=2, **SIZES)
ALBERT = AlbertConfig(num_hidden_layers=3, embedding_size=4, **SIZES)
GROUPS = AlbertConfig(
    num_hidden_layers=4,
    num_hidden_groups=2,
    inner_group_num=2,
    embedding_size=4,
    **SIZES,
)
CONFIGS = {"bert": BERT, "albert": ALBERT, "albert_groups": GROUPS}
CLASSES = 6

TABLES = {
    "google_tf1-bert": (google_tf1.BERT, BERT),
    "google_tf1-albert": (google_tf1.ALBERT, GROUPS),
    "huggingface-bert": (huggingface_tables.BERT, BERT),
    "huggingface-albert": (huggingface_tables.ALBERT, GROUPS),
    "keras_hub-bert": (keras_hub_tables.BERT, BERT),
    "keras_hub-albert": (keras_hub_tables.ALBERT, GROUPS),
    "tf_hub-bert": (tf_hub.BERT, BERT),
    "tf_hub-albert": (tf_hub.ALBERT, ALBERT),
}
TRANSFORMS = {
    "SAME": (12, 7),
    "TRANSPOSE": (12, 7),
    "JOIN_HEADS": (7, 12),
    "JOIN_HEADS_IN": (12, 7),
}


def encoder_of(config):
    is_albert = isinstance(config, AlbertConfig)
    return (models.AlbertEncoder if is_albert else models.BertEncoder)(config)


def shapes_of(model):
    return {path: tuple(v.shape) for path, v in variables_of(model).items()}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_the_variables_of_an_encoder_are_those_that_are_listed(config):
    letters = {**variables.encoder_variables(config), **variables.POOLER}
    listed = {path: variables.shape_of(axes, config) for path, axes in letters.items()}
    encoder = encoder_of(config)
    assert shapes_of(encoder) == listed
    assert len(encoder.weights) == len(listed)


@pytest.mark.parametrize("model_class", HeadModel.classes)
def test_the_variables_of_a_head_are_those_that_are_listed(model_class):
    heads = model_class.heads
    arguments = (CLASSES,) if "classification_head" in heads else ()
    model = model_class(encoder_of(ALBERT), *arguments)
    encoder = model.encoder
    listed = {
        path: variables.shape_of(axes, ALBERT, CLASSES)
        for head in heads
        for path, axes in variables.HEADS[head].items()
    }
    own = {p: s for p, s in shapes_of(model).items() if p not in shapes_of(encoder)}
    assert own == listed
    assert len(model.weights) == len(encoder.weights) + len(listed)


def test_every_head_of_the_list_has_a_model():
    heads = {head for model in HeadModel.classes for head in model.heads}
    assert heads == {*variables.HEADS}


@pytest.mark.parametrize("table, config", TABLES.values(), ids=TABLES)
def test_a_table_names_every_variable_of_the_encoder_once(table, config):
    rows = table.rows(config)
    ours = [row.ours for row in rows]
    theirs = [row.theirs for row in rows]
    assert len(set(ours)) == len(ours)
    assert len(set(theirs)) == len(theirs)
    encoder = {row.ours for row in rows if row.group == "encoder"}
    assert encoder == variables.encoder_variables(config).keys()
    pooler = {row.ours for row in rows if row.group == "pooler"}
    assert pooler == variables.POOLER.keys()
    for head in table.heads:
        in_head = {row.ours for row in rows if row.group == head}
        assert in_head == variables.HEADS[head].keys()


@pytest.mark.parametrize("name, shape", TRANSFORMS.items())
def test_a_transform_is_undone_by_its_inverse(name, shape):
    transform = getattr(transforms, name)
    ours = np.random.default_rng(0).normal(size=shape)
    theirs = transform.save(ours, num_heads=3)
    np.testing.assert_array_equal(transform.load(theirs), ours)
    assert theirs.shape == transform.saved_shape(ours.shape, 3)
    np.testing.assert_array_equal(transform.save(transform.load(theirs), 3), theirs)


def test_heads_are_joined_one_after_the_other():
    query = np.arange(24).reshape(4, 3, 2)  # [D, N, H]
    joined = transforms.JOIN_HEADS.load(query)  # [D, N * H]
    np.testing.assert_array_equal(joined[1], [6, 7, 8, 9, 10, 11])
    output = np.arange(24).reshape(3, 2, 4)  # [N, H, D]
    joined = transforms.JOIN_HEADS_IN.load(output)  # [N * H, D]
    np.testing.assert_array_equal(joined[3], output[1, 1])
