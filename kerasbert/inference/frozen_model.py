"""Models that are called as wholes, with constant weights, in a given precision."""

import contextlib

import keras
import tensorflow as tf

from kerasbert.inference.int8_products import products_without_calibration
from kerasbert.inference.matmul_overrides import override_matmuls
from kerasbert.inference.serving_graph import PRECISIONS, check_precision


def check_options(precision, calibration):
    """Raises a `ValueError` for a precision that there is not, or calibration texts."""
    check_precision(precision)
    if calibration is not None:
        raise ValueError(
            "Expected no calibration texts, got some: the scales of int8 are found as "
            "the graph runs, for each token, where a model does more than encode."
        )


def frozen_model(model, precision, calibration=None):
    """Returns a model in a precision, and a scope in which it has constant weights."""
    check_options(precision, calibration)
    values = [variable.numpy() for variable in model.weights]
    policy = PRECISIONS[precision]
    if policy != "float32":
        policy = keras.dtype_policies.serialize(keras.dtype_policies.get(policy))
        config = {**model.get_config(), "dtype": policy}
        for part in ("encoder", "decoder"):  # that are published
            if config.get(part):
                described = config[part]
                own = {**described["config"], "dtype": policy}
                config[part] = {**described, "config": own}
        model = type(model).from_config(config)
    constants = [
        (variable, tf.constant(value, variable.dtype))
        for variable, value in zip(model.weights, values, strict=True)
    ]
    return model, frozen_scope(model, constants, precision)


def frozen_scope(model, constants, precision):
    """Returns a scope in which a model has constants, and the products of int8."""
    products = {}
    if precision == "int8":
        products = products_without_calibration(model, constants)

    @contextlib.contextmanager
    def scope():
        with keras.StatelessScope(constants), override_matmuls(products):
            yield

    return scope
