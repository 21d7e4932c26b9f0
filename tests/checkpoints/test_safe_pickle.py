import os
import pathlib
import pickle
import struct
import zipfile

import numpy as np
import pytest

from kerasbert.checkpoints.safe_pickle import load_torch

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures" / "torch"


# --- A writer of such files, opcode by opcode ------------------------------------


def text(value):
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def integer(value):
    return b"J" + struct.pack("<i", value)


def integers(values):
    return b"(" + b"".join(map(integer, values)) + b"t"


def named(module, name):
    return b"c" + f"{module}\n{name}\n".encode()


def storage(kind="FloatStorage", key="0", count=6):
    symbol = named("torch", kind)
    return (
        b"("
        + text("storage")
        + symbol
        + text(key)
        + text("cpu")
        + integer(count)
        + b"tQ"
    )


def tensor(shape=(2, 3), strides=(3, 1), offset=0, stored=None, function=None):
    return (
        (function or named("torch._utils", "_rebuild_tensor_v2"))
        + b"("
        + (storage() if stored is None else stored)
        + integer(offset)
        + integers(shape)
        + integers(strides)
        + b"\x89"
        + named("collections", "OrderedDict")
        + b")R"
        + b"tR"
    )


def program(*items):
    body = b"".join(text(name) + value for name, value in items)
    return b"\x80\x02}(" + body + b"u."


NUMBERS = np.arange(6, dtype="<f4")


def write(path, pickled, numbers=NUMBERS, **members):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/data/0", numbers.tobytes())
        for name, value in members.items():
            archive.writestr(f"archive/{name}", value)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pytorch_model.bin"


# --- What is read ----------------------------------------------------------------


@pytest.mark.parametrize("container", ["zip", "stream"])
def test_every_kind_of_tensor_is_as_torch_reads_it(container):
    expected = np.load(FIXTURES / "expected.npz")
    tensors = load_torch(FIXTURES / f"{container}.bin")
    assert list(tensors) == expected.files
    for name, array in tensors.items():
        assert array.dtype == expected[name].dtype, name
        np.testing.assert_array_equal(array, expected[name], err_msg=name)


