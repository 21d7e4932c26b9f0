"""A recognizer of tones: recordings, CTC, training, exports, the command."""

import io
import itertools
import json
import wave

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasbert
from kerasbert.cli import main
from kerasbert.cli.reading import ReaderOptions
from kerasbert.layers.speech import LogMel, SpecAugment, mel_weights
from kerasbert.metrics.error_rates import edit_distance, error_rates
from kerasbert.tasks.media_files import open_media
from kerasbert.tasks.speech_recognition import ctc
from kerasbert.tasks.speech_recognition.text_units import TextUnits
from kerasbert.tasks.speech_recognition.waveforms import (
    read_wav,
    read_waveforms,
    resample,
)

RATE = 8000
TONES = {"low": 300, "mid": 900, "high": 2500}


def tone(word, seconds=0.3):
    time = np.arange(int(seconds * RATE)) / RATE
    return (0.4 * np.sin(2 * np.pi * TONES[word] * time)).astype("float32")


def recordings(count=64, seed=0):
    """One to three tones with silence between, and their words."""
    random = np.random.default_rng(seed)
    silence = np.zeros(RATE // 10, "float32")
    found, texts = [], []
    for _ in range(count):
        words = random.choice(list(TONES), random.integers(1, 4))
        parts = [p for word in words for p in (silence, tone(word))]
        found.append(np.concatenate([*parts, silence]))
        found[-1] *= random.uniform(0.2, 2)
        texts.append(" ".join(words))
    return found, texts


def wav(samples, width=2, channels=1, rate=RATE):
    data = io.BytesIO()
    whole = np.round(np.clip(samples, -1, 1) * (2 ** (8 * width - 1) - 1))
    whole = whole.astype("int64") + (128 if width == 1 else 0)
    bytes_of = whole.astype("<i8").view("uint8").reshape(-1, 8)[:, :width]
    with wave.open(data, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(bytes_of.tobytes())
    return data.getvalue()


# Recordings.


@pytest.mark.parametrize(
    ("width", "error"), [(1, 1e-2), (2, 5e-5), (3, 1e-6), (4, 1e-6)]
)
def test_wav_files_of_every_width_are_read(width, error):
    samples = tone("low")
    found, rate = read_wav(wav(samples, width))
    assert rate == RATE
    np.testing.assert_allclose(found, samples, atol=error)


def test_extensible_pcm_is_read_and_extensible_floats_are_not():
    whole = wav(tone("low"), 3)
    code = bytes.fromhex("00000000001000800000aa00389b71")
    more = (22).to_bytes(2, "little") + (24).to_bytes(2, "little") + bytes(4)

    def extensible(first):
        form = b"\xfe\xff" + whole[22:36] + more + bytes([first]) + code
        size = len(form).to_bytes(4, "little")
        chunks = b"WAVEjunk\x01\0\0\0x\0fmt " + size + form + whole[36:]
        return b"RIFF" + len(chunks).to_bytes(4, "little") + chunks

    found, rate = read_wav(extensible(1))
    assert rate == RATE
    np.testing.assert_array_equal(found, read_wav(whole)[0])
    with pytest.raises(ValueError, match="Expected a wav file of PCM"):
        read_wav(extensible(3))


@pytest.mark.parametrize("rate", [1, 4_000_000])
def test_a_rate_that_no_recording_has_is_refused(rate):
    with pytest.raises(ValueError, match=f"from 1000 to 768000 .*, got {rate}"):
        read_wav(wav(tone("low"), rate=rate))


def test_a_header_that_is_cut_off_is_told():
    with pytest.raises(ValueError, match="30 bytes that are none: they end too early"):
        read_wav(wav(tone("low"))[:30])


def test_paths_bytes_and_arrays_are_the_same(tmp_path):
    samples = np.round(tone("mid") * 32767).astype("int16")
    file = tmp_path / "mid.wav"
    file.write_bytes(wav(samples / 32767))
    forms = read_waveforms([samples, samples / 32768, file, file.read_bytes()], RATE)
    for one in forms:
        np.testing.assert_allclose(one, forms[0], atol=1e-6)


def test_another_rate_is_resampled_and_told():
    time = np.arange(16000) / 16000
    samples = np.sin(2 * np.pi * 440 * time) / 2
    with pytest.warns(UserWarning, match="1 of 1 recordings .* from 16000 to 8000"):
        [found] = read_waveforms([wav(samples, rate=16000)], RATE)
    expected = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000) / 2
    np.testing.assert_allclose(found, expected, atol=1e-3)
    above = np.sin(2 * np.pi * 5000 * time)  # what 8000 samples cannot hold
    assert np.abs(resample(above, 16000, 8000)).max() < 1e-6


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (wav(np.zeros(200), channels=2), "one channel .*, got 2"),
        (wav(tone("low"))[:-100], "truncated"),
        (b"RIFF", "4 bytes that are none"),
        (b"", "0 bytes that are none"),
        (wav(np.zeros(8))[:30], "none"),
        (wav(np.zeros(8)).replace(b"\x01\x00\x01\x00", b"\x03\x00\x01\x00"), "none"),
        (np.zeros((2, 8)), r"shape \(2, 8\)"),
        (np.array([0.0, np.nan]), "from -1 to 1"),
        (np.array([0.0, 300.0]), "Divide by what full scale is"),
        (np.zeros(4, "int32"), "int16 or floats"),
    ],
)
def test_what_is_no_recording_is_refused_with_its_place(data, message):
    with pytest.raises(ValueError, match=message) as raised:
        read_waveforms([tone("low"), data], RATE)
    assert "at position 1" in str(raised.value)


