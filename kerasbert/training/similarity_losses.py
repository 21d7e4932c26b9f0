"""Losses on the similarity of text embeddings.

They take embeddings `[B * K, E]` of B examples of K texts, the texts of an example next
to each other. K is 2 unless a loss says otherwise.
"""

import keras
from keras import ops

PACKAGE = "kerasbert"


class SimilarityLoss(keras.losses.Loss):
    """Base class of the losses on the similarity of texts.

    Args:
        **kwargs: `name` and `reduction` of a `keras.losses.Loss`.
    """

    targets = "scores"  # or "texts": numbers that are equal for equal texts
    lowest, highest = -1.0, 1.0  # range of the scores
    weighs_examples = True  # whether there is one loss per example

    def __init__(self, **kwargs):
        super().__init__(**kwargs)


@keras.saving.register_keras_serializable(package=PACKAGE)
class CosineSimilarityLoss(SimilarityLoss):
    """Squared error between the cosine similarity of two texts and their score.

    Args:
        low: The score of cosine 0.
        high: The score of cosine 1.
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
    """Ranking loss: a pair with a higher score should have a higher cosine similarity.

    Only the order of the scores matters, not their range.

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
    """Pulls pairs of score 1 together, pushes pairs of score 0 apart up to a margin.

    Args:
        margin: The cosine distance beyond which pairs of score 0 have no loss.
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
        """Returns the losses of pairs of score 1 and of pairs of score 0."""
        distances = 1 - cosines
        return ops.square(distances), ops.square(ops.relu(self.margin - distances))

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}


@keras.saving.register_keras_serializable(package=PACKAGE)
class OnlineContrastiveLoss(ContrastiveLoss):
    """The contrastive loss of the hard pairs of a batch.

    Hard positives are farther apart than the nearest pair of score 0; hard negatives
    are nearer than the farthest pair of score 1.

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
        """Returns the extreme cosine of the other pairs, or the mean if none."""
        none = NEVER if extreme is ops.max else -NEVER
        edge = extreme(ops.where(others, cosines, none))
        count = ops.maximum(ops.sum(ops.cast(own, cosines.dtype)), 1.0)
        mean = ops.sum(ops.where(own, cosines, 0)) / count
        return ops.where(ops.any(others), edge, mean)


@keras.saving.register_keras_serializable(package=PACKAGE)
class MultipleNegativesRankingLoss(SimilarityLoss):
    """Cross-entropy of finding a text's positive among all texts of the batch.

    An example has an anchor, its positive, and any number of hard negatives. The
    positives and negatives of the other examples are in-batch negatives, except for
    duplicates of the anchor or its positive, and for positives of an equal anchor.

    Args:
        scale: Factor of the cosines, the inverse of a temperature.
        **kwargs: `name` and `reduction` of a `keras.losses.Loss`.

    Shapes:
        text numbers `[B, K]`, embeddings `[B * K, E]` -> `[B]`, averaged.

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
NEVER = -1e9  # logit of a masked candidate


def similarity_loss(loss):
    """Returns a similarity loss by its name in `LOSSES`.

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
    """Marks texts of other examples that are no negatives of an anchor.

    Args:
        texts: Text numbers `[B, K]`, equal for equal texts.

    Returns:
        bool `[B, C]`, for each anchor and the C = B * (K - 1) candidates.
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
    """Returns the cosine similarities `[B]` of consecutive embeddings `[B * 2, E]`."""
    pairs = ops.reshape(embeddings, (-1, 2, embeddings.shape[-1]))
    pairs = ops.normalize(pairs, axis=-1, epsilon=1e-12)  # [B, 2, E]
    return ops.sum(pairs[:, 0] * pairs[:, 1], axis=-1)
