"""The task of image classification."""

import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasbert.account import quoted
from kerasbert.checkpoints import read_checkpoint, write_checkpoint
from kerasbert.checkpoints.sources import resolve
from kerasbert.config import ViTConfig
from kerasbert.data import check_label
from kerasbert.inference.frozen_model import check_options, frozen_scope
from kerasbert.inference.serving_graph import frozen
from kerasbert.metrics.classification import class_report
from kerasbert.models import ImageClassificationModel, ViTEncoder
from kerasbert.models.inputs import PIXELS
from kerasbert.models.loading import checkpoint_of
from kerasbert.tasks.class_losses import ClassCrossentropy
from kerasbert.tasks.image_classification.image_examples import ImageExamples
from kerasbert.tasks.image_classification.pixels import Pixels
from kerasbert.tasks.labels import label_numbers, label_targets
from kerasbert.tasks.media_files import (
    read_class_folders,
    read_media_table,
)
from kerasbert.tasks.media_task import MediaTask
from kerasbert.tasks.pretrained_task import checked_labels, model_with_labels
from kerasbert.tasks.scores import softmax

# New models by name; those of the papers from `vit_tiny` on.
SIZES = {
    "vit_mini": (64, 4, 4),
    "vit_tiny": (192, 12, 3),
    "vit_small": (384, 12, 6),
    "vit_base": (768, 12, 12),
}
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
BATCH = 64  # images that are computed together
MOST_PATCHES_SMALL = 36  # for which a patch of an image is made larger