def test_clipped_recordings_are_told():
    loud = np.clip(5 * tone("low"), -1, 1)
    with pytest.warns(UserWarning, match="1 of 2 recordings are clipped"):
        read_waveforms([tone("low"), loud], RATE)


# Features.


def test_mel_bands_are_those_of_tensorflow():
    expected = tf.signal.linear_to_mel_weight_matrix(20, 129, 8000, 0.0, 4000.0)
    # Its triangles are linear in mel, too; it has none at 0 Hz.
    np.testing.assert_allclose(mel_weights(20, 256, 8000)[1:], expected[1:], atol=2e-3)


def test_log_mel_is_that_of_a_plain_computation():
    samples = np.random.default_rng(0).normal(0, 0.1, 1000).astype("float32")
    layer = LogMel(8000, 10, 200, 80)
    features, mask = layer(samples[None], np.array([1000]))
    padded = np.concatenate([samples, np.zeros(256)])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(200) / 200)
    window = np.pad(window, 28)
    frames = np.array([padded[80 * t : 80 * t + 256] * window for t in range(13)])
    bands = (np.abs(np.fft.rfft(frames)) ** 2) @ mel_weights(10, 256, 8000)
    expected = np.log1p(bands / (1e-4 * bands.mean())) / np.log1p(1e4)
    assert int(keras.ops.sum(mask)) == 13
    np.testing.assert_allclose(features[0, :13], expected, atol=1e-5)


def test_features_know_neither_loudness_nor_what_follows():
    layer = LogMel(8000, 10, 200, 80)
    samples = np.random.default_rng(0).normal(0, 0.1, 1000).astype("float32")
    alone, _ = layer(samples[None], np.array([1000]))
    longer = np.concatenate([samples / 8, np.ones(500, "float32")])
    padded, mask = layer(longer[None], np.array([1000]))
    np.testing.assert_allclose(padded[:, :13], alone[:, :13], atol=1e-5)
    assert not np.any(padded[:, 13:]) and not np.any(mask[:, 13:])


def test_masks_are_drawn_in_training_alone():
    features = np.ones((4, 50, 20), "float32")
    mask = np.ones((4, 50), "int32")
    layer = SpecAugment(6, 10, seed=0)
    np.testing.assert_array_equal(layer(features, mask), features)
    masked = keras.ops.convert_to_numpy(layer(features, mask, training=True))
    assert set(np.unique(masked)) == {0.0, 1.0}
    frames, bands = (masked.max(axis) == 0 for axis in (2, 1))
    assert 0 < frames.sum() <= 4 * 20 and 0 < bands.sum() <= 4 * 12


# CTC.


def brute_force(log_probs):
    """The log probability of every text: the sum over all of its paths."""
    found = {}
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        text = tuple(unit for unit, _ in itertools.groupby(path) if unit)
        score = sum(log_probs[step, unit] for step, unit in enumerate(path))
        found[text] = np.logaddexp(found.get(text, -np.inf), score)
    return found


