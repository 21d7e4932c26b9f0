"""Tasks in half precision with scaled losses, and in the threads of asyncio."""

import asyncio
import pathlib

import keras
import numpy as np
import pytest

import kerasbert

pytest.importorskip("tensorflow")

FOLDER = pathlib.Path(__file__).parents[1] / "fixtures/bert_tiny/huggingface"
TEXTS = ["the film is good", "a book", "the river was quiet", "I love you"] * 4
LABELS = ["a", "b"] * 8


def classifier(**options):
    keras.utils.set_random_seed(0)
    return kerasbert.TextClassifier.from_pretrained(
        FOLDER, labels=["a", "b"], **options
    )


@pytest.mark.parametrize("optimizer", [kerasbert.Recipe(3e-3, warmup=0.0), "adam"])
def test_losses_are_scaled_in_mixed_float16(optimizer):
    task = classifier(dtype="mixed_float16")
    task.compile(optimizer)
    losses = task.fit(TEXTS, LABELS, epochs=3, batch_size=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert isinstance(task.model.optimizer, keras.optimizers.LossScaleOptimizer)


def test_threads_of_asyncio_give_the_same(bert):
    async def embed():
        one_by_one = [asyncio.to_thread(bert.encode, [text]) for text in TEXTS]
        return await asyncio.gather(*one_by_one)

    found = np.concatenate(asyncio.run(embed()))
    np.testing.assert_allclose(found, bert.encode(TEXTS), atol=1e-6)