def test_numbers_are_mapped_and_read_only():
    array = load_torch(FIXTURES / "zip.bin")["float32"]
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_a_handmade_file_is_read(path):
    write(path, program(("a", tensor()), ("b", tensor((2,), (3,), offset=1))))
    tensors = load_torch(path)
    np.testing.assert_array_equal(tensors["a"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(tensors["b"], [1, 4])


def test_big_endian_files_are_read(path):
    numbers = np.arange(6, dtype=">f4")
    write(path, program(("a", tensor())), numbers, byteorder="big")
    np.testing.assert_array_equal(load_torch(path)["a"], [[0, 1, 2], [3, 4, 5]])


def test_a_dictionary_without_tensors_is_empty(path):
    assert load_torch(write(path, b"\x80\x02}.")) == {}


# --- What is refused -------------------------------------------------------------


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


ATTACKS = {
    "system": lambda spot: Calls(os.system, f"touch {spot}"),
    "eval": lambda spot: Calls(eval, f"open({str(spot)!r}, 'w')"),
    "exec": lambda spot: Calls(exec, f"open({str(spot)!r}, 'w')"),
    "open": lambda spot: Calls(open, str(spot), "w"),
    "getattr": lambda spot: Calls(getattr, "text", "upper"),
    "getcwd": lambda spot: {"weight": [Calls(print, Calls(os.getcwd))]},
}


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("container", ["zip", "stream"])
def test_a_pickle_that_calls_a_function_is_refused(
    path, tmp_path, attack, protocol, container
):
    spot = tmp_path / "was_run"
    pickled = pickle.dumps(ATTACKS[attack](spot), protocol=protocol)
    if container == "zip":
        write(path, pickled)
    else:
        path.write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickled)
    with pytest.raises(ValueError, match=r"pytorch_model\.bin.* asks for "):
        load_torch(path)
    assert not spot.exists()


def test_a_refusal_names_the_function(path):
    write(path, pickle.dumps(Calls(eval, "1 + 1"), protocol=4))
    with pytest.raises(ValueError, match=r"builtins\.eval.* nothing of it was run"):
        load_torch(path)


@pytest.mark.parametrize(
    "module, name",
    [
        ("torch", "load"),
        ("torch", "Tensor"),
        ("torch.storage", "_load_from_bytes"),
        ("torch.serialization", "load"),
        ("torch._utils", "_rebuild_device_tensor_from_numpy"),
        ("torch._utils", "__builtins__"),
        ("torch.nn.modules.linear", "Linear"),
        ("collections", "namedtuple"),
        ("collections", "_sys.modules"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("functools", "partial"),
    ],
)
def test_other_globals_are_refused_by_name(path, module, name):
    write(path, program(("a", tensor()), ("b", named(module, name))))
    with pytest.raises(ValueError, match=f"asks for {module}.{name}"):
        load_torch(path)


@pytest.mark.parametrize(
    "value, complaint",
    [
        (named("torch", "FloatStorage") + b")R", "calls torch.FloatStorage"),
        (text("posix") + b")R", "calls str"),
        (b"\x82\x01", "EXT1"),
        (b"N)\x81", "NEWOBJ"),
        (b"(cposix\nsystem\n(o", "posix.system"),
        (b"(iposix\nsystem\n", "INST"),
        (b"Pstorage\n", "PERSID"),
        (b"(" + text("module") + text("x") + b"tQ", "corrupt"),
        (b"h\x63", "corrupt"),
        (named("collections", "OrderedDict") + b"(}tR", None),
        (b"}", "'b' holds a dict"),
        (named("collections", "OrderedDict"), "'b' holds a _Symbol"),
    ],
)
def test_what_describes_no_tensor_is_refused(path, value, complaint):
    write(path, program(("a", tensor()), ("b", value)))
    with pytest.raises(ValueError, match=complaint):
        load_torch(path)


def test_a_key_that_is_no_name_is_refused(path):
    nested = b")" + b"\x85" * 200_000
    write(path, b"\x80\x02}(" + nested + b"Nu.")
    with pytest.raises(ValueError, match="str expected, got tuple"):
        load_torch(path)


@pytest.mark.parametrize(
    "value",
    [
        tensor((2, 4), (4, 1)),
        tensor((2, 3), (3, 1), offset=1),
        tensor((2, 3), (3, 1), offset=-1),
        tensor((2, 3), (-3, 1), offset=3),
        tensor((-1, 3), (3, 1)),
        tensor((2, 3), (3,)),
        tensor((1 << 30, 1 << 30), (0, 0)),
        tensor(stored=storage(count=7)),
        tensor(stored=storage(kind="DoubleStorage")),
        tensor(stored=storage(key="1")),
        tensor(stored=storage(key="../data.pkl")),
        tensor(stored=text("storage")),
    ],
)
def test_a_tensor_that_the_file_cannot_hold_is_refused(path, value):
    write(path, program(("a", tensor()), ("b", value)))
    with pytest.raises(ValueError, match=r"pytorch_model\.bin"):
        load_torch(path)


def test_a_length_beyond_the_file_allocates_nothing(path):
    for opcode in (b"\x8d", b"\x8e", b"\x96"):
        write(path, b"\x80\x05" + opcode + struct.pack("<Q", 1 << 60) + b"x.")
        with pytest.raises(ValueError, match="expected 1152921504606846976 bytes"):
            load_torch(path)


def test_a_wild_memo_index_allocates_nothing(path):
    write(path, b"\x80\x02}r\xff\xff\xff\xff.")
    assert load_torch(path) == {}


def test_every_truncation_is_noticed(path):
    for container in ("zip", "stream"):
        data = (FIXTURES / f"{container}.bin").read_bytes()
        for end in range(0, len(data), 97):
            path.write_bytes(data[:end])
            with pytest.raises(ValueError, match=r"pytorch_model\.bin"):
                load_torch(path)


def test_a_flipped_bit_in_the_numbers_is_noticed(path):
    write(path, program(("a", tensor())))
    data = bytearray(path.read_bytes())
    data[data.index(NUMBERS.tobytes()) + 5] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="data/0 is truncated or corrupt"):
        load_torch(path)


@pytest.mark.parametrize("container", ["zip", "stream"])
def test_damage_anywhere_raises_nothing_but_value_errors(path, container):
    data = (FIXTURES / f"{container}.bin").read_bytes()
    random = np.random.default_rng(0)
    for _ in range(400):
        damaged = np.frombuffer(data, np.uint8).copy()
        places = random.integers(0, len(data), 3)
        damaged[places] = random.integers(0, 256, 3)
        path.write_bytes(damaged.tobytes())
        try:
            load_torch(path)
        except ValueError as error:
            assert "pytorch_model.bin" in str(error)


@pytest.mark.parametrize(
    "content, complaint",
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<html>", "does not begin like"),
        (pickle.dumps({"a": 1}, 2), "none of torch.save"),
    ],
)
def test_a_file_of_another_kind_is_refused(path, content, complaint):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=complaint):
        load_torch(path)


def test_a_zip_of_another_kind_is_refused(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ValueError, match="zip archive, but none of torch.save"):
        load_torch(path)


def test_a_missing_file_is_named(path):
    with pytest.raises(FileNotFoundError, match=r"pytorch_model\.bin"):
        load_torch(path)
