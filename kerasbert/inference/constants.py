"""Weights as constants of the graph that is run, however a SavedModel is loaded.

oneDNN lays a kernel out beforehand where it is a constant of that graph. What a
function captures is one in a session, such as TF Serving's; `tf.saved_model.load`
passes it as an argument. A `Constant` is one in both: it stands in a small function of
its own, once in the file, which TensorFlow inlines into every signature.

A process that loads with `tf.saved_model.load` pays for it in memory, since TensorFlow
keeps copies of functions. So it is for bfloat16, where the kernels of a constant are
much faster.
"""

import keras
import numpy as np
import tensorflow as tf


class Constant:
    """A value that is a constant of every graph that reads it."""

    def __init__(self, value):
        self.value = np.asarray(value)
        self._function = tf.function(self._here, input_signature=[], autograph=False)

    def _here(self):
        return tf.constant(self.value)

    def __call__(self):
        """Returns it as a tensor of the current graph."""
        return self._function()


def read(value):
    """Returns a `Constant`, tensor or variable as a tensor of the current graph."""
    return value() if isinstance(value, Constant) else tf.convert_to_tensor(value)


class Frozen(keras.StatelessScope):
    """A scope in which variables have other values.

    A value comes into the graph when its variable is first read: those that are not
    read stay out of it.

    Args:
        values: Pairs of a variable, and a `Constant`, tensor or other variable.
    """

    def __init__(self, values):
        super().__init__()
        self._values = {id(variable): value for variable, value in values}

    def get_current_value(self, variable):
        """Returns the value of a variable, for Keras."""
        value = super().get_current_value(variable)
        if value is None and id(variable) in self._values:
            value = read(self._values[id(variable)])
            self.add_update((variable, value))
        return value
