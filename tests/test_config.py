import dataclasses

import pytest

from kerasbert import AlbertConfig, BertConfig

BERT_BASE = dict(
    vocab_size=30522,
    hidden_size=768,
    num_hidden_layers=12,
    num_attention_heads=12,
    intermediate_size=3072,
    hidden_act="gelu",
    hidden_dropout_prob=0.1,
    attention_probs_dropout_prob=0.1,
    max_position_embeddings=512,
    type_vocab_size=2,
    initializer_range=0.02,
    layer_norm_eps=1e-12,
)
ALBERT_BASE = {
    **BERT_BASE,
    "vocab_size": 30000,
    "hidden_act": "gelu_tanh",
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "embedding_size": 128,
    "num_hidden_groups": 1,
    "inner_group_num": 1,
}
SIZES = [name for name, value in ALBERT_BASE.items() if type(value) is int]


def test_defaults_are_the_published_base_models():
    assert dataclasses.asdict(BertConfig()) == BERT_BASE
    assert dataclasses.asdict(AlbertConfig()) == ALBERT_BASE


def test_configurations_are_frozen_and_compare_by_value():
    config = BertConfig(hidden_size=24)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.hidden_size = 12
    assert config == BertConfig(hidden_size=24) != BertConfig()
    assert hash(config) == hash(BertConfig(hidden_size=24))


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("wrong", [0, -1, 1.5, "8", None, True])
def test_sizes_are_positive_integers(name, wrong):
    with pytest.raises(ValueError, match=f"{name} to be a positive integer, got "):
        AlbertConfig(**{name: wrong})


@pytest.mark.parametrize(
    "name", ["hidden_dropout_prob", "attention_probs_dropout_prob"]
)
@pytest.mark.parametrize("wrong", [-0.1, 1.0, 1.5])
def test_dropout_is_a_rate(name, wrong):
    with pytest.raises(ValueError, match=rf"{name} to be a rate in \[0, 1\), got"):
        BertConfig(**{name: wrong})


def test_heads_divide_the_hidden_size():
    with pytest.raises(ValueError, match="hidden_size=768 and num_attention_heads=7"):
        BertConfig(num_attention_heads=7)


def test_unknown_activation_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="one of gelu, gelu_tanh, .* got 'mish'"):
        BertConfig(hidden_act="mish")


def test_there_are_no_more_groups_than_layers():
    assert AlbertConfig(num_hidden_layers=2, num_hidden_groups=2)
    with pytest.raises(ValueError, match="num_hidden_groups=3.*num_hidden_layers=2"):
        AlbertConfig(num_hidden_layers=2, num_hidden_groups=3)
