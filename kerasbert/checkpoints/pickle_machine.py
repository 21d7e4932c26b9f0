"""A stack machine that interprets a pickle as a description of tensors.

A pickle is a program that may call any Python function. This machine knows the
steps that describe a dictionary of torch tensors and refuses every other one. The
globals that the program names are compared with a list and stand for themselves;
none is imported, and nothing is called.
"""

import pickletools
from typing import NamedTuple

from kerasbert.account import listed

__all__ = ["Storage", "Tensor", "interpret"]

_STORAGE_TYPES = {
    "BFloat16Storage": "bfloat16",
    "BoolStorage": "bool",
    "ByteStorage": "uint8",
    "CharStorage": "int8",
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "IntStorage": "int32",
    "LongStorage": "int64",
    "ShortStorage": "int16",
}
_MARK = object()
# A description of tensors takes a few dozen steps a tensor.
MOST_STEPS = 2_000_000
MOST_BYTES = 64 << 20
_VALUES = {
    *("BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4"),
    *("BINFLOAT", "FLOAT", "BINUNICODE", "SHORT_BINUNICODE", "UNICODE"),
    *("BINSTRING", "SHORT_BINSTRING", "STRING"),
}
# Keys of dictionaries: names of tensors, and numbers in the state of an optimizer.
_KEYS = (str, int, float, type(None))
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class Storage(NamedTuple):
    """A view of a storage: its key, dtype and range."""

    key: str
    dtype: str
    start: int
    count: int


class Tensor(NamedTuple):
    """Position of a tensor in a storage; strides are in elements."""

    storage: Storage
    offset: int
    shape: tuple
    strides: tuple


class _Symbol(NamedTuple):
    """A global named by the pickle."""

    module: str
    name: str

    def __str__(self):
        return f"{self.module}.{self.name}"


def interpret(stream):
    """Interprets a pickle without executing it.

    Args:
        stream: A binary stream; it is left behind the pickle's last byte.

    Returns:
        Plain values, lists, tuples, dictionaries and `Tensor`s.

    Raises:
        ValueError: The pickle is corrupt, or asks for anything else.
    """
    stack, memo = [], {}
    try:
        for step, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if opcode.name == "STOP":
                return stack.pop()
            if step > MOST_STEPS:
                raise ValueError(f"its pickle has more than {MOST_STEPS:,} steps")
            _step(opcode.name, argument, stack, memo)
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError(f"its pickle is corrupt ({listed([error])})") from error
    raise ValueError("its pickle has no end")


def _step(name, argument, stack, memo):
    if name == "MARK":
        stack.append(_MARK)
    elif name in _VALUES:
        stack.append(argument)
    elif name in _CONSTANTS:
        stack.append(_CONSTANTS[name])
    elif name in _TUPLES:
        stack.append(tuple(_pop(stack, _TUPLES[name])))
    elif name == "TUPLE":
        stack.append(tuple(_pop_to_mark(stack)))
    elif name == "EMPTY_LIST":
        stack.append([])
    elif name == "EMPTY_DICT":
        stack.append({})
    elif name in ("APPEND", "APPENDS"):
        items = _pop(stack, 1) if name == "APPEND" else _pop_to_mark(stack)
        _expect(list, stack[-1]).extend(items)
    elif name in ("SETITEM", "SETITEMS"):
        items = _pop(stack, 2) if name == "SETITEM" else _pop_to_mark(stack)
        _fill(_expect(dict, stack[-1]), zip(items[::2], items[1::2], strict=True))
    elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
        memo[argument] = stack[-1]
    elif name == "MEMOIZE":
        memo[len(memo)] = stack[-1]
    elif name in ("GET", "BINGET", "LONG_BINGET"):
        stack.append(memo[argument])
    elif name == "GLOBAL":
        stack.append(_symbol(*argument.split(" ", 1)))
    elif name == "STACK_GLOBAL":
        stack.append(_symbol(*_pop(stack, 2)))
    elif name == "BINPERSID":
        stack.append(_storage(*_expect(tuple, stack.pop())))
    elif name == "REDUCE":
        function, arguments = _pop(stack, 2)
        stack.append(_describe(function, _expect(tuple, arguments)))
    elif name == "BUILD":
        stack.pop()  # attributes, such as a state_dict's `_metadata`: nobody reads them
    elif name not in ("PROTO", "FRAME"):
        raise ValueError(f"its pickle asks for {name}, which describes no tensor")


def _pop(stack, count):
    if count > len(stack):
        raise IndexError("its stack is empty")
    items = stack[len(stack) - count :]
    del stack[len(stack) - count :]
    return items


def _pop_to_mark(stack):
    items = []
    while (item := stack.pop()) is not _MARK:
        items.append(item)
    return items[::-1]


def _expect(kind, value):
    if not isinstance(value, kind):
        name = getattr(kind, "__name__", "str")
        raise TypeError(f"{name} expected, got {type(value).__name__}")
    return value


def _natural(number):
    if type(number) is not int or not 0 <= number < 2**48:
        raise ValueError("it describes a tensor of an impossible size")
    return number


def _fill(target, pairs):
    for key, value in pairs:
        target[_expect(_KEYS, key)] = value
    return target


def _symbol(module, name):
    symbol = _Symbol(_expect(str, module), _expect(str, name))
    if symbol in _DESCRIPTIONS or (module == "torch" and name in _STORAGE_TYPES):
        return symbol
    raise ValueError(
        f"it asks for {listed([symbol])}, which is no tensor; nothing of it was run"
    )


def _describe(symbol, arguments):
    if not isinstance(symbol, _Symbol) or symbol not in _DESCRIPTIONS:
        called = symbol if isinstance(symbol, _Symbol) else type(symbol).__name__
        raise ValueError(f"it calls {called}, which makes no tensor; nothing was run")
    return _DESCRIPTIONS[symbol](*arguments)


def _ordered_dict(pairs=()):
    return _fill({}, pairs)


def _tensor(storage, offset, shape, strides, *_):
    _expect(Storage, storage)
    shape, strides = _expect(tuple, shape), _expect(tuple, strides)
    if len(shape) != len(strides) or len(shape) > 32:
        raise ValueError(f"a tensor has {len(shape)} axes and {len(strides)} strides")
    for number in (offset, *shape, *strides):
        _natural(number)
    return Tensor(storage, offset, shape, strides)


def _parameter(data, *_):
    return _expect(Tensor, data)


def _storage(kind, storage_type, key, device, count, view=None):
    """Parses a persistent id; `view` is `(key, start, count)`."""
    if kind != "storage":
        raise ValueError("it asks for an object by its id that is no tensor's storage")
    dtype = _STORAGE_TYPES[_expect(_Symbol, storage_type).name]
    start = 0
    if view is not None:
        _, start, count = _expect(tuple, view)
    return Storage(_expect(str, key), dtype, _natural(start), _natural(count))


_DESCRIPTIONS = {
    _Symbol("collections", "OrderedDict"): _ordered_dict,
    _Symbol("torch._utils", "_rebuild_tensor"): _tensor,
    _Symbol("torch._utils", "_rebuild_tensor_v2"): _tensor,
    _Symbol("torch._utils", "_rebuild_parameter"): _parameter,
}
