"""What one device of several sees of gradients and variables.

A step that adds the gradients first, and then updates the variables of each device on
that device alone, may clip them, or do so in a branch of `tf.cond`.
"""

import keras


def summed_over_devices(gradients):
    """The gradients that all devices have together, on each of them.

    Args:
        gradients: A list of gradients of this device; some may be None.
    """
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return gradients
    known = [gradient for gradient in gradients if gradient is not None]
    sums = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, known))
    return [None if gradient is None else next(sums) for gradient in gradients]


def on_this_device(variable):
    """The `tf.Variable` of this device.

    Args:
        variable: A `keras.Variable`, or a variable of TensorFlow.
    """
    import tensorflow as tf

    value = variable.value if isinstance(variable, keras.Variable) else variable
    context = tf.distribute.get_replica_context()
    if context is None:
        return value
    copies = context.strategy.experimental_local_results(value)
    if len(copies) == 1:
        return copies[0]
    return copies[int(tf.get_static_value(context.replica_id_in_sync_group))]
