"""Reading of recordings: wav files, their bytes, and arrays."""

import io
import os
import pathlib
import warnings
import wave

import numpy as np

CLIPPED = 0.01  # of all samples, at full scale
RESAMPLED = "were resampled"
LEAST_RATE, MOST_RATE = 1000, 768_000  # samples a second
EXTENSIBLE = b"\xfe\xff"  # a format that is said further on
PCM_SUBFORMAT = bytes.fromhex("0100000000001000800000aa00389b71")


def read_waveforms(recordings, sampling_rate):
    """Converts recordings to float32 arrays from -1 to 1 of one sampling rate.

    Args:
        recordings: Paths, bytes of wav files, or arrays at `sampling_rate`.
        sampling_rate: Samples a second.

    Returns:
        A list of arrays `[n]`.

    Raises:
        ValueError: If one is no recording; the message says which.
    """
    found, rates, clipped = [], {}, []
    for position, one in enumerate(recordings):
        where = f"at position {position}"
        if isinstance(one, str | os.PathLike):
            where = f"in {one}"
            one = pathlib.Path(one).read_bytes()
        if isinstance(one, bytes):
            samples, rate = read_wav(one, where)
            if rate != sampling_rate:
                rates.setdefault(rate, []).append(where)
                samples = resample(samples, rate, sampling_rate)
        else:
            samples = _of_array(np.asarray(one), where)
        if samples.size and np.mean(np.abs(samples) >= 0.999) > CLIPPED:
            clipped.append(where)
        found.append(samples)
    for rate, places in rates.items():
        warnings.warn(
            f"{len(places)} of {len(found)} recordings {RESAMPLED} from {rate} to "
            f"{sampling_rate} samples a second, which the model takes; the first is "
            f"{places[0]}.",
            stacklevel=4,
        )
    if clipped:
        warnings.warn(
            f"{len(clipped)} of {len(found)} recordings are clipped: more than 1% of "
            f"the samples are at full scale; the first is {clipped[0]}.",
            stacklevel=4,
        )
    return found


def read_wav(data, where="in the file"):
    """Decodes a wav file of PCM with one channel.

    Args:
        data: Its bytes.
        where: Which file it is, for messages.

    Returns:
        The samples, float32 `[n]` from -1 to 1, and the sampling rate.

    Raises:
        ValueError: If it is none.
    """
    try:
        with wave.open(io.BytesIO(_with_plain_format(data))) as file:
            channels, width = file.getnchannels(), file.getsampwidth()
            rate, count = file.getframerate(), file.getnframes()
            data = file.readframes(count)
    except (wave.Error, EOFError) as error:
        raise ValueError(
            f"Expected a wav file of PCM {where}, got {len(data)} bytes that are none: "
            f"{str(error) or 'they end too early'}. Convert it: ffmpeg -i FILE -ac 1 "
            "-c:a pcm_s16le FILE.wav."
        ) from None
    if channels != 1:
        raise ValueError(
            f"Expected one channel {where}, got {channels}. Mix them, or keep one: "
            "ffmpeg -i FILE -ac 1 FILE.wav."
        )
    if width not in (1, 2, 3, 4):
        raise ValueError(
            f"Expected samples of 8, 16, 24 or 32 bits {where}, got {8 * width} bits."
        )
    if not LEAST_RATE <= rate <= MOST_RATE:
        raise ValueError(
            f"Expected from {LEAST_RATE} to {MOST_RATE} samples a second {where}, as "
            f"recordings have, got {rate}. Is its header broken?"
        )
    if len(data) < count * width:
        raise ValueError(
            f"Expected {count} samples {where}, as its header says, got "
            f"{len(data) // width}: the file is truncated."
        )
    return _of_bytes(data, width), rate


def _with_plain_format(data):
    """Returns a wav file whose format, if it is extensible PCM, is plain PCM."""
    place = 12  # after RIFF, the size and WAVE
    while place + 8 <= len(data) and data[place : place + 4] != b"fmt ":
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        place += 8 + size + size % 2
    tag = slice(place + 8, place + 10)
    if data[tag] == EXTENSIBLE and data[place + 32 : place + 48] == PCM_SUBFORMAT:
        return data[: tag.start] + PCM_SUBFORMAT[:2] + data[tag.stop :]
    return data


def _of_bytes(data, width):
    if width == 1:  # the only width without a sign
        return (np.frombuffer(data, "uint8").astype("float32") - 128) / 128
    padded = np.zeros((len(data) // width, 4), "uint8")
    padded[:, 4 - width :] = np.frombuffer(data, "uint8").reshape(-1, width)
    whole = padded.reshape(-1).view("<i4").astype("float64")
    return (whole / 2**31).astype("float32")


def resample(samples, rate, new_rate):
    """Resamples a waveform, without aliases.

    Example:
        >>> resample(np.ones(16, "float32"), 16000, 8000).tolist()
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    return stretched(samples, round(len(samples) * new_rate / rate))


def stretched(samples, count):
    """Resamples a waveform to a number of samples, by its Fourier transform."""
    if not count:
        return np.zeros(0, "float32")
    spectrum = np.fft.rfft(samples)
    kept = min(len(spectrum), count // 2 + 1)
    padded = np.zeros(count // 2 + 1, complex)
    padded[:kept] = spectrum[:kept]
    return (np.fft.irfft(padded, count) * count / len(samples)).astype("float32")


def _of_array(array, where):
    if array.ndim != 1 or array.dtype.kind not in "fi":
        raise ValueError(
            f"Expected a path, the bytes of a wav file, or samples [n] of floats or "
            f"int16 {where}, got an array of the shape {array.shape} and dtype "
            f"{array.dtype}."
        )
    if array.dtype.kind == "i":
        if array.dtype != np.int16:
            raise ValueError(f"Expected int16 or floats {where}, got {array.dtype}.")
        return array.astype("float32") / 32768
    array = array.astype("float32")
    if array.size and not np.abs(array).max() <= 1.0:  # or NaN
        raise ValueError(
            f"Expected samples from -1 to 1 {where}, got up to "
            f"{np.abs(array).max():g}. Divide by what full scale is, such as 32768."
        )
    return array