@pytest.fixture(scope="module")
def logits():
    return np.random.default_rng(3).normal(0, 1.5, (6, 5, 3)).astype("float32")


def test_the_loss_is_the_sum_over_all_paths(logits):
    texts = [(1, 2), (1,), (2, 2), (2, 1, 2), (2,), (1, 1)]
    targets = np.full((6, 3), -1, "int32")
    for row, text in zip(targets, texts, strict=True):
        row[: len(text)] = text
    losses = ctc.CTCLoss(reduction=None)(targets, logits).numpy()
    for loss, text, one in zip(losses, texts, logits, strict=True):
        expected = brute_force(tf.nn.log_softmax(one).numpy())[text]
        assert loss == pytest.approx(-expected, rel=1e-5)


def test_a_prefix_beam_search_finds_the_likeliest_text(logits):
    units, scores = ctc.prefix_beam(tf.constant(logits), 50)
    for row, score, one in zip(units.numpy(), scores.numpy(), logits, strict=True):
        texts = brute_force(tf.nn.log_softmax(one).numpy())
        best = max(texts, key=texts.get)
        assert tuple(row[row > 0]) == best
        assert score == pytest.approx(texts[best], abs=1e-4)


def test_greedy_decoding_follows_the_likeliest_path(logits):
    units, scores = ctc.greedy(tf.constant(logits))
    log_probs = tf.nn.log_softmax(logits).numpy()
    for row, score, one in zip(units.numpy(), scores.numpy(), log_probs, strict=True):
        path = one.argmax(axis=1)
        expected = [unit for unit, _ in itertools.groupby(path) if unit]
        assert row[row > 0].tolist() == expected
        assert score == pytest.approx(one.max(axis=1).sum(), abs=1e-5)


def test_an_alignment_is_the_likeliest_path_of_a_text(logits):
    for one, units in zip(logits, ([1, 2], [1], [2, 2], [], [1, 1], [2]), strict=True):
        log_probs = tf.nn.log_softmax(one).numpy()
        best, score = None, -np.inf
        for path in itertools.product(range(3), repeat=5):
            text = [unit for unit, _ in itertools.groupby(path) if unit]
            found = sum(log_probs[step, unit] for step, unit in enumerate(path))
            if text == units and found > score:
                best, score = path, found
        spans, step = [], 0
        for unit, group in itertools.groupby(best):
            length = len(list(group))
            if unit:
                spans.append([step, step + length])
            step += length
        assert ctc.align(log_probs, units).tolist() == spans


def test_error_rates_count_edits_of_all_texts():
    assert edit_distance("kitten", "sitting") == 3
    found = error_rates(["a b c", "", "x"], ["a c", "d", "x"])
    assert found["word_error_rate"] == pytest.approx(2 / 4)
    assert found["character_error_rate"] == pytest.approx((2 + 1) / 5)


# The task.


@pytest.fixture(scope="module")
def recognizer():
    found, texts = recordings()
    recognizer = kerasbert.SpeechRecognizer.for_texts(
        *(texts, "speech_mini"),
        sampling_rate=RATE,
        units="words",
        dropout=0.0,
        frequency_mask=1,
    )
    recognizer.compile(kerasbert.Recipe(learning_rate=3e-3))
    recognizer.fit(found, texts, epochs=20, batch_size=8, verbose=0)
    return recognizer


def test_it_learns_tones_and_when_they_are_heard(recognizer):
    found, texts = recordings(24, seed=1)
    metrics = recognizer.evaluate(found, texts)
    assert metrics["word_error_rate"] < 0.05 and metrics["loss"] < 0.5
    answer, text = recognizer.predict(found[:1])[0], texts[0].split()
    assert [word["word"] for word in answer["words"]] == text
    for number, word in enumerate(answer["words"]):
        begin = 0.1 + 0.4 * number
        assert begin - 0.1 < word["start"] < word["end"] < begin + 0.4


def test_other_recordings_of_a_batch_change_nothing(recognizer):
    found, _ = recordings(8, seed=2)
    for recording, answer in zip(found, recognizer.predict(found), strict=True):
        [alone] = recognizer.predict([recording])
        assert alone["text"] == answer["text"]
        assert alone["score"] == pytest.approx(answer["score"], abs=1e-3)
        assert alone["words"] == answer["words"]


