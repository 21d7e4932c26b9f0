"""The learning rate: a linear warm-up, then a decay to zero."""

import keras
from keras import ops

DECAYS = ("linear", "cosine", "constant")


@keras.saving.register_keras_serializable(package="kerasbert")
class WarmUpDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Grows linearly from 0 to the peak, then falls to 0 at the last step.

    Args:
        peak: The highest learning rate.
        steps: Number of all steps.
        warmup_steps: Number of steps until the peak.
        decay: `"linear"`, `"cosine"` or `"constant"`, which stays at the peak.

    Example:
        >>> schedule = WarmUpDecay(1.0, steps=10, warmup_steps=2)
        >>> [round(float(schedule(step)), 3) for step in (0, 1, 2, 6, 10)]
        [0.0, 0.5, 1.0, 0.5, 0.0]

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), appendix A.2.
    """

    def __init__(self, peak, steps, warmup_steps=0, decay="linear"):
        if decay not in DECAYS:
            raise ValueError(
                f"Expected a decay among {', '.join(DECAYS)}, got {decay!r}."
            )
        self.peak = peak
        self.steps = steps
        self.warmup_steps = warmup_steps
        self.decay = decay

    def __call__(self, step):
        step = ops.cast(step, "float32")
        warmup = step / max(1, self.warmup_steps)
        left = (self.steps - step) / max(1, self.steps - self.warmup_steps)
        left = ops.clip(left, 0.0, 1.0)
        if self.decay == "cosine":
            left = 0.5 * (1 - ops.cos(3.141592653589793 * left))
        if self.decay == "constant":
            left = ops.ones_like(left)
        return self.peak * ops.where(step < self.warmup_steps, warmup, left)

    def get_config(self):
        return {
            "peak": self.peak,
            "steps": self.steps,
            "warmup_steps": self.warmup_steps,
            "decay": self.decay,
        }
