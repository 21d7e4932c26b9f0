"""Files of named tensors: safetensors, torch, TensorFlow checkpoints, HDF5.

Each reader gives `StoredTensors`, in float32 whatever the file holds.
"""

import numpy as np

from kerasbert.checkpoints.checkpoint import StoredTensors
from kerasbert.files import read_json


def read_safetensors(file):
    """Reads a safetensors file, or the index of a sharded one.

    Args:
        file: `model.safetensors` or `model.safetensors.index.json`.

    Returns:
        `StoredTensors`.

    Raises:
        ValueError: If the file is truncated or corrupt; the message names it.
    """
    import safetensors

    errors = (safetensors.SafetensorError, OSError, ValueError, TypeError)
    homes, shapes = {}, {}
    for shard in _shards(file):
        with errors_name(shard, errors):
            with safetensors.safe_open(shard, framework="numpy") as tensors:
                for name in tensors.keys():
                    shapes[name] = tuple(tensors.get_slice(name).get_shape())
                    homes[name] = shard

    def read(name):
        with errors_name(homes[name], errors):
            with safetensors.safe_open(homes[name], framework="numpy") as tensors:
                array = tensors.get_tensor(name)
        return _float32(array, name, homes[name])

    return StoredTensors(shapes, read)


def write_safetensors(tensors, file, metadata=None):
    """Writes a safetensors file.

    Args:
        tensors: From names to arrays, each in C order.
        file: The file.
        metadata: From strings to strings.

    Raises:
        OSError: If it cannot be written, as on a full disk.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    try:
        save_file(tensors, file, metadata)
    except SafetensorError as error:
        raise OSError(f"{file.name} could not be written: {error}.") from None


def read_torch(file):
    """Reads a legacy torch file, with a pickle reader that makes tensors alone.

    Args:
        file: `pytorch_model.bin`, or the index of a sharded one.

    Returns:
        `StoredTensors`.

    Raises:
        ValueError: If the file is corrupt, or asks for anything but tensors.
    """
    from kerasbert.checkpoints.safe_pickle import load_torch

    arrays = {}
    for shard in _shards(file):
        arrays.update(load_torch(shard))
    shapes = {name: array.shape for name, array in arrays.items()}
    return StoredTensors(shapes, lambda name: _float32(arrays[name], name, file))


def read_tensorflow(prefix):
    """Reads a TensorFlow checkpoint, name-based or object-based.

    Args:
        prefix: Its path without `.index` and `.data-...`.

    Returns:
        `StoredTensors`, and a function from the name of a string to its bytes.

    Raises:
        ValueError: If the checkpoint is truncated or corrupt; the message names it.
    """
    tf = import_tensorflow(prefix)
    errors = (tf.errors.OpError, ValueError, RuntimeError, LookupError, TypeError)
    with errors_name(prefix, errors):
        reader = tf.train.load_checkpoint(str(prefix))
        shapes = {
            name: tuple(shape)
            for name, shape in reader.get_variable_to_shape_map().items()
        }

    def read_any(name):
        with errors_name(prefix, errors):
            return reader.get_tensor(name)

    def read(name):
        return _float32(read_any(name), name, prefix)

    return StoredTensors(shapes, read), read_any


def import_tensorflow(file):
    """TensorFlow, which alone reads its files.

    Args:
        file: What is to be read, for the message.

    Raises:
        ImportError: If TensorFlow is not installed; the message says what to do.
    """
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ImportError(
            f"{file} is read by TensorFlow, which is not installed here. Install "
            "tensorflow, or convert the folder where it is: kerasbert convert FOLDER "
            "OUT --to huggingface."
        ) from error
    return tf


def read_hdf5(file):
    """Reads the weights of a `.weights.h5` file of Keras 3.

    Args:
        file: A `pathlib.Path`.

    Returns:
        `StoredTensors`.

    Raises:
        ValueError: If the file is truncated or corrupt; the message names it.
    """
    import h5py

    shapes = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise ValueError(f"{name} lies in another file")
            shapes[name] = tuple(item.shape)

    errors = (OSError, KeyError, RuntimeError, ValueError, TypeError)
    with errors_name(file, errors):
        with h5py.File(file) as tensors:
            tensors.visititems(visit)

    def read(name):
        with errors_name(file, errors):
            with h5py.File(file) as tensors:
                array = tensors[name][()]
        return _float32(array, name, file)

    return StoredTensors(shapes, read)


class errors_name:
    """Turns a library's errors into one that names the file.

    Args:
        file: The file that is read.
        errors: The classes of errors that mean that the file is broken.
    """

    def __init__(self, file, errors):
        self.file = file
        self.errors = errors

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if error is not None and isinstance(error, self.errors):
            reason = str(error).strip().splitlines()[0] if str(error) else kind.__name__
            raise ValueError(
                f"{self.file} cannot be read: {reason}. It may be incomplete or "
                "corrupt; fetch it again."
            ) from error


def _shards(file):
    if not file.name.endswith(".index.json"):
        return [file]
    index = read_json(file)
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(weight_map, dict) or not all(
        isinstance(name, str) and name for name in weight_map.values()
    ):
        raise ValueError(
            f"Expected a weight_map from tensors to files in {file}. It may be "
            "incomplete or corrupt; fetch it again."
        )
    names = sorted(set(weight_map.values()))
    shards = [file.parent / name for name in names]
    for name, shard in zip(names, shards, strict=True):
        if shard.parent != file.parent or not shard.is_file():
            raise FileNotFoundError(
                f"{file} names the file {name!r}, which is not in {file.parent}. Was "
                "the folder fetched whole?"
            )
    return shards


def _float32(array, name, file):
    array = np.asarray(array)
    if array.dtype == np.float32:
        return array
    if array.dtype.name not in ("float16", "bfloat16", "float64"):
        raise ValueError(
            f"Expected floating-point numbers in {name} of {file}, got {array.dtype}. "
            "Quantised checkpoints are not read; use the one they were made from."
        )
    return array.astype(np.float32)
