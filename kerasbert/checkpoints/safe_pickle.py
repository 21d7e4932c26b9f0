"""Reads the tensors of a `pytorch_model.bin` without torch and without executing it.

Two containers hold the pickle that describes the tensors: a zip archive (torch 1.6
and later) and a plain stream of pickles with the numbers behind them (before).
"""

import io
import math
import mmap
import pathlib
import re
import struct
import zipfile
import zlib
from typing import NamedTuple

import numpy as np

from kerasbert.account import Account, listed, quoted
from kerasbert.checkpoints.pickle_machine import MOST_BYTES, Tensor, interpret

__all__ = ["load_torch"]

_STREAM_MAGIC = 0x1950A86A20F9469CFC6C
_STREAM_VERSION = 1001
# Tensors may share numbers (tied embeddings), but not without end.
_MOST_BYTES_A_FILE_BYTE = 16
# Under what training scripts keep the tensors of a model, beside other state.
_WRAPPERS = (
    *("state_dict", "model_state_dict", "model", "module", "net", "network"),
    *("weights", "model_weights", "checkpoint"),
)
# State of a training: no weights of a model, whatever it is made of.
_TRAINING = re.compile(r"optim|sched|^lr|scaler|amp|rng|callback|loop|hyper|arg|config")
_DAMAGE = (ValueError, NotImplementedError, zipfile.BadZipFile, struct.error)


