"""Attention decoding: a decoder on the states of the encoder, trained with CTC."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasbert
from kerasbert.tasks.speech_recognition.attention import END, TextCrossentropy, attend
from tests.tasks.speech_recognition.test_speech_recognizer import (
    RATE,
    check_export,
    recordings,
)


@pytest.fixture(scope="module")
def recognizer():
    keras.utils.set_random_seed(0)
    found, texts = recordings(96)
    recognizer = kerasbert.SpeechRecognizer.for_texts(
        *(texts, "speech_mini"),
        sampling_rate=RATE,
        units="words",
        dropout=0.0,
        frequency_mask=1,
        num_decoder_layers=1,
    )
    recognizer.compile(kerasbert.Recipe(learning_rate=3e-3))
    recognizer.fit(found, texts, epochs=30, batch_size=8, verbose=0)
    return recognizer


def searched(recognizer, search, num_beams=1):
    return kerasbert.SpeechRecognizer(
        *(recognizer.model, recognizer.vocabulary, "words", num_beams, search)
    )


@pytest.mark.parametrize(("search", "beams"), [("attention", 1), ("attention", 3)])
def test_the_decoder_hears_what_is_said_and_ctc_when(recognizer, search, beams):
    found, texts = recordings(24, seed=1)
    task = searched(recognizer, search, beams)
    metrics = task.evaluate(found, texts)
    assert metrics["word_error_rate"] < 0.2
    assert {"loss", "logits_loss", "decoder_logits_loss"} <= set(metrics)
    for answer in task.predict(found[:3]):
        starts = [word["start"] for word in answer["words"]]
        assert starts == sorted(starts) and answer["score"] <= 0


def test_both_searches_hear_the_same_here(recognizer):
    assert recognizer.search == "attention"
    found, _ = recordings(12, seed=2)
    texts = [searched(recognizer, x).transcribe(found) for x in ("ctc", "attention")]
    assert np.mean([a == b for a, b in zip(*texts, strict=True)]) > 0.6


def test_scores_are_those_of_the_decoder_on_the_answer(recognizer):
    found, _ = recordings(1, seed=3)
    [answer] = recognizer.predict(found)
    units = recognizer.text_units.numbers(answer["text"], "here")
    outputs = recognizer.model(
        {
            "waveform": found[0][None],
            "length": np.array([len(found[0])]),
            "decoder_token_ids": np.array([[END, *units]]),
        }
    )
    log_probs = tf.nn.log_softmax(outputs["decoder_logits"][0]).numpy()
    expected = [row[unit] for row, unit in zip(log_probs, [*units, END], strict=True)]
    assert answer["score"] == pytest.approx(np.mean(expected), abs=1e-4)


def test_other_recordings_of_a_batch_change_nothing(recognizer):
    found, _ = recordings(6, seed=4)
    for recording, answer in zip(found, recognizer.predict(found), strict=True):
        [alone] = recognizer.predict([recording])
        assert alone["text"] == answer["text"]
        assert alone["score"] == pytest.approx(answer["score"], abs=1e-3)


def test_silence_and_nothing_have_no_words(recognizer):
    short = np.full(3, 0.1, "float32")
    answers = recognizer.predict([np.zeros(4000), np.zeros(0), short])
    assert [answer["text"] for answer in answers[:2]] == ["", ""]
    assert answers[0]["score"] == 0
    assert len(answers[2]["words"]) <= 1


def test_an_answer_has_no_more_units_than_ctc_could_align(recognizer):
    states = tf.random.stateless_normal([5, 9, 96], [0, 1]) * 5
    mask = tf.sequence_mask([9, 4, 1, 0, 7], 9, tf.int32)
    units, _ = attend(recognizer.model.decoder, states, mask, 1)
    for row, count in zip(units.numpy(), (9, 4, 1, 0, 7), strict=True):
        row = row[row > 0]
        assert len(row) + np.sum(row[1:] == row[:-1]) <= count


def test_the_loss_is_the_sum_over_the_units_of_a_text():
    logits = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    units = np.array([[1, 2, 0], [3, 0, -1]])
    log_probs = tf.nn.log_softmax(logits).numpy()
    expected = [
        -sum(log_probs[row, place, unit] for place, unit in enumerate(text))
        for row, text in enumerate([[1, 2, 0], [3, 0]])
    ]
    found = TextCrossentropy(reduction=None)(units, logits)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_saved_recognizer_gives_the_same_answers(recognizer, tmp_path):
    found, _ = recordings(3, seed=5)
    recognizer.save(tmp_path / "saved")
    loaded = kerasbert.load(tmp_path / "saved")
    assert loaded.predict(found) == recognizer.predict(found)
    assert loaded.search == "attention"


@pytest.mark.parametrize("beams", [1, 3])
def test_an_export_decodes_with_attention(recognizer, beams, tmp_path):
    task = searched(recognizer, "attention", beams)
    version = task.export(tmp_path / "served")
    check_export(task, version, recordings(5, seed=6)[0], padding=0.0)


def test_searches_that_a_model_has_not_are_refused(recognizer):
    plain = kerasbert.SpeechRecognizer.for_texts(["low"], "speech_mini", units="words")
    assert plain.search == "ctc"
    with pytest.raises(ValueError, match="with a decoder .* num_decoder_layers=1"):
        searched(plain, "attention")
    with pytest.raises(ValueError, match="ctc or attention, got 'greedy'"):
        searched(recognizer, "greedy")
    with pytest.raises(ValueError, match="at most 4 beams"):
        searched(recognizer, "attention", 5)
    with pytest.raises(ValueError, match="num_decoder_layers of 1 or more"):
        kerasbert.SpeechConfig(num_decoder_layers=0)