class ImageClassifier(MediaTask):
    """Classifies images.

    An image is a path, the bytes of a PNG, JPEG, BMP or GIF, or an array: uint8 from 0
    to 255 or floats from 0 to 1, `[height, width]` or `[height, width, channels]`.
    Images of another size than the model's are resized.

    Args:
        model: A `kerasbert.models.ImageClassificationModel`.
        pixels: How images are prepared; by default as those of ViT.
        shift: In training, the most pixels by which an image is moved, each way.
        mirror: Whether half of the images are mirrored in training.

    Example:
        >>> classifier = kerasbert.ImageClassifier.for_images(
        ...     ["dark", "light"], image_size=8, num_channels=1)
        >>> [answer] = classifier.predict([np.zeros((8, 8), "uint8")])
        >>> sorted(answer["scores"])
        ['dark', 'light']

    Reference:
        [Dosovitskiy et al., 2020](https://arxiv.org/abs/2010.11929), section 3.
    """

    kind = "images"
    input_noun = "image"
    suffixes = SUFFIXES
    input_names = ("image",)
    run_settings = {"learning_rate": 1e-3, "epochs": 20, "batch_size": 64}

    def __init__(
        self,
        model: keras.Model,
        pixels: Any = None,
        shift: int = 0,
        mirror: bool = False,
    ):
        super().__init__(model)
        config = model.config
        self.encoder = model.encoder
        self.labels = checked_labels(model.labels)
        self.pixels = pixels or Pixels(config.image_size, config.num_channels)
        if type(shift) is not int or not 0 <= shift < config.image_size:
            raise ValueError(
                f"Expected shift from 0 to {config.image_size - 1} pixels, got "
                f"{quoted(shift)}."
            )
        self.shift = shift
        self.mirror = bool(mirror)

    @classmethod
    def for_images(
        cls,
        labels: Sequence[str],
        image_size: int = 224,
        num_channels: int = 3,
        size: str = "vit_mini",
        patch_size: int | None = None,
        dtype: str | None = None,
        dropout: float = 0.1,
        **options: Any,
    ) -> "ImageClassifier":
        """Makes a new classifier, to be trained.

        Args:
            labels: The names of the classes.
            image_size: Height and width of its images in pixels.
            num_channels: 3 for RGB, 1 for grey.
            size: `"vit_mini"`, `"vit_tiny"`, `"vit_small"` or `"vit_base"`.
            patch_size: Height and width of a patch; by default the largest of 16, 8, 4
                and 2 that gives 36 patches or more.
            dtype: A dtype policy, such as `"mixed_bfloat16"`.
            dropout: The dropout rate.
            **options: Those of the constructor.

        Raises:
            ValueError: If there is no such size, or no patches fill an image.
        """
        if size not in SIZES:
            raise ValueError(
                f"Expected a size among {', '.join(SIZES)}, got {quoted(size)}."
            )
        width, layers, heads = SIZES[size]
        config = ViTConfig(
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=4 * width,
            hidden_dropout_prob=dropout,
            image_size=image_size,
            patch_size=patch_size or _patch_size(image_size),
            num_channels=num_channels,
            layer_norm_eps=1e-6,
        )
        encoder = ViTEncoder(config, dtype, add_pooler=False)
        labels = checked_labels(labels)
        return cls(ImageClassificationModel(encoder, labels, dropout), **options)

    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike,
        labels: Sequence[str] | None = None,
        dtype: str | None = None,
        dropout: float | None = None,
        **options: Any,
    ) -> "ImageClassifier":
        """Loads a ViT, with its classifier or a new one.

        Args:
            source: A folder in the form of transformers, such as one that `save` wrote,
                or `hf://org/name`.
            labels: The names of the classes; None: those of the source. A new
                classifier, of which a warning tells, takes the place of one of others.
            dtype: A dtype policy, such as `"mixed_bfloat16"`.
            dropout: The dropout rate of what a new classifier takes.
            **options: `shift` and `mirror`, as in the constructor.

        Raises:
            FileNotFoundError: If there is no such source.
            ValueError: If it holds no ViT, or neither it nor you name classes.
        """
        folder = resolve(source)
        checkpoint = read_checkpoint(folder)
        if not isinstance(checkpoint.config, ViTConfig):
            raise ValueError(
                f"Expected a ViT in {folder}, got a configuration of "
                f"{type(checkpoint.config).__name__}."
            )
        model = model_with_labels(
            ImageClassificationModel, folder, checkpoint, labels, dropout, dtype
        )
        return cls(model, Pixels.from_folder(folder, model.config), **options)

    @classmethod
    def for_run(cls, model: str, examples: Any, **options: Any) -> "ImageClassifier":
        """Makes the task of a run: a new one of a size, or a pretrained one."""
        if model not in SIZES:
            return cls.from_pretrained(model, **options)
        if "image_size" not in options:
            options["image_size"] = _usual_size(examples.inputs)
        return cls.for_images(size=model, **options)

    # Training.

    def features(
        self, inputs: Any, targets: Any = None, sample_weight: Any = None
    ) -> Any:
        inputs = list(inputs)
        encoded = {}
        if targets is not None:
            encoded["logits"] = label_targets(targets, self.labels, len(inputs))
        pixels = {PIXELS: self.pixels(inputs)}
        return ImageExamples(
            pixels, encoded, sample_weight, shift=self.shift, mirror=self.mirror
        )

    def compile(
        self,
        optimizer: Any = None,
        loss: Any = None,
        metrics: Any = None,
        label_smoothing: float = 0.0,
        **options: Any,
    ) -> None:
        """Configures the training, see `Task.compile`.

        Args:
            optimizer: As there.
            loss: As there; it takes logits.
            metrics: As there.
            label_smoothing: Which part of each target is spread over all classes.
            **options: As there.
        """
        if label_smoothing and loss is None:
            loss = {"logits": ClassCrossentropy(label_smoothing)}
        super().compile(optimizer, loss, metrics, **options)

    def losses(self) -> dict[str, Any]:
        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        return {
            "loss": {"logits": ClassCrossentropy()},
            "metrics": {"logits": [accuracy]},
        }

    def report(self, inputs: Any, targets: Any) -> dict[str, Any]:
        """Computes metrics per class, see `TextClassifier.report`.

        Args:
            inputs: As in `predict`.
            targets: As in `fit`.
        """
        expected = label_numbers(targets, self.labels, len(inputs))
        return class_report(expected, self._logits(inputs).argmax(axis=1), self.labels)

    # Answers.

    def predict(self, inputs: Any) -> Any:
        """Classifies images.

        Args:
            inputs: A list of images, or an array of them.

        Returns:
            A dictionary an image: `label`, its `score`, and the `scores` of all labels.
        """
        answers = []
        for scores in softmax(self._logits(inputs)).tolist():
            by_label = dict(zip(self.labels, scores, strict=True))
            best = max(by_label, key=by_label.get)
            answers.append({"label": best, "score": by_label[best], "scores": by_label})
        return answers

    def _logits(self, inputs):
        inputs = self.checked_list(inputs)
        found = [np.empty((0, len(self.labels)), "float32")]
        for start in range(0, len(inputs), BATCH):
            pixels = self.pixels(inputs[start : start + BATCH])
            logits = self.model.predict_on_batch({PIXELS: pixels})["logits"]
            found.append(np.asarray(logits))
        return np.concatenate(found)  # [n, C]

    # Files and exports.

    def options(self) -> dict[str, Any]:
        return {"shift": self.shift, "mirror": self.mirror}

    def write(self, folder: str | os.PathLike) -> None:
        write_checkpoint(checkpoint_of(self.model), folder)
        self.pixels.write(folder)

    def serving_functions(
        self, precision: str, max_length: int | None = None, calibration: Any = None
    ) -> Any:
        """Returns three signatures.

        `serving_default` takes the bytes of files, `image`; `pixels` takes uint8 and
        `floats` float32 from 0 to 1, `image` `[B, height, width, channels]` both.
        """
        check_options(precision, calibration)
        model, constants = frozen(self.model, precision)
        weights = frozen_scope(model, constants, precision)
        names = tf.constant(self.labels)  # [C]
        size, channels = self.pixels.size, self.pixels.channels

        def answers(pixels):
            pixels = tf.ensure_shape(pixels, [None, size, size, channels])
            with weights():
                scores = tf.nn.softmax(model({PIXELS: pixels})["logits"])  # [B, C]
            return {
                "label": tf.gather(names, tf.argmax(scores, axis=-1)),  # [B]
                "score": tf.reduce_max(scores, axis=-1),
                "labels": tf.repeat(names[None, :], tf.shape(scores)[0], axis=0),
                "scores": scores,
            }

        def of_bytes(image):
            spec = tf.TensorSpec([size, size, channels], tf.float32)
            pixels = tf.map_fn(self.pixels.of_bytes, image, fn_output_signature=spec)
            return answers(pixels)

        def function(compute, *spec):
            signature = [tf.TensorSpec(*spec, name="image")]
            return tf.function(compute, input_signature=signature, autograph=False)

        shape = [None, None, None, channels]
        bright, floats = self.pixels.of_bright, self.pixels.of_floats
        return {
            "serving_default": function(of_bytes, [None], tf.string),
            "pixels": function(lambda x: answers(bright(x)), shape, tf.uint8),
            "floats": function(lambda x: answers(floats(x)), shape, tf.float32),
        }

    def example_requests(self, specs: Any) -> list[dict]:
        [spec] = specs
        if spec.dtype == tf.string:
            return [{"image": [self.example_file()] * count} for count in (1, 8)]
        size = self.pixels.size
        shape = (1, size, size, self.pixels.channels)
        return [{"image": np.zeros(shape, spec.dtype.as_numpy_dtype)}]

    def example_file(self) -> bytes:
        return tf.io.encode_png(np.zeros((2, 2, 1), "uint8")).numpy()

    def facts(self) -> dict[str, Any]:
        config = self.encoder.config
        return {
            **super().facts(),
            "classes": len(self.labels),
            "encoder": f"{config.num_hidden_layers} layers, {config.hidden_size} wide; "
            f"{self.model.count_params() / 1e6:.1f} M weights",
            "images": f"{config.image_size} x {config.image_size} pixels in patches of "
            f"{config.patch_size} x {config.patch_size}; others are resized",
        }

    # The command.

    @classmethod
    def read(
        cls,
        file: str | os.PathLike,
        options: Any,
        pairs: bool | None = None,
        learns: bool = False,
    ) -> Any:
        if os.path.isdir(file):
            return read_class_folders(file, SUFFIXES)
        examples = read_media_table(file, options, "its class")
        examples.account.count(examples.targets)
        return examples

    @classmethod
    def labels_in(cls, examples: Any) -> list[str] | None:
        return sorted(set(examples.targets))

    @classmethod
    def check_labels(cls, examples: Any, labels: Any) -> None:
        for line, target in zip(examples.lines, examples.targets, strict=True):
            check_label(target, labels, f"line {line} of {examples.name}")


def _patch_size(image_size):
    """Returns a patch size for images of a size."""
    fitting = [p for p in (16, 8, 4, 2) if image_size % p == 0]
    many = [p for p in fitting if (image_size // p) ** 2 >= MOST_PATCHES_SMALL]
    if not fitting:
        raise ValueError(
            f"Expected an image_size that is even, got {image_size}. Name a patch_size."
        )
    return (many or fitting[-1:])[0]


def _usual_size(images):
    """Returns an image size for a run: that of small images, or 224."""
    data = tf.io.read_file(images[0])
    Pixels(1, 3)([images[0]])  # tells what is no image
    side = max(tf.io.decode_image(data, expand_animations=False).shape[:2])
    return side + side % 2 if side <= 64 else 224
