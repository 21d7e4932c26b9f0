"""Steps of fine-tuning without dropout, against those of transformers and torch."""

import json
import pathlib
import shutil

import keras
import numpy as np
import pytest
from keras import ops

from kerasbert import models
from kerasbert.checkpoints.names import rows_in
from kerasbert.models.loading import variables_of
from kerasbert.training import Recipe

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
NO_DROPOUT = {
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "classifier_dropout": 0.0,
}


def class_parts():
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return {"loss": {"logits": loss}}


def span_parts():
    from kerasbert.tasks.question_answering.loss import SlotCrossentropy

    names = ("start_logits", "end_logits")
    return {
        "loss": {name: SlotCrossentropy() for name in names},
        "loss_weights": dict.fromkeys(names, 0.5),
    }


def class_targets(targets, mask):
    return {"logits": targets}


def span_targets(targets, mask):
    """One at the slot of an answer, -1 at padding."""
    names, columns = ("start_logits", "end_logits"), np.arange(mask.shape[1])
    return {
        name: np.where(mask, columns == slots[:, None], -1).astype("int32")
        for name, slots in zip(names, targets.T, strict=True)
    }


HEADS = {
    "bert_sequence_classification": (
        models.SequenceClassificationModel,
        class_parts,
        class_targets,
    ),
    "bert_question_answering": (
        models.QuestionAnsweringModel,
        span_parts,
        span_targets,
    ),
}


@pytest.mark.parametrize("name", HEADS)
def test_the_losses_of_fine_tuning_are_those_of_transformers(name, tmp_path):
    model_class, parts, named = HEADS[name]
    with np.load(FIXTURES / "finetuning.npz") as arrays:
        expected = {
            key.removeprefix(f"{name}/"): value
            for key, value in arrays.items()
            if key.startswith(name)
        }
    folder = shutil.copytree(FIXTURES / name / "huggingface", tmp_path / "source")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | NO_DROPOUT), "utf-8")
    model = model_class.from_pretrained(folder)
    steps = len(expected["losses"])
    recipe = Recipe(learning_rate=5e-3, warmup=0.25)
    model.compile(optimizer=recipe.optimizer(model, steps), **parts())

    inputs = {
        key: expected[key] for key in ("token_ids", "segment_ids", "padding_mask")
    }
    losses = []
    for targets in expected["targets"]:
        targets = named(targets, inputs["padding_mask"])
        logs = model.train_on_batch(inputs, targets, return_dict=True)
        losses.append(float(logs["loss"]))
        model.reset_metrics()
    np.testing.assert_allclose(losses, expected["losses"], rtol=0, atol=2e-5)

    variables, heads_count = variables_of(model), model.config.num_attention_heads
    weights = {
        row.theirs: row.transform.save(
            ops.convert_to_numpy(variables[row.ours]), heads_count
        )
        for row in rows_in(model.config, "huggingface")
        if row.ours in variables
    }
    kept = [key for key in expected if key.startswith("weights/")]
    assert len(kept) == 4
    for key in kept:
        ours = weights[key.removeprefix("weights/").removeprefix("bert.")]
        np.testing.assert_allclose(ours, expected[key], rtol=0, atol=5e-5, err_msg=key)
