"""From the vectors of the tokens to the embedding of a text."""

import keras
from keras import ops

from kerasbert.layers.activations import get_activation
from kerasbert.layers.pooling import (
    CLSPooling,
    MaxPooling,
    MeanPooling,
    SqrtLengthPooling,
)

POOLINGS = {
    "cls": CLSPooling,
    "max": MaxPooling,
    "mean": MeanPooling,
    "sqrt_length": SqrtLengthPooling,
}


@keras.saving.register_keras_serializable(package="kerasbert")
class SentenceHead(keras.layers.Layer):
    """Poolings, joined; then dense layers; then normalisation: a sentence embedding.

    Args:
        poolings: One or several of `"cls"`, `"max"`, `"mean"` and `"sqrt_length"`, in
            the order in which they are joined.
        projections: One dictionary a dense layer: its `units`, the name of its
            `activation` and `use_bias`.
        normalize: Whether the embedding has length 1.

    Shapes:
        sequence_output `[B, S, D]`, padding_mask `[B, S]` -> `[B, E]`, float32.

    Raises:
        ValueError: If there is no such pooling.

    Example:
        >>> tokens = keras.ops.array([[[3.0, 4.0], [9.0, 9.0]]])
        >>> head = SentenceHead(poolings=["cls"])
        >>> [round(float(x), 1) for x in head(tokens, keras.ops.ones((1, 2)))[0]]
        [0.6, 0.8]

    Reference:
        [Reimers and Gurevych, 2019](https://arxiv.org/abs/1908.10084), section 3.
    """

    def __init__(self, poolings=("mean",), projections=(), normalize=True, **kwargs):
        super().__init__(**kwargs)
        wrong = [name for name in poolings if name not in POOLINGS]
        if wrong or not poolings or len(set(poolings)) < len(poolings):
            raise ValueError(
                f"Expected one or several poolings among {', '.join(POOLINGS)}, each "
                f"once; got {', '.join(map(repr, poolings)) or 'none'}."
            )
        self.poolings = list(poolings)
        defaults = {"activation": "linear", "use_bias": True}
        self.projections = [defaults | dict(projection) for projection in projections]
        self.normalize = normalize
        self.pooling_layers = [
            POOLINGS[name](dtype="float32", name=name) for name in self.poolings
        ]
        self.dense_layers = [
            keras.layers.Dense(
                projection["units"],
                activation=get_activation(projection["activation"]),
                use_bias=projection["use_bias"],
                dtype="float32",
                name=f"dense_{i}",
            )
            for i, projection in enumerate(self.projections)
        ]

    def build(self, sequence_output_shape):
        size = sequence_output_shape[-1] * len(self.poolings)
        for dense in self.dense_layers:
            dense.build((None, size))
            size = dense.units

    def call(self, sequence_output, padding_mask):
        pooled = [
            pooling(sequence_output, padding_mask) for pooling in self.pooling_layers
        ]
        embedding = ops.cast(ops.concatenate(pooled, axis=-1), "float32")  # [B, E]
        for dense in self.dense_layers:
            embedding = dense(embedding)
        if self.normalize:
            embedding = ops.normalize(embedding, axis=-1, epsilon=1e-12)
        return embedding

    def compute_output_spec(self, sequence_output, padding_mask):
        size = sequence_output.shape[-1] * len(self.poolings)
        size = self.dense_layers[-1].units if self.dense_layers else size
        return keras.KerasTensor((sequence_output.shape[0], size), "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "poolings": self.poolings,
            "projections": self.projections,
            "normalize": self.normalize,
        }
