"""Gradients and variables of one replica of a `tf.distribute` strategy.

A step that first sums the gradients and then updates the variables of its own replica
may clip them, or run in a branch of `tf.cond`.
"""

import keras


def summed_over_devices(gradients):
    """Sums gradients over all replicas; None stays None."""
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return gradients
    known = [gradient for gradient in gradients if gradient is not None]
    sums = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, known))
    return [None if gradient is None else next(sums) for gradient in gradients]


def on_this_device(variable):
    """Returns the `tf.Variable` of this replica."""
    import tensorflow as tf

    value = variable.value if isinstance(variable, keras.Variable) else variable
    context = tf.distribute.get_replica_context()
    if context is None:
        return value
    copies = context.strategy.experimental_local_results(value)
    if len(copies) == 1:
        return copies[0]
    return copies[int(tf.get_static_value(context.replica_id_in_sync_group))]
