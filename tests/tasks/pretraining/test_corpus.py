import importlib.util
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("tensorflow")
pytest.importorskip("tokenizers")

import tensorflow as tf

import kerasbert
from kerasbert.checkpoints.vocabulary import write_tokenizer
from kerasbert.tasks.masked_language_model.masking import Masking
from kerasbert.tasks.pretraining import Corpus, train_tokenizer
from kerasbert.tasks.pretraining.rows import PairRows, Rows
from kerasbert.tasks.pretraining.stream import (
    PaddedStream,
    ramped,
    steps_within,
    stream_of,
)
from kerasbert.training.features import IGNORED
from kerasbert.training.fit import Run
from tests.training.killed import KillAfter, Killed

WORDS = "the cat sat on a mat while dogs were running unbelievably far away".split()


def text(documents=30, seed=0):
    random = np.random.default_rng(seed)
    sentences = [
        [" ".join(random.choice(WORDS, random.integers(3, 9))) for _ in range(4)]
        for _ in range(documents)
    ]
    return "\n\n".join("\n".join(document) for document in sentences) + "\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "one.txt").write_text(text())
    return folder


@pytest.fixture(scope="module")
def tokenizer(files):
    return train_tokenizer([files / "one.txt"], vocab_size=60)


@pytest.fixture(scope="module")
def corpus(files, tokenizer):
    return Corpus.write(files / "tokens", [files / "one.txt"], tokenizer)


def pretrainer(tokenizer, family=kerasbert.BertConfig, dropout=0.1, **options):
    sizes = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2)
    rates = dict(hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout)
    config = family(
        vocab_size=tokenizer.vocabulary_size,
        intermediate_size=16,
        max_position_embeddings=32,
        initializer_range=0.1,
        **(sizes | rates),
    )
    import keras

    keras.utils.set_random_seed(0)
    options = {"max_length": 24, **options}
    return kerasbert.Pretrainer.from_config(config, tokenizer, **options)


def test_the_corpus_holds_the_tokens_of_every_sentence(files, tokenizer, corpus):
    lines = [x for x in (files / "one.txt").read_text().splitlines() if x]
    assert (corpus.num_documents, corpus.num_sentences) == (30, len(lines))
    for number, row in enumerate(tokenizer.tokenize(lines).to_list()):
        start, stop = corpus.sentences[number : number + 2]
        assert corpus.span(int(start), int(stop))[0].tolist() == row
    tokens = corpus.span(0, corpus.num_tokens)[0]
    expected = [(tokens == token).sum() for token in range(70)]
    assert corpus.token_counts(70).tolist() == expected


def test_rows_hold_every_token_once_and_fit(tokenizer, corpus):
    rows = Rows(corpus, tokenizer, 16, short_probability=0.5)
    random = np.random.default_rng(0)
    found = [rows.row(number, random)[0] for number in range(len(rows))]
    assert max(map(len, found)) <= 16
    inside = np.concatenate([row[1:-1] for row in found])
    np.testing.assert_array_equal(inside, corpus.span(0, corpus.num_tokens)[0])
    assert {row[0] for row in found} == {tokenizer.cls_token_id}


def test_half_of_the_second_sentences_are_of_another_document(tokenizer, corpus):
    rows = PairRows("next_sentence", corpus, tokenizer=tokenizer, max_length=24)
    random = np.random.default_rng(0)
    classes = []
    for _ in range(20):
        for number in range(len(rows)):
            token_ids, segments, _, other = rows.row(number, random)
            assert len(token_ids) <= 24
            assert (token_ids == tokenizer.sep_token_id).sum() == 2
            assert (np.diff(segments) >= 0).all() and segments[-1] == 1
            classes.append(other)
    assert abs(np.mean(classes) - 0.5) < 0.05


