"""Tasks, tokenizers and models in other processes and threads."""

import copy
import multiprocessing
import os
import pathlib
import pickle
import subprocess
import sys
import threading

import keras
import numpy as np
import pytest

import kerasbert
from tests.models import tiny

pytest.importorskip("tensorflow")

FIXTURES = pathlib.Path(__file__).parent / "fixtures"
TINY_BERT = FIXTURES / "bert_tiny/huggingface"
TEXTS = ["good morning", "hello world"]

TASKS = {
    "embed": (
        lambda: kerasbert.TextEmbedder.from_pretrained(TINY_BERT),
        lambda task: task.encode(TEXTS),
    ),
    "classify": (
        lambda: kerasbert.TextClassifier.from_pretrained(TINY_BERT, labels=["a", "b"]),
        lambda task: [list(x["scores"].values()) for x in task.predict(TEXTS)],
    ),
    "tag": (
        lambda: kerasbert.TokenClassifier.from_pretrained(
            TINY_BERT, labels=["O", "B-X", "I-X"]
        ),
        lambda task: [
            [entity["score"] for entity in entities]
            for entities in task.predict(TEXTS[:1])
        ],
    ),
    "answer": (
        lambda: kerasbert.QuestionAnswerer.from_pretrained(TINY_BERT),
        lambda task: [x["score"] for x in task.predict([("good?", "good morning")])],
    ),
    "fill": (
        lambda: kerasbert.MaskedLM.from_pretrained(TINY_BERT),
        lambda task: task.pseudo_log_likelihoods(TEXTS),
    ),
    "tokenize": (
        lambda: kerasbert.Tokenizer.from_pretrained(TINY_BERT),
        lambda tokenizer: tokenizer.encode(TEXTS[:1]),
    ),
}


@pytest.fixture(scope="module")
def used():
    """Each object, after it has computed, and what it gave."""
    made = {}
    for name, (make, run) in TASKS.items():
        thing = make()
        made[name] = thing, run(thing)
    return made


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TASKS)
def test_a_pickle_and_a_copy_compute_the_same(name, used):
    thing, expected = used[name]
    run = TASKS[name][1]
    for other in (pickle.loads(pickle.dumps(thing)), copy.copy(thing)):
        for found, right in zip(run(other), expected, strict=True):
            np.testing.assert_allclose(found, right, rtol=1e-6, atol=1e-7)


def test_the_model_of_a_pickled_task_is_the_one_that_it_computes_with(used):
    embedder = copy.deepcopy(used["embed"][0])
    assert embedder.encoder.embeddings is embedder.model.encoder.embeddings
    for variable in embedder.encoder.embeddings.variables:
        if "float" in variable.dtype:
            variable.assign(variable * 1.5)
    assert np.abs(embedder.encode(TEXTS) - used["embed"][1]).max() > 1e-3


def test_a_compiled_model_is_quantized_in_its_task_too(used):
    embedder = copy.deepcopy(used["embed"][0])
    before = embedder.encode(TEXTS)
    embedder.model.quantize("int8")
    after = embedder.encode(TEXTS)
    assert 1e-6 < np.abs(after - before).max() < 0.1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*")
def test_a_forked_process_refuses_at_once(used):
    things = {
        **{name: lambda n=name: TASKS[n][1](used[n][0]) for name in TASKS},
        "model": lambda: used["embed"][0].encoder(tiny.INPUTS),
        "predict": lambda: used["embed"][0].encoder.predict(tiny.INPUTS),
        "load": lambda: kerasbert.BertEncoder.from_pretrained(TINY_BERT),
        "fit": lambda: used["classify"][0].fit(TEXTS, ["a", "b"]),
    }
    parent, child = multiprocessing.Pipe()
    pid = os.fork()
    if pid == 0:
        told = {}
        for name, call in things.items():
            try:
                call()
            except RuntimeError as error:
                told[name] = str(error)
        child.send(told)
        os._exit(0)
    assert parent.poll(60), "the child hangs"
    told = parent.recv()
    os.waitpid(pid, 0)
    assert set(told) == set(things)
    for message in told.values():
        assert 'multiprocessing.get_context("spawn")' in message


def test_threads_compute_the_same_from_the_first_call_on(used):
    embedder = TASKS["embed"][0]()
    found = [None] * 8

    def work(number):
        found[number] = embedder.encode(TEXTS)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for vectors in found:
        np.testing.assert_allclose(vectors, used["embed"][1], rtol=1e-6, atol=1e-7)


IN_ANOTHER_PROCESS = """
import kerasbert, keras, sys, numpy as np
classifier, strings, out = sys.argv[1:]
loaded = keras.models.load_model(classifier)
print(type(loaded).__name__, type(loaded.optimizer).__name__)
import tensorflow as tf
np.save(out, keras.models.load_model(strings)(tf.constant(["good morning", ""])))
"""


def test_keras_files_load_where_kerasbert_alone_was_imported(tmp_path):
    encoder = kerasbert.BertEncoder.from_pretrained(TINY_BERT)
    tokenizer = kerasbert.Tokenizer.from_pretrained(TINY_BERT)
    text = keras.Input((), dtype="string", name="text")
    model = keras.Model(text, encoder(tokenizer(text, max_length=8))["pooled_output"])
    texts = ["good morning", ""]
    expected = encoder(tokenizer(texts, max_length=8))["pooled_output"]
    model.save(tmp_path / "strings.keras")

    classifier = TASKS["classify"][0]()
    classifier.fit(TEXTS, ["a", "b"], epochs=1, verbose=0)
    classifier.model.save(tmp_path / "classifier.keras")

    files = [tmp_path / n for n in ("classifier.keras", "strings.keras", "out.npy")]
    run = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS, *map(str, files)],
        env={**os.environ, "PYTHONPATH": str(FIXTURES.parents[1])},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["SequenceClassificationModel", "AdamW"]
    np.testing.assert_allclose(np.load(files[2]), expected, rtol=1e-5, atol=1e-6)


def test_a_layer_of_pairs_gives_what_the_tokenizer_gives():
    tokenizer = kerasbert.Tokenizer.from_pretrained(TINY_BERT)
    first = keras.Input((), dtype="string", name="first")
    second = keras.Input((), dtype="string", name="second")
    model = keras.Model([first, second], tokenizer(first, second, length=12))
    texts = np.array(TEXTS, object), np.array(["a b", "c"], object)
    found = model.predict(list(texts), verbose=0)
    for name, values in tokenizer(*map(list, texts), length=12).items():
        np.testing.assert_array_equal(found[name], values)


def test_an_input_that_is_no_string_is_refused():
    tokenizer = kerasbert.Tokenizer.from_pretrained(TINY_BERT)
    with pytest.raises(ValueError, match=r'keras.Input\(\(\), dtype="string"\)'):
        tokenizer(keras.Input((3,), dtype="int32"))
