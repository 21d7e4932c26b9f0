"""Several devices: `--devices data` and `--devices model=4`."""

import contextlib
import os

import keras

__all__ = ["check_devices", "on_devices"]

PROCESSES = ("KERAS_DISTRIBUTION_JOB_ADDRESSES", "KERAS_DISTRIBUTION_NUM_PROCESSES")


def check_devices(devices):
    """Returns over how many devices the weights are split; None: over none.

    Example:
        >>> check_devices("data"), check_devices("model=4")
        (1, 4)
    """
    if devices is None:
        return None
    if devices == "data":
        return 1
    kind, _, count = devices.partition("=")
    if kind != "model" or not count.isdecimal() or int(count) < 2:
        raise ValueError(
            "Expected --devices data, where each device has all weights and a part of "
            "every batch, or model=4, where four devices share the weights; got "
            f"{devices!r}."
        )
    return int(count)


@contextlib.contextmanager
def on_devices(devices, config_of):
    """A scope in which a model is made and trained on all devices.

    `config_of` returns the configuration of the encoder, whose weights `model=4`
    splits.

    Raises a `ValueError` if there is one device, or they cannot share the weights.
    """
    shared = check_devices(devices)
    if shared is None:
        yield
        return
    if any(name in os.environ for name in PROCESSES):
        raise ValueError(
            f"Expected one process, but {' or '.join(PROCESSES)} is set. Several "
            "processes train with a script that calls keras.distribution.initialize."
        )
    make = _on_tensorflow if keras.backend.backend() == "tensorflow" else _on_jax
    with make(shared, config_of):
        yield


def _on_tensorflow(shared, config_of):
    import tensorflow as tf

    if shared > 1:
        raise ValueError(
            "Expected KERAS_BACKEND=jax with --devices model=..., which TensorFlow "
            "cannot do; --devices data it can."
        )
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    found = [device.name for device in tf.config.list_logical_devices(kind)]
    _check_several(found)
    return tf.distribute.MirroredStrategy(found).scope()


def _on_jax(shared, config_of):
    from kerasbert.training.distribution import layout_map

    found = keras.distribution.list_devices()
    _check_several(found)
    if shared == 1:
        return keras.distribution.DataParallel(devices=found).scope()
    if len(found) % shared:
        raise ValueError(
            f"Expected --devices model=... to divide the {len(found)} devices that "
            f"there are, got {shared}."
        )
    mesh = keras.distribution.DeviceMesh(
        (len(found) // shared, shared), ("batch", "model"), found
    )
    return keras.distribution.ModelParallel(
        layout_map=layout_map(config_of(), mesh), batch_dim_name="batch"
    ).scope()


def _check_several(found):
    if len(found) < 2:
        raise ValueError(
            f"Expected two devices or more with --devices, found {', '.join(found)}."
        )
