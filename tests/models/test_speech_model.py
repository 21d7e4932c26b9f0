"""The model of speech: what padding means, and files."""

import keras
import numpy as np
import pytest
from keras import ops

import kerasbert
from kerasbert.models.speech_model import SpeechRecognitionModel

CONFIG = kerasbert.SpeechConfig(
    vocab_size=5,
    hidden_size=8,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=16,
    sampling_rate=8000,
    num_mel_bins=10,
)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return SpeechRecognitionModel(CONFIG)


def noise(samples, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype("float32")


def logits_of(model, waveforms, length):
    inputs = {"waveform": waveforms, "length": np.array(length, "int32")}
    outputs = model(inputs)
    return [ops.convert_to_numpy(outputs[name]) for name in ("logits", "mask")]


@pytest.mark.parametrize("counts", [[1], [1, 79, 80, 81, 1000, 1599, 1601]])
def test_states_are_counted_as_the_config_says(model, counts):
    waveforms = np.stack([noise(max(counts))] * len(counts))
    _, mask = logits_of(model, waveforms, counts)
    assert mask.sum(1).tolist() == [CONFIG.states_in(count) for count in counts]


def test_what_follows_a_recording_changes_nothing_and_is_blank(model):
    samples = noise(1500)
    alone, mask = logits_of(model, samples[None], [1500])
    count = mask.sum()
    padded = np.concatenate([samples, noise(1777, seed=1)])
    both = np.stack([padded, noise(3277, seed=2)])
    found, mask = logits_of(model, both, [1500, 3277])
    assert mask[0].sum() == count
    np.testing.assert_allclose(found[0, :count], alone[0, :count], atol=1e-5)
    probs = ops.convert_to_numpy(ops.softmax(found[0, count:]))
    assert (probs[:, 0] == 1).all() and (probs[:, 1:] == 0).all()


def test_silence_is_blank(model):
    logits, mask = logits_of(model, np.zeros((1, 800), "float32"), [800])
    assert not mask.any() and (logits[..., 0] == 0).all()


def test_a_folder_holds_the_model(model, tmp_path):
    model.write(tmp_path)
    again = SpeechRecognitionModel.from_pretrained(tmp_path)
    assert again.config == CONFIG
    waveform = noise(900)[None]
    expected, _ = logits_of(model, waveform, [900])
    np.testing.assert_array_equal(logits_of(again, waveform, [900])[0], expected)
    config = tmp_path / "config.json"
    config.write_text(
        config.read_text().replace('"hidden_size": 8', '"hidden_size": 4')
    )
    with pytest.raises(ValueError, match="of another shape"):
        SpeechRecognitionModel.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "settings", [{"subsampling": 3}, {"stride": 0.03}, {"hidden_size": 9}]
)
def test_settings_that_make_no_model_are_refused(settings):
    values = {"num_attention_heads": 1, **settings}
    with pytest.raises(ValueError, match=next(iter(settings))):
        kerasbert.SpeechConfig(**values)
