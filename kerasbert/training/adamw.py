"""AdamW with the update rule of BERT."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from kerasbert.training.replicas import on_this_device, summed_over_devices


@keras.saving.register_keras_serializable(package="kerasbert")
class AdamW(keras.optimizers.AdamW):
    """AdamW with per-layer learning rates and a fused update.

    The update is that of the paper and of torch, whose epsilon is added to the root of
    the corrected moment; Keras adds it before the correction, which makes it up to 32
    times as large, and the first updates of weights with small gradients smaller.

    Gradients of one token's embedding are summed before clipping and before the update,
    so that sparse gradients give the update of dense ones. On several devices,
    gradients are summed over the devices before they are clipped.

    Args:
        learning_rate: A float or a `LearningRateSchedule`.
        weight_decay: The decoupled weight decay, multiplied by the learning rate.
        rates: Maps variable paths to learning-rate multipliers; the default is 1.
        **kwargs: Other arguments of `keras.optimizers.AdamW`.

    Reference:
        [Loshchilov and Hutter, 2017](https://arxiv.org/abs/1711.05101), algorithm 2.
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 5e-5,
        weight_decay: float = 0.01,
        rates: Mapping[str, float] | None = None,
        **kwargs: Any,
    ):
        kwargs.setdefault("epsilon", 1e-8)
        kwargs.setdefault("name", "adamw")
        super().__init__(learning_rate, weight_decay, **kwargs)
        self.rates = dict(rates or {})
        self._shared = None

    def build(self, variables):
        super().build(variables)
        self._rate_of = {
            index: self.rates.get(variable.path, 1.0)
            for index, variable in enumerate(variables)
        }

    def apply(
        self, grads: Sequence, trainable_variables: Sequence | None = None
    ) -> Any:
        if keras.backend.backend() == "tensorflow":
            grads = summed_over_devices(grads)
        wants_dense = self.gradient_accumulation_steps or self.loss_scale_factor
        grads = [dense(g) if wants_dense else _summed(g) for g in grads]
        return super().apply(grads, trainable_variables)

    def apply_rest(self) -> None:
        """Applies the mean of an incomplete group of accumulated gradients.

        The update equals that of accumulation over as many batches as are left. Without
        accumulated gradients, nothing happens.
        """
        steps = self.gradient_accumulation_steps
        count = int(self._iterations) % steps if steps else 0
        if not count:
            return
        found = []
        for variable, total in zip(
            self._trainable_variables, self._accumulated_gradients, strict=True
        ):
            moments = self._velocities[self._get_variable_index(variable)]
            if bool(ops.any(total != 0)) or bool(ops.any(moments != 0)):
                found.append((ops.convert_to_tensor(total) / count, variable))
        if found:  # variables that have never had a gradient are left alone
            gradients, variables = zip(*found, strict=True)
            self._backend_update_step(
                *(self._clip_gradients(list(gradients)), list(variables)),
                self._get_current_learning_rate(),
            )
        self._backend_reset_gradient_accumulators()
        self._iterations.assign_add(steps - count)

    def _clip_gradients(self, grads):
        if keras.backend.backend() != "tensorflow":
            return super()._clip_gradients(grads)
        if not self.global_clipnorm:
            return super()._clip_gradients([dense(g) for g in grads])
        return _clipped(grads, self.global_clipnorm)

    def _get_current_learning_rate(self):
        """Evaluates the schedule at the number of updates, not of batches."""
        if isinstance(self._learning_rate, LearningRateSchedule):
            return self._learning_rate(self.iterations)
        return super()._get_current_learning_rate()

    def _apply_weight_decay(self, variables):
        pass  # A part of the update, at the rate of the variable.

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        if keras.backend.backend() != "tensorflow":
            return super()._backend_update_step(
                grads, trainable_variables, learning_rate
            )
        self._shared = _SharedTerms(self, learning_rate)
        try:
            for gradient, variable in zip(grads, trainable_variables, strict=True):
                self.update_step(gradient, on_this_device(variable), learning_rate)
        finally:
            self._shared = None  # its tensors belong to one graph

    def _backend_increment_gradient_accumulators(self, grads, acc_grads):
        if keras.backend.backend() != "tensorflow":
            return super()._backend_increment_gradient_accumulators(grads, acc_grads)
        for gradient, accumulator in zip(grads, acc_grads, strict=True):
            on_this_device(accumulator).assign_add(gradient)

    def _backend_reset_gradient_accumulators(self):
        if keras.backend.backend() != "tensorflow":
            return super()._backend_reset_gradient_accumulators()
        for accumulator in self._accumulated_gradients:
            accumulator = on_this_device(accumulator)
            accumulator.assign(0.0 * accumulator)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        shared = self._shared or _SharedTerms(self, learning_rate)
        rate = shared.rate(variable.dtype, self._rate_of[index])
        if self.weight_decay and self._use_weight_decay(variable):
            kept = shared.kept(variable.dtype, self._rate_of[index])
            self.assign(variable, variable * kept)
        if keras.backend.backend() != "tensorflow" or self.amsgrad:
            first, second = self._moments(gradient, index, variable.dtype)
            update = first / (ops.sqrt(second) + self.epsilon)
            self.assign(variable, variable - rate * update)
            return
        import tensorflow as tf

        tf.raw_ops.ResourceApplyAdam(  # a weight and its moments in one kernel
            var=variable.handle,
            m=on_this_device(self._momentums[index]).handle,
            v=on_this_device(self._velocities[index]).handle,
            lr=rate,
            grad=tf.cast(dense(gradient), variable.dtype),
            **shared.of_adam(variable.dtype),
        )

    def _moments(self, gradient, index, dtype):
        """Updates the moments of a variable; returns them, corrected for their bias."""
        gradient = ops.cast(dense(gradient), dtype)
        m, v = self._momentums[index], self._velocities[index]
        self.assign(m, self.beta_1 * m + (1 - self.beta_1) * gradient)
        self.assign(v, self.beta_2 * v + (1 - self.beta_2) * ops.square(gradient))
        if self.amsgrad:
            largest = self._velocity_hats[index]
            self.assign(largest, ops.maximum(largest, v))
            v = largest
        step = ops.cast(self.iterations + 1, dtype)
        first = m / (1 - ops.power(ops.cast(self.beta_1, dtype), step))
        second = v / (1 - ops.power(ops.cast(self.beta_2, dtype), step))
        return first, second

    def get_config(self):
        return {**super().get_config(), "rates": self.rates}


