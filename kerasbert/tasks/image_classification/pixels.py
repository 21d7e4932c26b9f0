"""Images to the pixel values that a model takes, in the graph and in Python."""

import os
import pathlib

import numpy as np
import tensorflow as tf

from kerasbert.account import Account, KeyTable, quoted
from kerasbert.files import read_json, write_json

CONFIG_FILE = "preprocessor_config.json"
RESAMPLING = {0: "nearest", 1: "lanczos3", 2: "bilinear", 3: "bicubic"}  # of Pillow
CONFIG_KEYS = KeyTable(
    used={
        "size": "height and width of the model's images",
        "image_mean": "subtracted from the pixels",
        "image_std": "divides the pixels",
        "do_normalize": "whether they are",
        "resample": "how images are resized",
    },
    ignored=dict.fromkeys(
        ("feature_extractor_type", "image_processor_type", "processor_class"),
        "which class of transformers reads it",
    )
    | dict.fromkeys(("do_convert_rgb", "data_format"), "the model says the channels")
    | dict.fromkeys(("crop_size", "device", "disable_grouping"), "not used there"),
    required={
        "do_resize": (True, None),
        "do_rescale": (True, None),
        "do_center_crop": (False, None),
        "rescale_factor": (1 / 255, 0.00392156862745098, None),
    },
)


class Pixels:
    """Converts images to pixel values.

    Images of another size are resized, and so change their shape where they are not
    square; grey ones become RGB, and RGB ones grey, where the model needs it.

    Args:
        size: Height and width of the model's images.
        channels: Number of channels: 1 or 3.
        mean: Mean of the pixels of each channel, from 0 to 1.
        std: Their standard deviation.
        resampling: A name of `RESAMPLING`.
    """

    def __init__(self, size, channels, mean=0.5, std=0.5, resampling="bilinear"):
        if channels not in (1, 3):
            raise ValueError(
                f"Expected a model of images with 1 or 3 channels, got {channels}."
            )
        self.size = size
        self.channels = channels
        self.mean = np.broadcast_to(np.asarray(mean, "float32"), (channels,))
        self.std = np.broadcast_to(np.asarray(std, "float32"), (channels,))
        self.resampling = resampling

    @classmethod
    def from_folder(cls, folder, config):
        """Reads how a model's images are prepared; by default as ViT's."""
        file = pathlib.Path(folder) / CONFIG_FILE
        size, channels = config.image_size, config.num_channels
        if not file.is_file():
            return cls(size, channels)
        values = read_json(file)
        CONFIG_KEYS.settle(values, file, Account())
        stated = values.get("size", size)
        if isinstance(stated, dict):
            stated = stated.get("height") if len({*stated.values()}) == 1 else stated
        if stated != size:
            raise ValueError(
                f"Expected images of {size} x {size} (the model's image_size) in "
                f"{file}, got size={quoted(values['size'], 60)}."
            )
        number = values.get("resample", 2)
        if number not in RESAMPLING:
            raise ValueError(
                f"Expected resample in {file} to be one of {sorted(RESAMPLING)}, got "
                f"{quoted(number)}."
            )
        if values.get("do_normalize") is False:
            return cls(size, channels, 0.0, 1.0, RESAMPLING[number])
        mean, std = (values.get(key, 0.5) for key in ("image_mean", "image_std"))
        return cls(size, channels, mean, std, RESAMPLING[number])

    def write(self, folder):
        """Writes `preprocessor_config.json`."""
        numbers = {name: number for number, name in RESAMPLING.items()}
        values = {
            "image_processor_type": "ViTImageProcessor",
            "do_resize": True,
            "size": {"height": self.size, "width": self.size},
            "resample": numbers[self.resampling],
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": self.mean.tolist(),
            "image_std": self.std.tolist(),
        }
        write_json(pathlib.Path(folder) / CONFIG_FILE, values)

    # In the graph.

    def of_bytes(self, data):
        """Decodes one PNG, JPEG, BMP or GIF (its first picture), a string `[]`."""
        image = tf.io.decode_image(data, self.channels, expand_animations=False)
        image.set_shape([None, None, self.channels])
        return self.of_bright(image)  # [size, size, channels]

    def of_bright(self, images):
        """Converts images with values from 0 to 255, `[..., height, width, channels]`.

        What is resized is rounded to whole numbers, as by Pillow.
        """
        images = self._resized(tf.cast(images, tf.float32))
        return self._normalized(tf.clip_by_value(tf.round(images), 0.0, 255.0) / 255.0)

    def of_floats(self, images):
        """Converts images with values from 0 to 1."""
        return self._normalized(self._resized(images))

    def _resized(self, images):
        if images.shape[-3:-1] == (self.size, self.size):
            return images
        size = (self.size, self.size)
        return tf.image.resize(images, size, self.resampling, antialias=True)

    def _normalized(self, images):
        return (images - self.mean) / self.std

    # In Python.

    def __call__(self, images):
        """Converts a list of images to float32 `[n, size, size, channels]`."""
        shape = (len(images), self.size, self.size, self.channels)
        pixels = np.empty(shape, "float32")
        for position, image in enumerate(images):
            pixels[position] = self._of_one(image, f"at position {position}")
        return pixels

    def _of_one(self, image, where):
        if isinstance(image, str | os.PathLike):
            where = f"in {image}"
            image = pathlib.Path(image).read_bytes()
        if isinstance(image, bytes):
            try:
                return self.of_bytes(image)
            except tf.errors.InvalidArgumentError as error:
                reason = error.message.partition(" [Op:")[0].partition("}}")[2].strip()
                raise ValueError(
                    f"Expected a PNG, JPEG, BMP or GIF {where}, got {len(image)} bytes "
                    f"that are none: {reason or 'it cannot be decoded'}"
                ) from None
        array = self._array(np.asarray(image), where)
        if array.dtype.kind == "f":
            return self.of_floats(array.astype("float32"))
        return self.of_bright(array)

    def _array(self, array, where):
        """Returns an array with the channels of the model, if it is an image."""
        if array.ndim == 2:
            array = array[..., None]  # [height, width, 1]
        if array.ndim != 3 or array.shape[-1] not in (1, 3) or 0 in array.shape:
            raise ValueError(
                f"Expected an image [height, width], [height, width, 1] or [height, "
                f"width, 3] {where}, a path or the bytes of a file, got an array of "
                f"the shape {array.shape} and dtype {array.dtype}."
            )
        most = 1 if array.dtype.kind == "f" else 255
        if array.dtype.kind not in "fiu":
            raise ValueError(
                f"Expected uint8 or float pixels {where}, got {array.dtype}."
            )
        if not (np.isfinite(array).all() and 0 <= array.min() <= array.max() <= most):
            raise ValueError(
                f"Expected pixels from 0 to {most} ({array.dtype}) {where}, got "
                f"{array.min():g} to {array.max():g}. Floats lie between 0 and 1: "
                "divide by what white is."
            )
        if array.shape[-1] == self.channels:
            return array
        if self.channels == 3:
            return np.repeat(array, 3, axis=-1)
        grey = array @ np.array([0.299, 0.587, 0.114])  # as in JPEG
        grey = grey[..., None]
        return grey if array.dtype.kind == "f" else grey.round().astype("uint8")
