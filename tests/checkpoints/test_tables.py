"""The tables of names: whole, unambiguous, and the same both ways."""

import dataclasses

import numpy as np
import pytest

from kerasbert import models
from kerasbert.checkpoints.names import (
    CONTAINERS,
    FAMILIES,
    family_of,
    names_of,
    rows_in,
    table,
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
    f"{container}-{kind}": (container, config)
    for kind, config in CONFIGS.items()
    for container in CONTAINERS
    if getattr(family_of(config), container) is not None
    and (container, kind) != ("tf_hub", "albert_groups")
}
TRANSFORMS = {
    "SAME": (12, 7),
    "TRANSPOSE": (12, 7),
    "JOIN_HEADS": (7, 12),
    "JOIN_HEADS_IN": (12, 7),
}


def encoder_of(config):
    return models.Encoder.classes[type(config)](config)


def shapes_of(model):
    return {path: tuple(v.shape) for path, v in variables_of(model).items()}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_the_variables_of_an_encoder_are_those_that_are_listed(config):
    rows = rows_in(config, "huggingface")
    listed = {
        row.ours: table.shape_of(row.letters, config)
        for row in rows
        if row.group in ("encoder", "pooler")
    }
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
        path: table.shape_of(axes, ALBERT, CLASSES)
        for head in heads
        for path, axes in table.HEADS[head].items()
    }
    own = {p: s for p, s in shapes_of(model).items() if p not in shapes_of(encoder)}
    assert own == listed
    assert len(model.weights) == len(encoder.weights) + len(listed)


def test_every_head_of_the_list_has_a_model():
    heads = {head for model in HeadModel.classes for head in model.heads}
    assert heads == {*table.HEADS}


@pytest.mark.parametrize("container, config", TABLES.values(), ids=TABLES)
def test_a_table_names_every_variable_of_the_encoder_once(container, config):
    rows = rows_in(config, container)
    ours = [row.ours for row in rows]
    assert len(set(ours)) == len(ours)
    assert len({row.theirs for row in rows}) == len(rows)
    encoder = {path for path in shapes_of(encoder_of(config))}
    assert {r.ours for r in rows if r.group in ("encoder", "pooler")} == encoder
    for head in {row.group for row in rows} - {"encoder", "pooler"}:
        in_head = {row.ours for row in rows if row.group == head}
        assert in_head == table.HEADS[head].keys()


def test_a_container_with_fewer_names_than_blocks_refuses():
    with pytest.raises(ValueError, match="4 blocks with weights of their own"):
        rows_in(GROUPS, "tf_hub")


def test_a_container_without_a_family_names_what_it_holds():
    [bert] = [family for family in FAMILIES if family.name == "bert"]
    lacking = dataclasses.replace(bert, google_tf1=None, title="Other")
    with pytest.raises(ValueError, match="google_tf1 has no Other: it holds ALBERT"):
        names_of(lacking, "google_tf1")


@pytest.mark.parametrize("name, shape", TRANSFORMS.items())
def test_a_transform_is_undone_by_its_inverse(name, shape):
    transform = getattr(table, name)
    ours = np.random.default_rng(0).normal(size=shape)
    theirs = transform.save(ours, num_heads=3)
    np.testing.assert_array_equal(transform.load(theirs), ours)
    assert theirs.shape == transform.saved_shape(ours.shape, 3)
    np.testing.assert_array_equal(transform.save(transform.load(theirs), 3), theirs)


def test_heads_are_joined_one_after_the_other():
    query = np.arange(24).reshape(4, 3, 2)  # [D, N, H]
    joined = table.JOIN_HEADS.load(query)  # [D, N * H]
    np.testing.assert_array_equal(joined[1], [6, 7, 8, 9, 10, 11])
    output = np.arange(24).reshape(3, 2, 4)  # [N, H, D]
    joined = table.JOIN_HEADS_IN.load(output)  # [N * H, D]
    np.testing.assert_array_equal(joined[3], output[1, 1])