class _SharedTerms:
    """The terms of one step that its variables share: made once, not for each."""

    def __init__(self, optimizer, learning_rate):
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.rate = functools.cache(self.rate)
        self.kept = functools.cache(self.kept)
        self.of_adam = functools.cache(self.of_adam)

    def rate(self, dtype, multiplier):
        """The learning rate of a variable."""
        return ops.cast(self.learning_rate, dtype) * multiplier

    def kept(self, dtype, multiplier):
        """The part of a weight that its decay leaves."""
        return 1.0 - self.rate(dtype, multiplier) * self.optimizer.weight_decay

    def of_adam(self, dtype):
        """The arguments of TensorFlow's kernel."""
        import tensorflow as tf

        step = tf.cast(self.optimizer.iterations + 1, dtype)
        beta_1 = tf.constant(self.optimizer.beta_1, dtype)
        beta_2 = tf.constant(self.optimizer.beta_2, dtype)
        beta_2_power = tf.pow(beta_2, step)
        # The kernel adds epsilon before it corrects the bias; the paper, after.
        epsilon = self.optimizer.epsilon * tf.sqrt(1.0 - beta_2_power)
        return {
            "beta1_power": tf.pow(beta_1, step),
            "beta2_power": beta_2_power,
            "beta1": beta_1,
            "beta2": beta_2,
            "epsilon": epsilon,
        }


def dense(gradient):
    """Converts TensorFlow's `IndexedSlices` of an embedding table to a dense tensor."""
    if gradient is None or keras.backend.backend() != "tensorflow":
        return gradient
    import tensorflow as tf

    return tf.convert_to_tensor(gradient)


def _summed(gradient):
    """Sums the slices of an `IndexedSlices` gradient that belong to the same row."""
    if keras.backend.backend() != "tensorflow":
        return gradient
    import tensorflow as tf

    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows, segments = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, segments, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)


def _clipped(gradients, clip_norm):
    """Clips gradients by their global norm; non-finite gradients stay non-finite."""
    import tensorflow as tf

    values = [g.values if isinstance(g, tf.IndexedSlices) else g for g in gradients]
    # l2_loss is half the sum of squares; it makes no tensor of them.
    norm = tf.sqrt(
        2.0 * tf.add_n([tf.nn.l2_loss(tf.cast(v, "float32")) for v in values])
    )
    scale = clip_norm / tf.maximum(norm, clip_norm)
    scale += norm - norm  # NaN if the norm is infinite

    def scaled(gradient, value):
        value = value * tf.cast(scale, value.dtype)
        if not isinstance(gradient, tf.IndexedSlices):
            return value
        return tf.IndexedSlices(value, gradient.indices, gradient.dense_shape)

    return [scaled(g, v) for g, v in zip(gradients, values, strict=True)]