def test_swapped_segments_are_the_same_text(tokenizer, corpus):
    rows = PairRows("sentence_order", corpus, tokenizer=tokenizer, max_length=32)
    for number in range(len(rows)):
        first, last, target = rows.plan[number]
        start, stop = (int(corpus.sentences[n]) for n in (first, last))
        if stop - start > target:  # which is cut
            continue
        whole = corpus.span(start, stop)[0].tolist()
        token_ids, segments, _, swapped = rows.row(
            number, np.random.default_rng(number)
        )
        one = token_ids[1:][segments[1:] == 0][:-1].tolist()
        two = token_ids[segments == 1][:-1].tolist()
        assert (two + one if swapped else one + two) == whole


def test_the_masking_has_its_rate_and_shares(tokenizer):
    """Over a million tokens; special tokens are never hidden."""
    masking = Masking(tokenizer, 0.15)
    random = np.random.default_rng(0)
    ordinary = masking.ordinary
    length, counts = 10_000, np.zeros(4)
    for _ in range(100):
        row = random.choice(ordinary, length)
        row[[0, -1]] = tokenizer.cls_token_id, tokenizer.sep_token_id
        masked, places, kept = masking(row, random)
        assert not {0, length - 1} & set(places)
        hidden = masked[places] == tokenizer.mask_token_id
        same = masked[places] == kept
        counts += len(places), hidden.sum(), same.sum(), (~hidden & ~same).sum()
        np.testing.assert_array_equal(np.delete(masked, places), np.delete(row, places))
    by_chance = 0.1 / len(ordinary)  # a random token that is the same
    assert counts[0] / 1e6 == pytest.approx(0.15, abs=0.002)
    shares = counts[1:] / counts[0]
    np.testing.assert_allclose(
        shares, [0.8, 0.1 + by_chance, 0.1 - by_chance], atol=0.002
    )


@pytest.mark.parametrize("max_ngram", [1, 3])
def test_whole_words_are_whole(tokenizer, max_ngram):
    masking = Masking(tokenizer, 0.3, whole_words=True, max_ngram=max_ngram)
    random = np.random.default_rng(0)
    row = random.choice(masking.ordinary, 60)
    continues = random.random(60) < 0.4
    continues[0] = False
    words = np.cumsum(~continues)
    runs = []
    for _ in range(200):
        chosen = np.zeros(60, bool)
        chosen[masking(row, random, continues=continues)[1]] = True
        for word in set(words[chosen]):
            assert chosen[words == word].all()
        runs.append(
            len(set(words[chosen]))
            / (1 + (np.diff(np.unique(words[chosen])) > 1).sum())
        )
    assert (np.mean(runs) > 1.6) == (max_ngram > 1)


def test_a_vocabulary_has_the_characters_of_the_text(tmp_path):
    """Of Chinese these are thousands, each of which is a word."""
    characters = "".join(map(chr, range(0x4E00, 0x4E00 + 1500)))
    (tmp_path / "zh.txt").write_text(f"{characters}\n{characters}\n")
    tokenizer = train_tokenizer([tmp_path / "zh.txt"], vocab_size=2000)
    assert tokenizer.vocabulary_size == 1505
    [row] = tokenizer.tokenize([characters]).to_list()
    assert len(set(row) - {tokenizer.unk_token_id}) == 1500
    small = train_tokenizer([tmp_path / "zh.txt"], vocab_size=105)
    assert small.vocabulary_size == 105


def test_chinese_words_are_hidden_whole(tmp_path):
    pytest.importorskip("jieba")
    (tmp_path / "zh.txt").write_text("我们在北京大学学习自然语言处理\n" * 4)
    (tmp_path / "spaced.txt").write_text("我们 在 北京大学 学习\n")
    tokenizer = train_tokenizer([tmp_path / "zh.txt"], vocab_size=40)
    found = Corpus.write(tmp_path / "a", [tmp_path / "zh.txt"], tokenizer, "jieba")
    assert (~found.span(0, 15)[1]).sum() < 10
    assert found.span(3, 7)[1].tolist() == [False, True, True, True]  # 北京大学
    spaced = Corpus.write(
        tmp_path / "b", [tmp_path / "spaced.txt"], tokenizer, "spaces"
    )
    begins = np.flatnonzero(~spaced.span(0, 9)[1]).tolist()
    assert begins == [0, 2, 3, 7]


