"""Losses that move the vectors of texts together and apart.

All of them take the texts of an example one after the other: the embeddings are
`[B * K, E]`, K texts for each of B examples. K is 2, but where a loss says otherwise.
"""

import keras
from keras import ops

PACKAGE = "kerasbert"


class SimilarityLoss(keras.losses.Loss):
    """What the losses of the similarity of texts share.

    Args:
        **kwargs: `name` and `reduction` of a `keras.losses.Loss`.
    """

    targets = "scores"  # or "texts", numbers that tell different texts apart
    lowest, highest = -1.0, 1.0  # the scores that may be
    weighs_examples = True  # whether there is one loss an example

    def __init__(self, **kwargs):
        super().__init__(**kwargs)


@keras.saving.register_keras_serializable(package=PACKAGE)
class CosineSimilarityLoss(SimilarityLoss):
    """The squared error of the cosine of two texts.

    Args:
        low: The score of texts whose cosine should be 0.
        high: The score of texts whose cosine should be 1.
        **kwargs: `name` and `reduction` of a `keras.losses.Loss`.

    Shapes:
        scores `[B]`, embeddings `[B * 2, E]` -> `[B]`, averaged.

    Reference:
        [Reimers and Gurevych, 2019](https://arxiv.org/abs/1908.10084), section 3.
    """

    def __init__(self, low=0.0, high=1.0, **kwargs):
        super().__init__(**kwargs)
        self.low = low
        self.high = high
        self.lowest, self.highest = 2 * low - high, high

    def call(self, y_true, y_pred):
        wanted = (y_true - self.low) / (self.high - self.low)  # [B]
        return ops.square(pair_cosines(y_pred) - wanted)

    def get_config(self):
        return {**super().get_config(), "low": self.low, "high": self.high}


@keras.saving.register_keras_serializable(package=PACKAGE)
class CoSENTLoss(SimilarityLoss):
    """Every pair of texts with a higher score should have the higher cosine.

    It looks at the order of the scores alone: their range does not matter.

    Args:
        scale: Factor of the cosines, the inverse of a temperature.
        **kwargs: `name` of a `keras.losses.Loss`.

    Shapes:
        scores `[B]`, embeddings `[B * 2, E]` -> a number.

    Reference:
        [Huang et al., 2024](https://doi.org/10.1109/TASLP.2024.3402087).
    """

    lowest, highest = None, None
    weighs_examples = False

    def __init__(self, scale=20.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, y_true, y_pred):
        cosines = self.scale * pair_cosines(y_pred)  # [B]
        excess = cosines[:, None] - cosines[None, :]  # [B, B]
        is_lower = y_true[:, None] < y_true[None, :]
        excess = ops.reshape(ops.where(is_lower, excess, NEVER), (-1,))
        return ops.logsumexp(ops.concatenate([ops.zeros((1,)), excess]))

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable(package=PACKAGE)
class ContrastiveLoss(SimilarityLoss):
    """Texts of score 1 are drawn together, those of score 0 apart, up to a margin.

    Args:
        margin: The cosine distance at which texts are far enough apart.
        **kwargs: `name` and `reduction` of a `keras.losses.Loss`.

    Shapes:
        scores `[B]`, 0 or 1; embeddings `[B * 2, E]` -> `[B]`, averaged.

    Reference:
        [Hadsell et al., 2006](https://doi.org/10.1109/CVPR.2006.100), section 2.1.
    """

    lowest = 0.0

    def __init__(self, margin=0.5, **kwargs):
        super().__init__(**kwargs)
        self.margin = margin

    def call(self, y_true, y_pred):
        near, far = self._parts(pair_cosines(y_pred))
        return 0.5 * (y_true * near + (1 - y_true) * far)  # [B]

    def _parts(self, cosines):
        """The losses of texts that should be near, and of those that should be far."""
        distances = 1 - cosines
        return ops.square(distances), ops.square(ops.relu(self.margin - distances))

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}


@keras.saving.register_keras_serializable(package=PACKAGE)
class OnlineContrastiveLoss(ContrastiveLoss):
    """The contrastive loss of the hard pairs of a batch alone.

    Hard are pairs of score 1 that are farther apart than the nearest pair of score 0,
    and pairs of score 0 that are nearer than the farthest pair of score 1.

    Shapes:
        scores `[B]`, 0 or 1; embeddings `[B * 2, E]` -> a number, the sum.
    """

    weighs_examples = False

    def call(self, y_true, y_pred):
        cosines = pair_cosines(y_pred)  # [B]
        near, far = self._parts(cosines)
        is_near, is_far = y_true == 1, y_true == 0
        hard_near = is_near & (cosines < self._edge(cosines, is_far, is_near, ops.max))
        hard_far = is_far & (cosines > self._edge(cosines, is_near, is_far, ops.min))
        return ops.sum(ops.where(hard_near, near, 0) + ops.where(hard_far, far, 0))

    @staticmethod
    def _edge(cosines, others, own, extreme):
        """The extreme cosine of the other pairs; if there are none, the mean."""
        none = NEVER if extreme is ops.max else -NEVER
        edge = extreme(ops.where(others, cosines, none))
        count = ops.maximum(ops.sum(ops.cast(own, cosines.dtype)), 1.0)
        mean = ops.sum(ops.where(own, cosines, 0)) / count
        return ops.where(ops.any(others), edge, mean)


