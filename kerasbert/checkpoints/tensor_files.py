"""Files of named tensors: safetensors, torch, TensorFlow checkpoints, HDF5.

Each reader gives `StoredTensors`, in float32 whatever the file holds.
"""

import json
import struct

import numpy as np

from kerasbert.account import listed, quoted
from kerasbert.checkpoints.checkpoint import StoredTensors
from kerasbert.files import inside, read_json
from kerasbert.packed.matrices import PACKED, SCALE, packed_matrices

# Bounds on what describes the tensors of a file, far from any published model: what
# is beyond costs memory and time before a single number is read.
MOST_TENSORS = 20_000
MOST_HEADER_BYTES = 8 << 20
DEEPEST_GROUP = 32


def read_safetensors(file, account=None):
    """Reads a safetensors file, or the index of a sharded one."""
    import safetensors

    errors = (safetensors.SafetensorError, OSError, ValueError, TypeError)
    homes, shapes, matrices = {}, {}, {}
    for shard in _shards(file):
        with errors_name(shard, errors):
            _check_header(shard)
            with safetensors.safe_open(shard, framework="numpy") as tensors:
                found = {
                    name: (part.get_dtype(), tuple(part.get_shape()))
                    for name in tensors.keys()
                    for part in [tensors.get_slice(name)]
                }
                matrices |= packed_matrices(tensors.metadata(), found)
            for name in found:
                matrix = matrices.get(name.removesuffix(PACKED).removesuffix(SCALE))
                if matrix is not None and name.endswith(SCALE):
                    continue
                name = name if matrix is None else matrix.name
                _once(name, homes, shard)
                shapes[name] = found[name][1] if matrix is None else matrix.shape
                homes[name] = shard

    def read(name):
        with errors_name(homes[name], errors):
            with safetensors.safe_open(homes[name], framework="numpy") as tensors:
                if name in matrices:
                    return matrices[name].unpacked(tensors.get_tensor)
                array = tensors.get_tensor(name)
        return _float32(array, name, homes[name])

    notes = {name: matrix.note for name, matrix in matrices.items()}
    return StoredTensors(shapes, read, notes)


def _check_header(file):
    """Rejects a header that is too large or has duplicate names."""
    with open(file, "rb") as stream:
        length = stream.read(8)
        (size,) = struct.unpack("<Q", length) if len(length) == 8 else (0,)
        if size > MOST_HEADER_BYTES:
            raise ValueError(f"its header claims {size} bytes")
        header = stream.read(size)
    _check_count(header.count(b"data_offsets"))

    def once(pairs):
        if len(dict(pairs)) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"its header has {quoted(twice)} twice")
        return dict(pairs)

    try:
        json.loads(header, object_pairs_hook=once)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise ValueError("its header is no JSON") from None


def _check_count(count):
    if count > MOST_TENSORS:
        raise ValueError(f"it holds {count:,} tensors or more")


def _once(name, homes, shard):
    if name in homes:
        raise ValueError(f"{quoted(name)} is in {homes[name].name}, too")