@pytest.mark.parametrize("pair_task", ["none", "sentence_order"])
def test_packed_logits_are_those_of_rows_alone(tokenizer, corpus, pair_task):
    task = pretrainer(tokenizer, dropout=0.0, pair_task=pair_task)
    inputs, _ = stream_of(task, corpus).step(0, 6, 0)
    found = {n: np.array(x) for n, x in task.packed_model(inputs).items()}
    ends = np.cumsum(inputs["row_lengths"])
    alone, pairs = [], []
    for start, end in zip(ends - inputs["row_lengths"], ends, strict=True):
        places = inputs["masked_positions"]
        places = places[(places >= start) & (places < end)] - start
        row = {
            "token_ids": inputs["token_ids"][None, start:end],
            "segment_ids": inputs["segment_ids"][None, start:end],
            "padding_mask": np.ones((1, end - start), "int32"),
            "masked_positions": places[None],
        }
        outputs = task.model(row)
        alone.append(np.array(outputs["mlm_logits"])[0])
        pairs += [np.array(outputs["pair_logits"])] if pair_task != "none" else []
    np.testing.assert_allclose(found["mlm_logits"], np.concatenate(alone), atol=3e-6)
    if pair_task != "none":
        np.testing.assert_allclose(
            found["pair_logits"], np.concatenate(pairs), atol=3e-6
        )


@pytest.mark.parametrize("pair_task", ["none", "sentence_order"])
def test_padded_batches_are_the_packed_ones(tokenizer, corpus, pair_task):
    task = pretrainer(tokenizer, dropout=0.0, pair_task=pair_task)
    stream = stream_of(task, corpus)
    packed, expected = stream.step(3, 6, 0)
    padded, targets = PaddedStream(
        stream.rows, stream.masking, stream.steps_per_epoch, stream.rate
    ).step(3, 6, 0)
    real = padded["padding_mask"] == 1
    assert padded["token_ids"].shape == (6, 24)
    for name in ("token_ids", "segment_ids"):
        np.testing.assert_array_equal(padded[name][real], packed[name])
    counted = targets["mlm_logits"] != IGNORED
    assert targets["mlm_logits"].shape == (6, 16)
    np.testing.assert_array_equal(
        targets["mlm_logits"][counted], expected["mlm_logits"]
    )
    outputs = task.model(padded)
    found = np.array(outputs["mlm_logits"])[counted]
    logits = task.packed_model(packed)["mlm_logits"]
    np.testing.assert_allclose(found, np.array(logits), atol=3e-6)
    if pair_task != "none":
        np.testing.assert_array_equal(targets["pair_logits"], expected["pair_logits"])


ON_JAX = """
import sys
import keras, numpy as np
import tensorflow as tf

import kerasbert
from kerasbert.tasks.pretraining import Corpus
from tests.tasks.pretraining.test_corpus import pretrainer, train
from kerasbert.tasks.pretraining.stream import steps_within
from kerasbert.text import Tokenizer

tokenizer = Tokenizer.from_pretrained(sys.argv[1])
corpus = Corpus(sys.argv[2])
one = pretrainer(tokenizer)
few, many = (steps_within(t, one, corpus, 4, samples=2) for t in (2.0, 200.0))
assert 1 <= few < many, (few, many)
keras.distribution.set_distribution(keras.distribution.DataParallel())
task = pretrainer(tokenizer, dropout=0.0, pair_task="sentence_order")
try:
    steps_within(200.0, task, corpus, 4)
except ValueError as error:
    assert "on one device, and there are 2" in str(error)
else:
    raise AssertionError("two devices were not refused")
task.compile(kerasbert.Recipe(1e-2))
task.fit(corpus, corpus, steps=3, batch_size=4, verbose=0)
task.save(sys.argv[3])
print(task.evaluate(corpus)["mlm_logits_perplexity"])
"""


