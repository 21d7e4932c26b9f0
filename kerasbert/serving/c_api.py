"""TensorFlow's C API: sessions of SavedModels without TensorFlow's Python package.

Importing that package takes seconds and 200 MB, of which a server needs nothing. The
shared libraries are the ones that it contains.

Reference:
    `tensorflow/c/c_api.h` and `tf_tstring.h`, in the package's folder `include`.
"""

import contextlib
import ctypes
import functools
import importlib
import importlib.util
import mmap
import os
import pathlib
import re
import sys

import numpy as np

__all__ = [
    "CallError",
    "Session",
    "array_of_proto",
    "load_operations",
    "package_folder",
]

_LIBRARY = {"darwin": "libtensorflow_cc.2.dylib"}.get(
    sys.platform, "libtensorflow_cc.so.2"
)
# A serialized `RunOptions` with `inter_op_thread_pool=-1`.
_IN_CALLING_THREAD = b"\x18" + b"\xff" * 9 + b"\x01"
# The first line of a mapping in /proc/self/smaps: bounds, permissions, file.
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) .*?([^/ ]*)$")
_STRING, _BFLOAT16 = 7, 14  # TensorFlow's numbers of types
_STRING_SIZE = 24  # bytes of a `TF_TString`
_TYPES = {
    **{1: np.float32, 2: np.float64, 3: np.int32, 4: np.uint8, 5: np.int16},
    **{6: np.int8, 8: np.complex64, 9: np.int64, 10: np.bool_, 17: np.uint16},
    **{18: np.complex128, 19: np.float16, 22: np.uint32, 23: np.uint64},
}
_NUMBERS = {np.dtype(kind): number for number, kind in _TYPES.items()}

# The result and arguments of each function: pointer, bytes, int, size; none (-). The
# first ones take long, and other threads run meanwhile.
_LETTERS = {
    "p": ctypes.c_void_p,
    "b": ctypes.c_char_p,
    "i": ctypes.c_int,
    "s": ctypes.c_size_t,
    "-": None,
}
_SLOW = {
    "TF_CloseSession": "-pp",
    "TF_DeleteSession": "-pp",
    "TF_LoadLibrary": "pbp",
    "TF_LoadSessionFromSavedModel": "pppbpippp",
    "TF_SessionRun": "-ppppippipipp",
}
_QUICK = {
    "TF_AllocateTensor": "pipis",
    "TF_DeleteBuffer": "-p",
    "TF_DeleteGraph": "-p",
    "TF_DeleteSessionOptions": "-p",
    "TF_DeleteStatus": "-p",
    "TF_DeleteTensor": "-p",
    "TF_Dim": "spi",
    "TF_GetCode": "ip",
    "TF_GraphOperationByName": "ppb",
    "TF_Message": "bp",
    "TF_NewBufferFromString": "pbs",
    "TF_NewGraph": "p",
    "TF_NewSessionOptions": "p",
    "TF_NewStatus": "p",
    "TF_NumDims": "ip",
    "TF_SetConfig": "-pbsp",
    "TF_StringCopy": "-pbs",
    "TF_StringGetDataPointer": "pp",
    "TF_StringGetSize": "sp",
    "TF_StringInit": "-p",
    "TF_TensorByteSize": "sp",
    "TF_TensorData": "pp",
    "TF_TensorFromProto": "-ppp",
    "TF_TensorType": "ip",
}


class CallError(Exception):
    """An error of TensorFlow, with its `code`, a number, and its `message`."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.message = message


class _Output(ctypes.Structure):
    """A tensor of a graph: an operation, and the number of its output."""

    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


class _Functions:
    """The functions of TensorFlow's library."""

    def __init__(self):
        path = str(package_folder("tensorflow") / _LIBRARY)
        # Python's OpenSSL first: TensorFlow's library exports functions of BoringSSL
        # with the same names, which OpenSSL's would call if it were loaded later.
        for module in ("hashlib", "ssl"):
            importlib.import_module(module)
        with _quiet():
            # Libraries with operations share its symbols, as in a program linked to it.
            slow = ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
        for library, prototypes in ((slow, _SLOW), (ctypes.PyDLL(path), _QUICK)):
            for name, letters in prototypes.items():
                function = getattr(library, name)
                function.restype, *function.argtypes = map(_LETTERS.get, letters)
                setattr(self, name.removeprefix("TF_"), function)


@functools.cache
def _library():
    return _Functions()


@functools.cache
def _in_calling_thread():
    """Returns the options of a run in the calling thread."""
    return _library().NewBufferFromString(_IN_CALLING_THREAD, len(_IN_CALLING_THREAD))


