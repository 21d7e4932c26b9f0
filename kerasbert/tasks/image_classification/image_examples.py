"""Encoded images and their targets."""

import dataclasses

import numpy as np

from kerasbert.models.inputs import PIXELS
from kerasbert.training.features import EncodedExamples


@dataclasses.dataclass(frozen=True)
class ImageExamples(EncodedExamples):
    """Pixel values with targets; in training, images may be moved and mirrored.

    Args:
        inputs: `pixel_values`, float32 `[n, height, width, channels]`.
        targets: As in `EncodedExamples`.
        weights: As there.
        pad_token_id: Not used.
        shift: The most pixels by which an image is moved, each way; what is left has
            the value of its edge.
        mirror: Whether half of the images are mirrored.
    """

    shift: int = 0
    mirror: bool = False
    epoch: tuple | None = None  # seed and number of the epoch, in training

    def __len__(self):
        return len(self.inputs[PIXELS])

    @property
    def lengths(self):
        """One for each image: they are all of one size."""
        return np.ones(len(self), "int64")

    def for_epoch(self, seed, epoch):
        return dataclasses.replace(self, epoch=(seed, epoch))

    def batch(self, rows):
        pixels = self.inputs[PIXELS][rows]  # [B, height, width, channels]
        if self.epoch is not None and (self.shift or self.mirror):
            pixels = np.stack(
                [self._varied(x, row) for x, row in zip(pixels, rows, strict=True)]
            )
        targets = {name: values[rows] for name, values in self.targets.items()}
        weights = None if self.weights is None else self.weights[rows]
        return {PIXELS: pixels}, targets, weights

    def _varied(self, image, row):
        random = np.random.default_rng([*self.epoch, int(row)])
        down, right = random.integers(-self.shift, self.shift + 1, 2)
        height, width = image.shape[:2]
        image = image[np.clip(np.arange(height) + down, 0, height - 1)]
        image = image[:, np.clip(np.arange(width) + right, 0, width - 1)]
        return image[:, ::-1] if self.mirror and random.random() < 0.5 else image