@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="needs JAX")
def test_a_corpus_is_learnt_on_two_devices_of_jax_as_on_tensorflow(
    tmp_path, tokenizer, corpus
):
    """What JAX saves, TensorFlow loads and exports."""
    write_tokenizer(tokenizer.config, tmp_path / "vocabulary", "huggingface")
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ON_JAX]
        + [str(tmp_path / "vocabulary"), str(corpus.folder), str(tmp_path / "model")],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
        | {
            "XLA_FLAGS": "--xla_force_host_platform_device_count=2 "
            "--xla_backend_optimization_level=0"
        },
        cwd=pathlib.Path(__file__).parents[3],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    found = kerasbert.load(tmp_path / "model")
    perplexity = float(run.stdout.splitlines()[-1])
    again = found.evaluate(corpus)["mlm_logits_perplexity"]
    assert again == pytest.approx(perplexity, rel=1e-5)
    texts = ["the cat [MASK] on a mat", "[MASK] were running far [MASK]"]
    version = found.export(tmp_path / "export")
    served = tf.saved_model.load(str(version)).signatures["serving_default"]
    outputs = served(text=tf.constant(texts))
    for number, answer in enumerate(found.predict(texts)):
        for mask, choices in enumerate(answer["masks"]):
            tokens = outputs["tokens"][number, mask].numpy().astype(str).tolist()
            assert tokens == [choice["token"] for choice in choices]
            scores = [choice["score"] for choice in choices]
            here = outputs["scores"][number, mask].numpy()
            np.testing.assert_allclose(here, scores, atol=1e-6)


def test_first_batches_have_more_and_shorter_sequences(tokenizer, corpus):
    task = pretrainer(tokenizer)
    options = {"first_max_length": 8, "first_fraction": 0.5}
    stream = stream_of(task, corpus, steps=10, **options)
    one = stream_of(pretrainer(tokenizer, max_length=8), corpus, steps=10)
    two = stream_of(task, corpus, steps=10)
    for step, expected, rows in ((4, one, 12), (5, two, 4)):
        found = stream.step(step, 4, 0)[0]
        assert len(found["row_lengths"]) == rows
        for name, array in expected.step(step, rows, 0)[0].items():
            np.testing.assert_array_equal(found[name], array)
    assert len(stream) == len(two)
    assert len({stream.digest(), one.digest(), two.digest()}) == 3
    with pytest.raises(ValueError, match="first_max_length below max_length"):
        stream_of(task, corpus, first_max_length=24)
    with pytest.raises(ValueError, match="first_fraction above 0 and below 1"):
        stream_of(task, corpus, first_max_length=8, first_fraction=1.0)
    with pytest.raises(ValueError, match="Expected first_max_length with first_fract"):
        stream_of(task, corpus, first_fraction=0.5)
    with pytest.raises(ValueError, match="rows or more"):
        task.fit(corpus, steps=4, batch_size=len(two) + 1, verbose=0, **options)


def test_the_batch_grows_to_its_size_without_gaps():
    found = [ramped(step, 16, 5) for step in range(8)]
    assert [size for _, size in found] == [2, 4, 7, 10, 13, 16, 16, 16]
    for (first, size), (following, _) in zip(found, found[1:], strict=False):
        assert following == first + size


OPTIONS = dict(
    steps=12,
    first_max_length=12,
    first_fraction=0.4,
    validate_every=4,
    batch_size=4,
    batch_ramp=4,
    verbose=0,
    first_mask_rate=0.3,
)


def train(tokenizer, corpus, checkpoints=None, **options):
    task = pretrainer(tokenizer, pair_task="sentence_order", max_ngram=3)
    recipe = kerasbert.Recipe(1e-2, decay="warmup_stable_decay", accumulation=2)
    task.compile(recipe, run_eagerly=True)
    task.fit(corpus, checkpoints=checkpoints, **{**OPTIONS, **options})
    return [v.numpy() for v in task.packed_model.weights]