def write_safetensors(tensors, file, metadata=None):
    """Writes a safetensors file."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    try:
        save_file(tensors, file, metadata)
    except SafetensorError as error:
        failure = OSError(f"{file.name} could not be written: {error}.")
        failure.filename = str(file)
        raise failure from None


def read_torch(file, account=None):
    """Reads a legacy torch file with a restricted pickle reader."""
    from kerasbert.checkpoints.safe_pickle import load_torch

    arrays, homes = {}, {}
    for shard in _shards(file):
        found = load_torch(shard, account)
        with errors_name(shard, ValueError):
            for name in found:
                _once(name, homes, shard)
        homes |= dict.fromkeys(found, shard)
        arrays |= found
    shapes = {name: array.shape for name, array in arrays.items()}
    return StoredTensors(shapes, lambda name: _float32(arrays[name], name, file))


def read_tensorflow(prefix):
    """Reads a TensorFlow checkpoint, name-based or object-based."""
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
    """Imports TensorFlow, which is needed for its files."""
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ImportError(
            f"{file} is read by TensorFlow, which is not installed here. Install "
            "tensorflow, or convert the folder where it is: kerasbert convert FOLDER "
            "OUT --to huggingface."
        ) from error
    return tf


def read_hdf5(file, account=None):
    """Reads the weights of an HDF5 file of Keras or of TensorFlow transformers."""
    import h5py

    errors = (OSError, KeyError, RuntimeError, ValueError, TypeError)
    homes, shapes = {}, {}
    for shard in _shards(file):
        with errors_name(shard, errors):
            with h5py.File(shard) as tensors:
                for name, shape in _datasets(tensors):
                    _once(name, homes, shard)
                    shapes[name] = shape
                    homes[name] = shard

    def read(name):
        with errors_name(homes[name], errors):
            with h5py.File(homes[name]) as tensors:
                _check_stored(name, tensors[name])
                array = tensors[name][()]
        return _float32(array, name, homes[name])

    return StoredTensors(shapes, read)


def _datasets(tensors):
    """Returns the paths and shapes of an HDF5 file's datasets, in order."""
    import h5py

    count, groups, found = 0, [("", tensors)], []
    while groups:
        path, group = groups.pop()
        if path.count("/") > DEEPEST_GROUP:
            raise ValueError(f"its groups are more than {DEEPEST_GROUP} deep")
        count += len(group)
        _check_count(count)
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise ValueError(f"{quoted(path + name)} lies elsewhere")
            item = group[name]
            if isinstance(item, h5py.Group):
                groups.append((f"{path}{name}/", item))
            elif isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual:
                    raise ValueError(f"{quoted(path + name)} lies in another file")
                if item.shape is None:
                    raise ValueError(f"{quoted(path + name)} is empty")
                found.append((path + name, tuple(item.shape)))
    return sorted(found)


def _check_stored(name, dataset):
    """Rejects a dataset that is larger than the file's data."""
    packed = dataset.compression is not None
    stored = dataset.id.get_storage_size()
    if dataset.nbytes > stored * (100 if packed else 1):
        raise ValueError(
            f"{quoted(name)} of shape {quoted(dataset.shape)} has {stored} bytes"
        )


class errors_name:
    """Converts the errors of a library to one that names the file.

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
            lines = str(error).strip().splitlines()
            reason = lines[0][:200] if lines else kind.__name__
            raise ValueError(
                f"{self.file} cannot be read: {reason}. It may be incomplete or "
                "corrupt; fetch it again."
            ) from error


def _shards(file):
    if not file.name.endswith(".index.json"):
        return [file]
    if file.stat().st_size > MOST_HEADER_BYTES:
        raise ValueError(
            f"Expected an index of at most {MOST_HEADER_BYTES:,} bytes in {file}, got "
            f"{file.stat().st_size:,}. It may be corrupt; fetch it again."
        )
    index = read_json(file)
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(weight_map, dict) or not all(
        isinstance(name, str) and name for name in weight_map.values()
    ):
        raise ValueError(
            f"Expected a weight_map from tensors to files in {file}. It may be "
            "incomplete or corrupt; fetch it again."
        )
    shards = []
    for name in sorted(set(weight_map.values())):
        shard = inside(file.parent, name, file)
        if shard.parent != file.parent or not shard.is_file():
            raise FileNotFoundError(
                f"{file} names the file {quoted(name)}, which is not in {file.parent}. "
                "Was the folder fetched whole?"
            )
        shards.append(shard)
    return shards


def _float32(array, name, file):
    array = np.asarray(array)
    if array.dtype == np.float32:
        return array
    if array.dtype.name not in ("float16", "bfloat16", "float32", "float64"):
        raise ValueError(
            f"Expected floating-point numbers in {listed([name])} of {file}, got "
            f"{array.dtype}. "
            "Quantised checkpoints are not read; use the one they were made from."
        )
    return array.astype(np.float32)
