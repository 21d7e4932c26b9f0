"""Classification losses: the default, and adapted losses of Keras."""

import keras
from keras import ops

from kerasbert.account import quoted

# What these strings name takes probabilities, and the models here give logits.
NEED_LOGITS = {
    "binary_crossentropy": "BinaryCrossentropy",
    "bce": "BinaryCrossentropy",
    "binary_focal_crossentropy": "BinaryFocalCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "categorical_focal_crossentropy": "CategoricalFocalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
}


@keras.saving.register_keras_serializable(package="kerasbert")
class ClassCrossentropy(keras.losses.SparseCategoricalCrossentropy):
    """Cross-entropy of class indices or rows, from logits.

    The targets are the indices of classes, or rows of their probabilities, such as
    one-hot rows.

    Args:
        label_smoothing: Which part of each target is spread over all classes.
        ignore_class: A target that does not count; None: all do.
        **options: `reduction`, `name` and `dtype` of a Keras loss.

    Example:
        >>> loss = ClassCrossentropy()
        >>> logits = ops.array([[1.0, 2.0]])
        >>> float(loss(ops.array([1]), logits)) == float(loss(ops.eye(2)[1:], logits))
        True

    Reference:
        [Szegedy et al., 2016](https://arxiv.org/abs/1512.00567), section 7, for label
        smoothing.
    """

    def __init__(self, label_smoothing=0.0, ignore_class=None, **options):
        super().__init__(from_logits=True, ignore_class=ignore_class, **options)
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                f"Expected label_smoothing from 0 up to below 1, got {label_smoothing}."
            )
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        y_pred = ops.convert_to_tensor(y_pred)
        smoothing = self.label_smoothing
        if are_rows(y_true, y_pred):
            table = ops.cast(y_true, y_pred.dtype)  # [..., C]
            table = table * (1 - smoothing) + smoothing / y_pred.shape[-1]
            return ops.categorical_crossentropy(table, y_pred, from_logits=True)
        losses = super().call(y_true, y_pred)  # [...]
        if not smoothing:
            return losses
        spread = -ops.mean(ops.log_softmax(y_pred), axis=-1)  # [...]
        mask = getattr(losses, "_keras_mask", None)
        if mask is not None:
            spread = ops.where(mask, spread, 0.0)
        smoothed = (1 - smoothing) * losses + smoothing * spread
        if mask is not None:
            smoothed._keras_mask = mask
        return smoothed

    def get_config(self):
        config = keras.losses.Loss.get_config(self)
        return {
            **config,
            "label_smoothing": self.label_smoothing,
            "ignore_class": self.ignore_class,
        }


@keras.saving.register_keras_serializable(package="kerasbert")
class OneHotLoss(keras.losses.Loss):
    """Adapts a Keras loss of one-hot rows to class indices.

    Args:
        loss: The loss.
        num_classes: The number of classes.
        **options: Ignored: those of the loss are its own.
    """

    def __init__(self, loss, num_classes, **options):
        super().__init__(name=loss.name, reduction=loss.reduction, dtype=loss.dtype)
        self.loss = loss
        self.num_classes = num_classes

    def call(self, y_true, y_pred):
        return self.loss.call(one_hot_rows(y_true, y_pred, self.num_classes), y_pred)

    def get_config(self):
        return {
            "loss": keras.saving.serialize_keras_object(self.loss),
            "num_classes": self.num_classes,
        }

    @classmethod
    def from_config(cls, config):
        loss = keras.saving.deserialize_keras_object(config["loss"])
        return cls(loss, config["num_classes"])


@keras.saving.register_keras_serializable(package="kerasbert")
class IndexLoss(OneHotLoss):
    """Adapts a Keras loss of class indices to one-hot rows."""

    def call(self, y_true, y_pred):
        return self.loss.call(class_indices(y_true, y_pred), y_pred)


def are_rows(y_true, y_pred):
    """Whether targets are rows of probabilities instead of class indices."""
    same_rank = len(y_true.shape) == len(y_pred.shape)
    return same_rank and y_true.shape[-1] == y_pred.shape[-1] != 1


def one_hot_rows(y_true, y_pred, num_classes):
    """Converts targets to rows of probabilities."""
    if are_rows(y_true, y_pred):
        return ops.cast(y_true, "float32")
    return ops.one_hot(_flat(y_true, y_pred), num_classes)


def class_indices(y_true, y_pred):
    """Converts targets to class indices, int32."""
    if are_rows(y_true, y_pred):
        return ops.argmax(y_true, axis=-1)
    return _flat(y_true, y_pred)


def _flat(y_true, y_pred):
    if len(y_true.shape) == len(y_pred.shape):
        y_true = ops.squeeze(y_true, axis=-1)
    return ops.cast(y_true, "int32")


def checked_loss(loss, num_classes, multi_label):
    """Returns a loss that fits a text classifier."""
    if isinstance(loss, dict) and set(loss) == {"logits"}:
        loss = loss["logits"]
    if isinstance(loss, str):
        if loss in NEED_LOGITS:
            raise ValueError(_needs_logits(f"the loss {loss!r}", NEED_LOGITS[loss]))
        loss = keras.losses.get(loss)
    of_keras = getattr(loss, "__module__", "").startswith("keras.")
    if of_keras and not multi_label and not isinstance(loss, keras.losses.Loss):
        raise ValueError(
            f"Expected a loss object, got the function {loss.__name__}, which would "
            "compare logits with indices of classes. Give an object such as "
            "keras.losses.CategoricalCrossentropy(from_logits=True)."
        )
    if not is_of_keras(loss, keras.losses.Loss):
        return loss
    name = type(loss).__name__
    if getattr(loss, "from_logits", True) is False:
        raise ValueError(_needs_logits(f"{name} without from_logits=True", name))
    sparse = name.startswith("Sparse")
    if multi_label:
        if sparse:
            raise ValueError(
                "Expected a loss of rows of 0 and 1, which targets of multi_label are, "
                f"got {name}. Give keras.losses.BinaryCrossentropy(from_logits=True)."
            )
        return loss
    return (IndexLoss if sparse else OneHotLoss)(loss, num_classes)


def is_of_keras(value, kind):
    """Whether an object's class is defined by Keras."""
    return isinstance(value, kind) and type(value).__module__.startswith("keras.")


def _needs_logits(what, name):
    return (
        f"Expected a loss of logits, which the model gives, got {quoted(what)[1:-1]}: "
        f"it takes probabilities. Give keras.losses.{name}(from_logits=True)."
    )
