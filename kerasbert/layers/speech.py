"""From a waveform to the first hidden states: mel bands, masks, convolutions."""

import keras
import numpy as np
from keras import ops

from kerasbert.layers.initializer import truncated_normal
from kerasbert.layers.layer_norm import LayerNorm

KERNEL = 9  # frames that a convolution sees
FLOOR = 1e-4  # of the mean power of a recording: what is below is silence


def mel_weights(num_mel_bins, fft_length, sampling_rate):
    """Returns triangles of equal width on the mel scale, float32 `[K, M]`.

    The mel scale is that of HTK: 2595 log10(1 + f / 700).
    """
    frequencies = np.linspace(0, sampling_rate / 2, fft_length // 2 + 1)  # [K]
    mels = 2595 * np.log10(1 + frequencies / 700)
    edges = np.linspace(0, mels[-1], num_mel_bins + 2)  # [M + 2]
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (mels[:, None] - low) / (centre - low)  # [K, M]
    falling = (high - mels[:, None]) / (high - centre)
    return np.maximum(0, np.minimum(rising, falling)).astype("float32")


@keras.saving.register_keras_serializable(package="kerasbert")
class LogMel(keras.layers.Layer):
    """Logarithms of the power in mel bands, relative to the recording's mean power.

    Silence is 0 and the mean power 1, however loud a recording is; samples after its
    end count as silence. waveform `[B, W]`, length `[B]` -> `[B, F, M]`, mask `[B, F]`.
    """

    def __init__(
        self, sampling_rate, num_mel_bins, frame_length, frame_stride, **kwargs
    ):
        super().__init__(**kwargs)
        self._arguments = {
            "sampling_rate": sampling_rate,
            "num_mel_bins": num_mel_bins,
            "frame_length": frame_length,
            "frame_stride": frame_stride,
        }
        self.num_mel_bins = num_mel_bins
        self.frame_length = frame_length
        self.frame_stride = frame_stride
        self.fft_length = 1 << (frame_length - 1).bit_length()
        self.weights_of_bands = mel_weights(
            num_mel_bins, self.fft_length, sampling_rate
        )

    def build(self, waveform_shape, length_shape=None):
        pass

    def call(self, waveform, length):
        waveform = ops.cast(waveform, "float32")
        length = ops.cast(length, "int32")
        samples = ops.arange(ops.shape(waveform)[1])  # [W]
        inside = samples[None, :] < length[:, None]  # [B, W]
        waveform = ops.where(inside, waveform, 0.0)
        sound = ops.any(waveform != 0, axis=1)  # [B]
        padded = ops.pad(waveform, [[0, 0], [0, self.fft_length]])
        real, imaginary = ops.stft(
            padded,
            self.frame_length,
            self.frame_stride,
            self.fft_length,
            center=False,
        )
        power = ops.square(real) + ops.square(imaginary)  # [B, F, K]
        bands = ops.matmul(power, self.weights_of_bands)  # [B, F, M]
        starts = ops.arange(ops.shape(bands)[1]) * self.frame_stride  # [F]
        mask = (starts[None, :] < length[:, None]) & sound[:, None]  # [B, F]
        weights = ops.cast(mask, "float32")[..., None]  # [B, F, 1]
        total = ops.sum(bands * weights, axis=(1, 2), keepdims=True)
        count = ops.sum(weights, axis=(1, 2), keepdims=True) * self.num_mel_bins
        mean = total / ops.maximum(count, 1.0)  # [B, 1, 1]
        relative = bands / ops.maximum(FLOOR * mean, 1e-20)
        features = ops.log1p(relative) * weights / float(np.log1p(1 / FLOOR))
        return features, ops.cast(mask, "int32")

    def compute_output_spec(self, waveform, length):
        batch = waveform.shape[0]
        return (
            keras.KerasTensor((batch, None, self.num_mel_bins), "float32"),
            keras.KerasTensor((batch, None), "int32"),
        )

    def get_config(self):
        return {**super().get_config(), **self._arguments}


@keras.saving.register_keras_serializable(package="kerasbert")
class SpecAugment(keras.layers.Layer):
    """Sets random bands and spans of frames to silence, in training alone.

    features `[B, F, M]`, mask `[B, F]` -> `[B, F, M]`. Reference: [Park et al.,
    2019](https://arxiv.org/abs/1904.08779), section 2.
    """

    def __init__(self, frequency_mask, time_mask, count=2, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.frequency_mask = frequency_mask
        self.time_mask = time_mask
        self.count = count
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, features_shape, mask_shape=None):
        pass

    def call(self, features, mask, training=None):
        if not training:
            return features
        frames = ops.sum(mask, axis=1)  # [B]
        bands = ops.ones_like(frames) * features.shape[-1]  # [B]
        keep_frames = self._keep(ops.shape(features)[1], frames, self.time_mask)
        keep_bands = self._keep(features.shape[-1], bands, self.frequency_mask)
        keep = keep_frames[:, :, None] * keep_bands[:, None, :]  # [B, F, M]
        return features * ops.cast(keep, features.dtype)

    def _keep(self, size, limits, most):
        """Returns 0 in random spans and 1 elsewhere, float32 `[B, size]`."""
        places = ops.cast(ops.arange(size), "float32")[None, :]  # [1, size]
        limits = ops.cast(limits, "float32")  # [B]
        keep = ops.ones_like(limits)[:, None] * ops.ones_like(places)
        for _ in range(self.count):
            shape = (2, ops.shape(limits)[0])
            random = keras.random.uniform(shape, seed=self.seed_generator)  # [2, B]
            width = ops.minimum(ops.floor(random[0] * (most + 1)), limits / 2)  # [B]
            start = ops.floor(random[1] * (limits - width + 1))[:, None]  # [B, 1]
            inside = (places >= start) & (places < start + width[:, None])
            keep = keep * (1 - ops.cast(inside, "float32"))
        return keep

    def compute_output_spec(self, features, mask, training=None):
        return keras.KerasTensor(features.shape, features.dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "frequency_mask": self.frequency_mask,
            "time_mask": self.time_mask,
            "count": self.count,
        }


@keras.saving.register_keras_serializable(package="kerasbert")
class ConvolutionalSubsampling(keras.layers.Layer):
    """Convolutions over time, each of which halves the number of frames.

    features `[B, F, M]`, mask `[B, F]` -> states `[B, S, D]`, mask `[B, S]`. What
    follows a recording changes none of its states.
    """

    def __init__(self, hidden_size, subsampling, initializer_range=0.02, **kwargs):
        super().__init__(**kwargs)
        self.hidden_size = hidden_size
        self.subsampling = subsampling
        self.initializer_range = initializer_range
        strides = [2] * (subsampling.bit_length() - 1) or [1]
        self.convolutions = [
            keras.layers.Conv1D(
                hidden_size,
                KERNEL,
                strides=stride,
                padding="valid",
                data_format="channels_last",
                activation="gelu",
                dtype=self.dtype_policy,
                name=f"convolution_{number}",
            )
            for number, stride in enumerate(strides)
        ]
        self.projection = keras.layers.Dense(
            hidden_size,
            kernel_initializer=truncated_normal(initializer_range),
            dtype=self.dtype_policy,
            name="projection",
        )
        self.norm = LayerNorm(1e-5, dtype=self.dtype_policy, name="norm")

    def build(self, features_shape, mask_shape=None):
        size = features_shape[-1]
        for convolution in self.convolutions:
            convolution.build((None, None, size))
            size = self.hidden_size
        self.projection.build((None, None, size))
        self.norm.build((None, None, self.hidden_size))

    def call(self, features, mask):
        states = ops.cast(features, self.compute_dtype)
        for convolution in self.convolutions:
            states = states * ops.cast(mask, states.dtype)[..., None]
            padded = ops.pad(states, [[0, 0], [KERNEL // 2, KERNEL // 2], [0, 0]])
            states = convolution(padded)  # [B, S, D]
            mask = mask[:, :: convolution.strides[0]]  # [B, S]
        return self.norm(self.projection(states)), mask  # as large as positions are

    def compute_output_spec(self, features, mask):
        batch = features.shape[0]
        shape = (batch, None, self.hidden_size)
        return (
            keras.KerasTensor(shape, self.compute_dtype),
            keras.KerasTensor((batch, None), "int32"),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_size": self.hidden_size,
            "subsampling": self.subsampling,
            "initializer_range": self.initializer_range,
        }


@keras.saving.register_keras_serializable(package="kerasbert")
class CTCHead(keras.layers.Layer):
    """Logits of the blank, unit 0, and of all units of text, float32.

    Padding is the blank with probability 1, so that losses and decoding need no
    lengths. states `[B, S, D]`, mask `[B, S]` -> `[B, S, V]`.
    """

    def __init__(self, vocab_size, initializer_range=0.02, **kwargs):
        super().__init__(**kwargs)
        self.vocab_size = vocab_size
        self.initializer_range = initializer_range
        self.dense = keras.layers.Dense(
            vocab_size,
            kernel_initializer=truncated_normal(initializer_range),
            dtype=self.dtype_policy,
            name="dense",
        )
        self.blank = np.array([0.0] + [-30000.0] * (vocab_size - 1), "float32")

    def build(self, states_shape, mask_shape=None):
        self.dense.build(states_shape)

    def call(self, states, mask):
        logits = ops.cast(self.dense(states), "float32")  # [B, S, V]
        return ops.where(ops.cast(mask, "bool")[..., None], logits, self.blank)

    def compute_output_spec(self, states, mask):
        return keras.KerasTensor((*states.shape[:-1], self.vocab_size), "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "vocab_size": self.vocab_size,
            "initializer_range": self.initializer_range,
        }