def test_beams_give_the_same_texts_here(recognizer):
    found, texts = recordings(8, seed=3)
    assert recognizer.transcribe(found, num_beams=8) == recognizer.transcribe(found)


def test_silence_and_nothing_have_no_words(recognizer):
    empty, short = np.zeros(0, "float32"), np.full(3, 0.1, "float32")
    answers = recognizer.predict([np.zeros(4000), empty, wav(np.zeros(0)), short])
    assert [answer["text"] for answer in answers[:3]] == [""] * 3
    assert answers[0]["score"] == 0 and answers[1]["words"] == []
    assert len(answers[3]["words"]) <= 1


def test_texts_that_cannot_be_learnt_are_refused_before_training(recognizer):
    with pytest.raises(ValueError, match="'loud'.*knows"):
        recognizer.fit([tone("low")], ["loud"], verbose=0)
    with pytest.raises(ValueError, match="of 3 states or more.*got 2"):
        recognizer.fit([tone("low", 0.05)], ["low low"], verbose=0)
    with pytest.raises(ValueError, match="Expected a text at position 0, got an empty"):
        recognizer.fit([tone("low")], [" "], verbose=0)
    with pytest.raises(ValueError, match="for each of 1 recordings, got 2"):
        recognizer.fit([tone("low")], ["low", "low"], verbose=0)
    with pytest.raises(TypeError, match="Put it into a list"):
        recognizer.predict("file.wav")


def test_characters_are_joined_to_words_with_times():
    units = TextUnits([" ", "a", "b", "c"], "characters")
    numbers = units.numbers(" ab  c", "here")
    assert units.words(numbers, [[0, 1], [1, 2], [2, 3], [3, 4]]) == [
        {"word": "ab", "start": 0, "end": 2},
        {"word": "c", "start": 3, "end": 4},
    ]
    assert units.texts([[*numbers, 0]]).numpy().tolist() == [b"ab c"]


def test_the_speed_of_recordings_varies_in_training_alone():
    def examples(speed):
        task = kerasbert.SpeechRecognizer.for_texts(
            *(["low"], "speech_mini"), sampling_rate=RATE, units="words", speed=speed
        )
        return task.features([tone("low", 1.0)] * 30, ["low"] * 30)

    def varied(features, epoch):
        inputs, _, _ = features.for_epoch(5, epoch).batch(range(30))
        return inputs["waveform"], inputs["length"]

    waveforms, lengths = varied(examples(0.1), 1)
    assert 7200 < lengths.min() < 7700 and 8300 < lengths.max() < 8960
    for samples, length in zip(waveforms, lengths, strict=True):
        spectrum = np.abs(np.fft.rfft(samples[:length] * np.hanning(length)))
        pitch = spectrum.argmax() * RATE / length
        assert pitch == pytest.approx(TONES["low"] * RATE / length, rel=0.02)
    again, _ = varied(examples(0.1), 1)
    np.testing.assert_array_equal(again, waveforms)
    assert set(varied(examples(0.1), 2)[1]) != set(lengths)
    assert set(varied(examples(0.0), 1)[1]) == {RATE}
    assert set(examples(0.1).batch(range(30))[0]["length"]) == {RATE}


def test_no_recording_becomes_too_short_for_its_text():
    task = kerasbert.SpeechRecognizer.for_texts(
        *(["low high"], "speech_mini"), sampling_rate=RATE, units="words", speed=0.5
    )
    needed = task.model.config.samples_for(3)  # for low, a blank, and low
    features = task.features([tone("low", needed / RATE)] * 20, ["low low"] * 20)
    _, lengths = features.for_epoch(0, 0).batch(range(20))[0].values()
    assert lengths.min() == needed < lengths.max()


def test_a_saved_recognizer_gives_the_same_answers(recognizer, tmp_path):
    found, _ = recordings(4, seed=4)
    recognizer.save(tmp_path / "saved")
    loaded = kerasbert.load(tmp_path / "saved")
    assert loaded.predict(found) == recognizer.predict(found)
    assert loaded.options() == recognizer.options()


def test_a_keras_file_holds_the_model(recognizer, tmp_path):
    recognizer.model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    inputs = {"waveform": tone("low")[None], "length": np.array([2400])}
    np.testing.assert_array_equal(
        again(inputs)["logits"], recognizer.model(inputs)["logits"]
    )


