"""Several devices on JAX: layouts of the weights, and parts of a batch.

A `keras.distribution.DataParallel` or `ModelParallel` that is set before a model is
made places its weights. JAX then computes the step of the whole batch, whatever lies
where, so that losses that compare the rows of a batch, and clipping, need nothing.
"""

import contextlib
import copy
from typing import Any

import keras
import numpy as np

MODEL_AXIS = "model"

# The weights that are split, by the end of their path, and along which axis. The
# matrices before an activation are split by columns, those after it by rows, so that
# a block sums over the devices twice (Shoeybi et al., 2019, section 3).
SPLIT = {
    "attention/(query|key|value)/kernel": (None, MODEL_AXIS),
    "attention/(query|key|value)/bias": (MODEL_AXIS,),
    "attention/output/kernel": (MODEL_AXIS, None),
    "feed_forward/intermediate/kernel": (None, MODEL_AXIS),
    "feed_forward/intermediate/bias": (MODEL_AXIS,),
    "feed_forward/output/kernel": (MODEL_AXIS, None),
}


def layout_map(config: Any, device_mesh: Any) -> Any:
    """Returns how the weights of an encoder are split over devices (tensor parallel).

    Attention is split by heads, the feed-forward network by its inner width, and the
    token embedding by tokens, or by its width where the tokens do not divide evenly.
    All other weights are on every device.

    Args:
        config: The configuration of the encoder, such as a `kerasbert.BertConfig`.
        device_mesh: A `keras.distribution.DeviceMesh` that has an axis `"model"`.

    Returns:
        A `keras.distribution.LayoutMap` for `keras.distribution.ModelParallel`.

    Raises:
        ValueError: If there is no such axis, or its devices cannot share the heads or
            the inner width evenly.

    Example:
        >>> config = kerasbert.BertConfig(hidden_size=8, num_attention_heads=2)
        >>> devices = keras.distribution.list_devices()[:1]
        >>> mesh = keras.distribution.DeviceMesh((1, 1), ("batch", "model"), devices)
        >>> layouts = layout_map(config, mesh)
        >>> layouts["layer_0/attention/query/kernel"].axes
        (None, 'model')

    Reference:
        [Shoeybi et al., 2019](https://arxiv.org/abs/1909.08053), section 3.
    """
    names = tuple(device_mesh.axis_names)
    if MODEL_AXIS not in names:
        raise ValueError(
            f"Expected a device mesh with the axis {MODEL_AXIS!r}, got {names}. Make "
            'it with keras.distribution.DeviceMesh(shape, ("batch", "model")).'
        )
    devices = device_mesh.shape[names.index(MODEL_AXIS)]
    for name in ("num_attention_heads", "intermediate_size"):
        size = getattr(config, name)
        if size % devices:
            raise ValueError(
                f"Expected {name} to be a multiple of the {devices} devices of the "
                f"axis {MODEL_AXIS!r}, got {size}. Use a mesh with fewer of them."
            )
    layouts = keras.distribution.LayoutMap(device_mesh)
    for path, axes in SPLIT.items():
        layouts[f"(.*/)?{path}"] = axes
    width = getattr(config, "embedding_size", config.hidden_size)
    for axes, size in (
        ((MODEL_AXIS, None), config.vocab_size),
        ((None, MODEL_AXIS), width),
    ):
        if size % devices == 0:
            layouts["(.*/)?token_embedding/embeddings"] = axes
            break
    return layouts


def batch_shards() -> int:
    """Returns in how many parts the current distribution splits a batch."""
    distribution = keras.distribution.distribution()
    return 1 if distribution is None else distribution.num_model_replicas


def mesh_size() -> int:
    """Returns the number of devices of the current distribution."""
    distribution = keras.distribution.distribution()
    return 1 if distribution is None else distribution.device_mesh.devices.size


def process_count() -> int:
    """Returns the number of processes of the current distribution."""
    distribution = keras.distribution.distribution()
    return 1 if distribution is None else distribution.num_processes


def is_first_process() -> bool:
    """Returns whether this process writes the files of a run."""
    if process_count() == 1:
        return True
    import jax

    return jax.process_index() == 0


def wait_for_processes(reason: str) -> None:
    """Waits until all processes have come here."""
    if process_count() > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(reason)


def whole_array(variable: Any) -> np.ndarray:
    """Returns the value of a variable, also of one that other processes have parts of.

    All processes call it together.
    """
    value = variable.value if isinstance(variable, keras.Variable) else variable
    if getattr(value, "is_fully_addressable", True) or value.is_fully_replicated:
        return np.asarray(variable.numpy())
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(value, tiled=True))


def check_placed(model: Any) -> None:
    """Raises a `ValueError` if a model was made before the distribution was set."""
    if keras.distribution.distribution() is None:
        return
    if any(getattr(v, "_layout", None) is None for v in model.variables):
        raise ValueError(
            "Expected a model that was made after keras.distribution.set_distribution, "
            "which places its weights, got one from before. Set the distribution "
            "first, and then make or load the model."
        )


@contextlib.contextmanager
def sharing(whole=False):
    """A scope in which Keras takes batches that `own_rows` has cut.

    With `whole`, all devices compute the whole batch.
    """
    given = keras.distribution.distribution()
    if given is None:
        yield
        return
    mine = copy.copy(given)
    mine.auto_shard_dataset = False
    if whole:
        mine.get_data_layout = lambda shape: keras.distribution.TensorLayout(
            [None] * len(shape), given.device_mesh
        )
    with mine.scope():
        yield


def own_rows(batch):
    """Returns the rows of a batch that this process gives to its devices."""
    distribution = keras.distribution.distribution()
    count = min(process_count(), batch_shards())
    if count == 1:
        return batch
    part = distribution.data_shard_id

    def rows(array):
        size = len(array) // count
        return array[part * size : (part + 1) * size]

    return keras.tree.map_structure(rows, batch)