def package_folder(name):
    """Returns the folder of a package, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return pathlib.Path(spec.submodule_search_locations[0])


@contextlib.contextmanager
def _quiet():
    """Silences what TensorFlow logs while it is loaded, which heeds no setting."""
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") != "3":
        yield
        return
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextlib.contextmanager
def _checked():
    """Yields a status, and raises a `CallError` if a call has set it."""
    tf = _library()
    status = tf.NewStatus()
    try:
        yield status
        if code := tf.GetCode(status):
            raise CallError(code, tf.Message(status).decode("utf-8", "replace"))
    finally:
        tf.DeleteStatus(status)


def free_unused():
    """Returns unused memory to the operating system, where it is Linux.

    Optimizing a graph leaves some hundred megabytes, which the C library would keep.
    """
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # some sandboxes show no mappings
            _drop_library_pages()


def _drop_library_pages():
    """Unmaps pages of TensorFlow's libraries, which come back when they are read.

    Loading reads 250 MB of them that nobody reads again: symbols, code that runs once.
    """
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    with open("/proc/self/smaps") as file:
        for line in file:
            if found := _MAPPING.match(line):
                begin, end, access, name = found.groups()
                is_read_only = access in ("r--p", "r-xp") and "libtensorflow" in name
            # Where a page differs from the file, as relocated addresses do, it stays.
            elif is_read_only and line.split() == ["Anonymous:", "0", "kB"]:
                begin, end = int(begin, 16), int(end, 16)
                advise(begin, end - begin, mmap.MADV_DONTNEED)


@functools.cache
def load_operations(path):
    """Loads a shared library with operations, once."""
    with _checked() as status:
        _library().LoadLibrary(os.fsencode(path), status)


class Session:
    """A session over the graph of a SavedModel, with its variables restored.

    Args:
        folder: The folder of the SavedModel.
        config: A serialized `tensorflow.ConfigProto`.

    Example:
        session = Session("saved_models/minilm/1")
        run = session.callable(["serving_default_text:0"], ["embedding:0"])
        [embedding] = run([np.array([b"hello"], object)])
    """

    def __init__(self, folder, config=b""):
        tf = _library()
        options = tf.NewSessionOptions()
        self._graph = tf.NewGraph()
        self._session = None
        tags = (ctypes.c_char_p * 1)(b"serve")
        try:
            with _checked() as status:
                tf.SetConfig(options, config, len(config), status)
            with _checked() as status:
                self._session = tf.LoadSessionFromSavedModel(
                    *(options, None, os.fsencode(folder), tags, 1),
                    *(self._graph, None, status),
                )
        except CallError:
            tf.DeleteGraph(self._graph)
            raise
        finally:
            tf.DeleteSessionOptions(options)

    def callable(self, feeds, fetches):
        """Returns a function of arrays to arrays, for names of tensors.

        With `is_short`, all operations start in the calling thread: other threads would
        take longer to wake up than most operations of a short text.
        """
        tf = _library()
        inputs, outputs = self._tensors(feeds), self._tensors(fetches)
        given, found = ctypes.c_void_p * len(feeds), ctypes.c_void_p * len(fetches)

        def run(arrays, is_short=False):
            values, results = given(), found()
            try:
                for index, array in enumerate(arrays):
                    values[index] = _new_tensor(array)
                with _checked() as status:
                    tf.SessionRun(
                        *(self._session, _in_calling_thread() if is_short else None),
                        *(inputs, values, len(values)),
                        *(outputs, results, len(results), None, 0, None, status),
                    )
                return [_array(tensor) for tensor in results]
            finally:
                for tensor in (*values, *results):
                    if tensor:
                        tf.DeleteTensor(tensor)

        return run

    def _tensors(self, names):
        found = (_Output * len(names))()
        for index, name in enumerate(names):
            operation, _, number = name.partition(":")
            pointer = _library().GraphOperationByName(self._graph, operation.encode())
            if not pointer:
                raise CallError(5, f"There is no tensor {name!r} in the graph.")
            found[index] = _Output(pointer, int(number or 0))
        return found

    def close(self):
        """Frees the memory; no call may be running."""
        tf = _library()
        session, self._session = self._session, None
        if session:
            with _checked() as status:
                tf.CloseSession(session, status)
            with _checked() as status:
                tf.DeleteSession(session, status)
            tf.DeleteGraph(self._graph)


def array_of_proto(content):
    """Returns the array of a serialized `tensorflow.TensorProto`."""
    tf = _library()
    buffer = tf.NewBufferFromString(content, len(content))
    tensor = tf.AllocateTensor(1, None, 0, 4)
    try:
        with _checked() as status:
            tf.TensorFromProto(buffer, tensor, status)
        return _array(tensor)
    finally:
        tf.DeleteTensor(tensor)
        tf.DeleteBuffer(buffer)


def _new_tensor(array):
    tf = _library()
    is_string = array.dtype == object
    number = _STRING if is_string else _NUMBERS.get(array.dtype)
    if number is None:
        if array.dtype.name != "bfloat16":
            raise CallError(3, f"TensorFlow has no type for {array.dtype}.")
        number = _BFLOAT16
    shape = (ctypes.c_int64 * array.ndim)(*array.shape)
    size = array.size * _STRING_SIZE if is_string else array.nbytes
    tensor = tf.AllocateTensor(number, shape, array.ndim, size)
    place = tf.TensorData(tensor)
    if is_string:
        for text in array.reshape(-1).tolist():
            tf.StringInit(place)
            tf.StringCopy(place, text, len(text))
            place += _STRING_SIZE
    elif size:
        array = np.ascontiguousarray(array)
        ctypes.memmove(place, array.ctypes.data, size)
    return tensor


def _array(tensor):
    """Returns a copy of a tensor."""
    tf = _library()
    number = tf.TensorType(tensor)
    shape = [tf.Dim(tensor, axis) for axis in range(tf.NumDims(tensor))]
    place = tf.TensorData(tensor)
    if number == _STRING:
        array = np.empty(int(np.prod(shape, dtype=np.int64)), object)
        for index in range(len(array)):
            text = place + index * _STRING_SIZE
            array[index] = ctypes.string_at(
                tf.StringGetDataPointer(text), tf.StringGetSize(text)
            )
        return array.reshape(shape)
    content = ctypes.string_at(place, tf.TensorByteSize(tensor))
    return np.ndarray(shape, _dtype(number), content)


def _dtype(number):
    if number == _BFLOAT16:
        import ml_dtypes

        return ml_dtypes.bfloat16
    if number not in _TYPES:
        raise CallError(12, f"NumPy has no type for TensorFlow's type {number}.")
    return _TYPES[number]