@keras.saving.register_keras_serializable(package=PACKAGE)
class MultipleNegativesRankingLoss(SimilarityLoss):
    """A text should find its own partner among all of the batch.

    The texts of an example are an anchor, its positive, and any number of negatives.
    The positives and negatives of the other examples are negatives, too, but for
    those that are the anchor or its positive once more, or the positive of the same
    anchor.

    Args:
        scale: Factor of the cosines, the inverse of a temperature.
        **kwargs: `name` and `reduction` of a `keras.losses.Loss`.

    Shapes:
        numbers of the texts `[B, K]`, embeddings `[B * K, E]` -> `[B]`, averaged.

    Reference:
        [Henderson et al., 2017](https://arxiv.org/abs/1705.00652), section 4.4.
    """

    targets = "texts"

    def __init__(self, scale=20.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, y_true, y_pred):
        shape = (ops.shape(y_true)[0], -1, y_pred.shape[-1])
        texts = ops.normalize(ops.reshape(y_pred, shape), epsilon=1e-12)  # [B, K, E]
        anchors, positives = texts[:, 0], texts[:, 1]
        others = ops.reshape(texts[:, 1:], (-1, shape[-1]))  # [C, E]
        logits = self.scale * ops.matmul(anchors, ops.transpose(others))  # [B, C]
        logits = ops.where(no_negatives(y_true), NEVER, logits)
        own = self.scale * ops.sum(anchors * positives, axis=-1)  # [B]
        return ops.logsumexp(logits, axis=-1) - own

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


LOSSES = {
    "cosine": CosineSimilarityLoss,
    "cosent": CoSENTLoss,
    "contrastive": ContrastiveLoss,
    "online_contrastive": OnlineContrastiveLoss,
    "multiple_negatives": MultipleNegativesRankingLoss,
}
NEVER = -1e9  # a logit that counts for nothing


def similarity_loss(loss):
    """A loss by its name.

    Args:
        loss: A name in `LOSSES`, or a `SimilarityLoss`.

    Returns:
        A `SimilarityLoss`.

    Raises:
        ValueError: If there is no such loss.

    Example:
        >>> similarity_loss("cosent").scale
        20.0
    """
    if isinstance(loss, SimilarityLoss):
        return loss
    if not isinstance(loss, str) or loss not in LOSSES:
        raise ValueError(
            f"Expected a loss among {', '.join(LOSSES)}, or one of "
            f"kerasbert.training.similarity_losses, got {loss!r}."
        )
    return LOSSES[loss]()


def no_negatives(texts):
    """Which texts are no negatives of an anchor, although another example has them.

    Args:
        texts: Numbers of the texts `[B, K]`, the same for equal texts.

    Returns:
        bool `[B, C]`, for the anchor of each example and C = B * (K - 1) other texts.
    """
    candidates = texts[:, 1:]  # [B, K - 1]
    like = ops.zeros_like(candidates)

    def row(values):
        return ops.reshape(values + like, (1, -1))  # [1, C]

    anchor, positive = texts[:, :1], texts[:, 1:2]  # [B, 1]
    same_text = (row(candidates) == anchor) | (row(candidates) == positive)
    is_positive = ops.cumsum(like + 1, axis=1) == 1  # [B, K - 1]
    same_anchor = (row(anchor) == anchor) & ops.reshape(is_positive, (1, -1))
    example = ops.cumsum(ops.ones_like(anchor), axis=0)  # [B, 1]
    return (same_text | same_anchor) & (row(example) != example)


def pair_cosines(embeddings):
    """The cosines of texts that follow each other in pairs.

    Args:
        embeddings: `[B * 2, E]`.

    Returns:
        `[B]`.
    """
    pairs = ops.reshape(embeddings, (-1, 2, embeddings.shape[-1]))
    pairs = ops.normalize(pairs, axis=-1, epsilon=1e-12)  # [B, 2, E]
    return ops.sum(pairs[:, 0] * pairs[:, 1], axis=-1)
