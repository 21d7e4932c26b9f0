import pathlib

import keras
import numpy as np
import pytest

import kerasbert
from kerasbert.cli.pretrain_config import pretrain_config, read_recipe, recipe_names
from kerasbert.models import MaskedLMModel
from kerasbert.training.memory_estimate import (
    parameter_count,
    step_flops,
    training_memory,
)
from tests.models import tiny

PAGE = pathlib.Path(__file__).parents[2] / "docs/pages/guides/scaling.md"
ON_JAX = keras.backend.backend() == "jax"


@pytest.mark.parametrize(
    "make, changes",
    [(tiny.bert, {}), (tiny.albert, {}), (tiny.albert, {"inner_group_num": 2})],
)
def test_weights_are_those_of_the_model(make, changes):
    encoder = make(**changes)
    pooler = encoder.pooler.count_params()
    model = MaskedLMModel(encoder)
    assert parameter_count(encoder.config) == model.count_params() + pooler


@pytest.mark.skipif(not ON_JAX, reason="TensorFlow does not tell what a tape stores")
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("rematerialized", [False, True])
def test_activations_are_those_that_jax_stores(dtype, dropout, rematerialized):
    import jax

    rows, length = 4, 48
    config = kerasbert.BertConfig(
        vocab_size=100,
        hidden_size=48,
        num_hidden_layers=6,
        num_attention_heads=3,
        intermediate_size=192,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    encoder = kerasbert.BertEncoder(config, dtype=dtype)
    if rematerialized:
        encoder.rematerialize()
    ones = np.ones((rows, length), "int32")
    inputs = {"token_ids": ones, "segment_ids": ones, "padding_mask": ones}
    trained = [v.value for v in encoder.trainable_variables]
    others = [v.value for v in encoder.non_trainable_variables]

    def loss(trained):
        outputs, _ = encoder.stateless_call(trained, others, inputs, training=True)
        return outputs["sequence_output"].sum()

    shapes = jax.eval_shape(lambda t: jax.vjp(loss, t)[1], trained)
    stored = sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(shapes))
    found = training_memory(config, rows, length, dtype, rematerialized=rematerialized)
    logits = 2 * 4 * round(0.15 * rows * length) * config.vocab_size
    weights = sum(4 * v.size for v in trained)  # of which the backward pass has some
    if rematerialized:  # one block is there while it is computed again
        assert stored - weights < found.activations - logits
    else:
        assert found.activations - logits == pytest.approx(stored - weights, rel=0.15)


def recipe_rows():
    """The table of the page: memory, and the time of a step at half of 312 TFLOPS."""
    for name in sorted(recipe_names(), key=_size_of):
        run, config, options = _parts_of(name)
        accumulation = kerasbert.Recipe(**run.recipe).accumulation
        how = {"dtype": "mixed_bfloat16", "accumulation": accumulation}
        whole = training_memory(config, **options, **how)
        how |= {"batch_size": 16, "rematerialized": True, "accumulation": 2}
        small = training_memory(config, length=options["length"], **how)
        work = step_flops(config, **options)
        cells = [
            f"`{name}`",
            f"{parameter_count(config) / 1e6:.1f}",
            f"{options['batch_size']} x {options['length']}",
            f"{(whole.total - whole.activations) / 1e9:.2f}",
            f"{whole.activations / 1e9:.1f}",
            f"{small.total / 1e9:.1f}",
            f"{work / 1e12:.2f}",
            f"{work / (0.5 * 312e12):.3f}",
        ]
        yield f"| {' | '.join(cells)} |"


def _parts_of(name):
    run = pretrain_config(**read_recipe(name), corpus="a.txt", vocabulary="b")
    kind = {"bert": kerasbert.BertConfig, "albert": kerasbert.AlbertConfig}[run.family]
    options = {"batch_size": run.batch_size, "length": run.max_length}
    return run, kind(**run.architecture), options


def _size_of(name):
    return name.split("_")[0] != "bert", step_flops(_parts_of(name)[1], 1, 1)


def test_the_table_of_recipes_is_what_is_estimated():
    lines = PAGE.read_text("utf-8").splitlines()
    missing = [row for row in recipe_rows() if row not in lines]
    assert not missing, "\n".join(missing)