@pytest.mark.parametrize(
    "kills, steps", [(5, 12), pytest.param(20, 44, marks=pytest.mark.slow)]
)
def test_a_pretraining_that_is_killed_goes_on_bit_for_bit(
    tmp_path, tokenizer, corpus, kills, steps
):
    """At random steps, each time in a model that knows nothing."""
    expected = train(tokenizer, corpus, steps=steps)
    run, left = Run(tmp_path, every=1), steps
    for batches in np.random.default_rng(1).integers(1, 4, kills):
        left -= batches
        assert left > 0
        with pytest.raises(Killed):
            callbacks = [KillAfter(int(batches))]
            train(tokenizer, corpus, run, callbacks=callbacks, steps=steps)
    found = train(tokenizer, corpus, run, steps=steps)
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, two)
    with pytest.raises(ValueError, match="another run"):
        train(tokenizer, corpus, run, steps=steps, seed=1)


def test_what_is_trained_is_loaded_by_other_tasks(tmp_path, tokenizer, corpus):
    task = pretrainer(tokenizer, whole_words=True, dropout=0.0)
    task.compile(kerasbert.Recipe(2e-2, warmup=0.0), run_eagerly=True)
    before = task.evaluate(corpus)
    task.fit(corpus, steps=40, batch_size=16, verbose=0)
    after = task.evaluate(corpus)
    assert after["loss"] < before["loss"] - 0.5
    assert after["perplexity"] == pytest.approx(np.exp(after["loss"]), rel=0.02)
    task.save(tmp_path / "model")
    again = kerasbert.load(tmp_path / "model")
    assert again.options() == task.options()
    assert again.evaluate(corpus)["loss"] == pytest.approx(after["loss"], abs=1e-5)
    filled = kerasbert.MaskedLM.from_pretrained(tmp_path / "model")
    assert filled.predict(["the [MASK] sat"]) == task.predict(["the [MASK] sat"])
    vectors = kerasbert.TextEmbedder.from_pretrained(tmp_path / "model")
    assert vectors.encode(["the cat"]).shape == (1, 16)


def test_a_time_is_turned_into_steps(tokenizer, corpus):
    task = pretrainer(tokenizer)
    before = [v.numpy() for v in task.model.weights]
    few, many = (steps_within(t, task, corpus, 4, samples=2) for t in (2.0, 200.0))
    assert 1 <= few < many
    for one, two in zip(before, task.model.weights, strict=True):
        np.testing.assert_array_equal(one, two.numpy())
    with pytest.raises(ValueError, match="or more, for a step"):
        steps_within(1e-9, task, corpus, 4, samples=1)


def test_bad_corpora_are_refused(tmp_path, tokenizer, corpus):
    with pytest.raises(FileNotFoundError, match="file with documents"):
        Corpus.write(tmp_path / "t", [tmp_path / "none.txt"], tokenizer)
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(ValueError, match="hold none"):
        Corpus.write(tmp_path / "t", [tmp_path / "empty.txt"], tokenizer)
    assert not (tmp_path / "t").exists()
    with pytest.raises(ValueError, match="got none"):
        train_tokenizer([tmp_path / "empty.txt"])
    (tmp_path / "one.txt").write_text("the cat sat\non a mat\n")
    one = Corpus.write(tmp_path / "one", [tmp_path / "one.txt"], tokenizer)
    with pytest.raises(ValueError, match="two documents or more"):
        PairRows("next_sentence", one, tokenizer=tokenizer, max_length=24)
    with pytest.raises(ValueError, match="4 rows or more"):
        pretrainer(tokenizer).fit(one, steps=1, batch_size=4, verbose=0)
    (tmp_path / "bad.txt").write_bytes(b"the cat\n\xff\xfe\na mat\n")
    bad = (tmp_path / "bad", [tmp_path / "bad.txt"], tokenizer)
    with pytest.raises(ValueError, match="1 of 3 lines"):
        Corpus.write(*bad)
    with pytest.warns(UserWarning, match="1 of 3 lines"):
        assert Corpus.write(*bad, skip_invalid=True).num_sentences == 2
    (tmp_path / "bad.jsonl").write_text('{"text": "the cat"}\n{"title": "a"}\n')
    with pytest.raises(ValueError, match="line 2"):
        Corpus.write(tmp_path / "b", [tmp_path / "bad.jsonl"], tokenizer)