def check_export(task, version, found, padding):
    """Compares an export with `predict`, a recording without sound included."""
    served = tf.saved_model.load(str(version)).signatures["serving_default"]
    found = [*found, np.zeros(10, "float32")]
    lengths = np.array([len(one) for one in found], "int32")
    table = np.full((len(found), lengths.max()), padding, "float32")
    for row, one in zip(table, found, strict=True):
        row[: len(one)] = one
    answers = served(waveform=tf.constant(table), length=tf.constant(lengths))
    expected = task.predict(found)
    texts = [text.decode() for text in answers["text"].numpy()]
    assert texts == [answer["text"] for answer in expected]
    scores = [answer["score"] for answer in expected]
    np.testing.assert_allclose(answers["score"], scores, atol=2e-3)
    for wrong in (-1, lengths.max() + 1):
        with pytest.raises(tf.errors.InvalidArgumentError, match="Expected each len"):
            served(waveform=tf.constant(table[:1]), length=tf.constant([wrong]))


@pytest.mark.parametrize("beams", [1, 4])
def test_an_export_takes_waveforms_and_gives_the_same_texts(
    recognizer, beams, tmp_path
):
    task = kerasbert.SpeechRecognizer(
        recognizer.model, recognizer.vocabulary, "words", beams
    )
    version = task.export(tmp_path / "served")
    check_export(task, version, recordings(6, seed=5)[0], padding=0.3)
    card = (version / "README.md").read_text()
    assert "takes recordings" in card and "8000 samples a second" in card


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    rows = []
    for number, (samples, text) in enumerate(zip(*recordings(12), strict=True)):
        (folder / f"{number}.wav").write_bytes(wav(samples / 2))
        rows.append(f"{number}.wav\t{text}")
    (folder / "train.tsv").write_text("\n".join(["path\ttext", *rows]))
    return folder


def test_the_command_trains_tests_answers_and_exports(folder, tmp_path, capsys):
    run, table = tmp_path / "run", str(folder / "train.tsv")
    words = ["finetune", "transcribe", "--model", "speech_mini", "--train", table]
    words += ["--output", str(run), "--epochs", "1", "--batch-size", "4"]
    assert main(words) == 0
    capsys.readouterr()
    assert main(["evaluate", str(run), "--input", table]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["examples"] == 12 and "word_error_rate" in found
    assert main(["predict", str(run), "--input", str(folder)]) == 0
    answers = [json.loads(line) for line in io.StringIO(capsys.readouterr().out)]
    assert len(answers) == 12 and answers[0]["file"].endswith(".wav")
    assert main(["export", str(run), str(tmp_path / "served")]) == 0
    assert (tmp_path / "served" / "1" / "saved_model.pb").exists()


def test_the_command_names_a_file_that_is_no_recording(tmp_path, capsys):
    (tmp_path / "low.wav").write_bytes(b"nothing")
    words = ["finetune", "transcribe", "--model", "speech_mini"]
    words += ["--train", str(tmp_path), "--output", str(tmp_path / "run")]
    assert main(words) == 2
    assert "low.wav, got 7 bytes that are none" in capsys.readouterr().err


def test_a_table_tells_which_columns_it_takes_and_which_cell_is_missing(folder):
    (folder / "rows.tsv").write_text("speaker\tfile\ttext\njo\t0.wav\tlow\n")
    examples = kerasbert.SpeechRecognizer.read(folder / "rows.tsv", ReaderOptions())
    assert examples.account.columns == {"path": "file", "target": "text"}
    (folder / "rows.jsonl").write_text('{"file": "0.wav", "text": null}\n')
    with pytest.raises(ValueError, match="Expected .* in line 1 of .*, got 'None'"):
        kerasbert.SpeechRecognizer.read(folder / "rows.jsonl", ReaderOptions())


def test_a_recording_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="Expected a file at .*nothing.wav"):
        with open_media(tmp_path / "nothing.wav", (".wav",)):
            pass


def test_names_of_files_are_texts_where_there_is_no_table(folder, tmp_path):
    (tmp_path / "low_high.wav").write_bytes(wav(tone("low")))
    examples = kerasbert.SpeechRecognizer.read(tmp_path, None)
    assert examples.targets == ["low high"]