def load_torch(path, account=None):
    """Reads the tensors of a file written by `torch.save`.

    Numbers are mapped from the file where they lie, so they cost no memory until they
    are used. bfloat16 comes as float32, which holds it exactly.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"Expected a file at {path}, but there is none.")
    try:
        if path.stat().st_size == 0:
            raise ValueError("it is empty")
        with open(path, "rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        account = account or Account()
        if data[:4] == b"PK\x03\x04":
            tensors, storages = _read_zip(data, path, account)
        elif data[:1] == b"\x80":
            tensors, storages = _read_stream(data, path, account)
        elif data[:23] == b"version https://git-lfs":
            raise ValueError("it is a Git LFS pointer (`git lfs pull` brings the file)")
        else:
            raise ValueError("it does not begin like a file of torch.save")
        return _arrays(tensors, storages, len(data))
    except _DAMAGE as error:
        raise ValueError(
            f"Expected a dictionary of tensors in {path}, but cannot read it: {error}. "
            "Fetch or convert the file again, or use its model.safetensors."
        ) from error


class _Numbers(NamedTuple):
    """The bytes of a storage in the file."""

    buffer: memoryview
    byte_order: str


def _read_zip(data, path, account):
    with zipfile.ZipFile(data) as archive:
        listing = archive.infolist()
    records = {info.filename: info for info in listing}
    if len(records) < len(listing):
        raise ValueError("it holds a record twice")
    programs = [name for name in records if name.endswith("/data.pkl")]
    if len(programs) != 1:
        raise ValueError("it is a zip archive, but none of torch.save")
    root = programs[0].removesuffix("data.pkl")
    if records[programs[0]].file_size > MOST_BYTES:
        raise ValueError(f"its pickle is larger than {MOST_BYTES:,} bytes")
    whole = interpret(io.BytesIO(_record(data, records[programs[0]])))
    content = _unwrapped(whole, path, account)
    big = (
        f"{root}byteorder" in records
        and bytes(_record(data, records[f"{root}byteorder"])) == b"big"
    )
    storages = {}
    for tensor in content.values():
        key = tensor.storage.key
        if f"{root}data/{key}" not in records:
            raise ValueError(f"the numbers of storage {quoted(key)} are missing")
        if key not in storages:
            buffer = _record(data, records[f"{root}data/{key}"])
            storages[key] = _Numbers(buffer, ">" if big else "<")
    return content, storages


def _record(data, info):
    """Returns the bytes of a file in the archive."""
    header = data[info.header_offset : info.header_offset + 30]
    if info.compress_type != zipfile.ZIP_STORED or header[:4] != b"PK\x03\x04":
        raise ValueError(f"its record {listed([info.filename])} is packed or corrupt")
    name_length, extra_length = struct.unpack("<HH", header[26:30])
    start = info.header_offset + 30 + name_length + extra_length
    buffer = memoryview(data)[start : start + info.file_size]
    if len(buffer) != info.file_size or zlib.crc32(buffer) != info.CRC:
        raise ValueError(
            f"its record {listed([info.filename])} is truncated or corrupt"
        )
    return buffer


def _read_stream(data, path, account):
    if interpret(data) != _STREAM_MAGIC:
        raise ValueError("it is a pickle, but none of torch.save")
    if interpret(data) != _STREAM_VERSION:
        raise ValueError("it is of another version of torch.save's stream than 1001")
    machine = interpret(data)
    whole = interpret(data)
    content = _unwrapped(whole, path, account)
    keys = interpret(data)
    if not isinstance(machine, dict) or not isinstance(keys, list):
        raise ValueError("its pickles are not those of torch.save")
    byte_order = "<" if machine.get("little_endian", True) else ">"
    dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in _tensors(whole)}
    wanted = {tensor.storage.key for tensor in content.values()}
    storages, buffer, position = {}, memoryview(data), data.tell()
    for key in keys:
        if not isinstance(key, str) or key not in dtypes:
            raise ValueError("it lists a storage that belongs to no tensor")
        (count,) = struct.unpack(byte_order + "Q", buffer[position : position + 8])
        end = position + 8 + count * _width(dtypes[key])
        if end > len(data):
            raise ValueError(f"it is truncated: the numbers of {quoted(key)} are cut")
        storages[key] = _Numbers(buffer[position + 8 : end], byte_order)
        position = end
    if missing := wanted - storages.keys():
        raise ValueError(f"the numbers of storage {quoted(min(missing))} are missing")
    return content, storages


def _tensors(content):
    """Returns all distinct tensors of a file, at any depth."""
    seen, left = set(), [content]
    while left:
        value = left.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, dict):
            left += value.values()
        elif isinstance(value, list | tuple):
            left += value


def _unwrapped(content, path, account):
    """Returns the state dict in a file, and records what is beside it."""
    found = _state_dicts(content, ())
    if not found and content == {}:
        return {}
    if not found:
        raise ValueError(_what_it_is(content))
    if len(found) > 1:
        places = listed(".".join(keys) or "its top" for keys, _ in found)
        raise ValueError(
            f"it holds {len(found)} dictionaries of tensors, at {places}, and it is "
            "not told which is wanted; save the one to load alone"
        )
    [(keys, tensors)] = found
    at, inner = "", content
    for key in keys:
        for other in inner:
            if other != key:
                name = f"{at}{other}"
                account.ignored(path, name, None, "beside the weights of the model")
        account.used(path, f"{at}{key}", len(inner[key]), "holds the weights")
        at, inner = f"{at}{key}.", inner[key]
    for name, value in inner.items():
        if name not in tensors:
            account.ignored(path, f"{at}{name}", value, "no tensor")
    return tensors


def _state_dicts(content, keys):
    """Yields state dicts, with the keys that lead to them."""
    if not isinstance(content, dict) or len(keys) > 3:
        return []
    tensors = {
        name: value
        for name, value in content.items()
        if isinstance(value, Tensor) and isinstance(name, str)
    }
    inner = []
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, dict) or not value:
            continue
        if key in _WRAPPERS:
            inner += _state_dicts(value, (*keys, key))
        elif not _TRAINING.search(key.lower()):
            if all(isinstance(item, Tensor) for item in value.values()):
                inner.append(((*keys, key), value))
    if inner and not any(tensor.shape for tensor in tensors.values()):
        return inner  # a counter or a loss may stand beside the weights
    plain = (str, int, float, type(None), Tensor)
    if tensors and not inner:
        odd = [n for n, v in content.items() if not isinstance(v, plain)]
        tensors = {} if odd and not keys else tensors
    return [*inner, (keys, tensors)] if tensors else inner


def _what_it_is(content):
    if not isinstance(content, dict):
        return f"it holds a {type(content).__name__}"
    for name, value in content.items():
        if not isinstance(value, Tensor):
            return f"{quoted(name)} holds a {type(value).__name__}, not a tensor"
    return "it holds no tensor"


def _arrays(tensors, storages, file_size):
    sizes = (math.prod(t.shape) * _width(t.storage.dtype) for t in tensors.values())
    if sum(sizes) > _MOST_BYTES_A_FILE_BYTE * file_size:
        raise ValueError(f"its tensors are larger than its {file_size} bytes can hold")
    return {
        name: _array(name, tensor, storages[tensor.storage.key])
        for name, tensor in tensors.items()
    }


def _array(name, tensor, numbers):
    _, dtype, start, count = tensor.storage
    if 0 in tensor.shape:
        return np.zeros(tensor.shape, "float32" if dtype == "bfloat16" else dtype)
    stored_type = _stored_type(dtype).newbyteorder(numbers.byte_order)
    width = stored_type.itemsize
    buffer = numbers.buffer[start * width : (start + count) * width]
    steps = zip(tensor.shape, tensor.strides, strict=True)
    last = tensor.offset + sum((length - 1) * stride for length, stride in steps)
    if len(buffer) != count * width or last >= count:
        raise ValueError(f"{quoted(name)} reaches beyond the numbers of its storage")
    array = np.lib.stride_tricks.as_strided(
        np.frombuffer(buffer, stored_type)[tensor.offset :],
        tensor.shape,
        [stride * width for stride in tensor.strides],
        writeable=False,
    )
    if dtype == "bfloat16":  # the upper half of a float32
        array = (array.astype("uint32") << 16).view("float32")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _stored_type(dtype):
    return np.dtype("uint16" if dtype == "bfloat16" else dtype)


def _width(dtype):
    return _stored_type(dtype).itemsize
