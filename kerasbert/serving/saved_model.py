"""Runs a SavedModel in a session over its graph, as TF Serving does."""

import dataclasses
import functools
import importlib
import importlib.util
import mmap
import pathlib
import sys
import types

from kerasbert.serving.c_api import (
    CallError,
    Session,
    free_unused,
    load_operations,
    package_folder,
)
from kerasbert.serving.errors import CODES, ServingError, invalid_argument, shortened
from kerasbert.serving.protocol import Input
from kerasbert.wire import fields

__all__ = ["SavedModel", "ServedModel", "Signature", "protocol_buffers"]

INITIALIZER = "__saved_model_init_op"  # listed among the signatures
# Libraries of TF Text with the operations of exported models. The others are loaded for
# a model that needs them: each takes 4 MB.
TEXT_LIBRARIES = (
    "_fast_bert_normalizer.so",
    "_fast_sentencepiece_tokenizer.so",
    "_fast_wordpiece_tokenizer.so",
    "_sentencepiece_tokenizer.so",
    "_whitespace_tokenizer_v2.so",
)
# The passes over a graph that change something on a CPU. A weight passes through an
# identity for each function that is inlined: without the second and third pass, all
# that follow would copy it several times.
PASSES = (
    *("pruning", "function", "dependency", "pruning", "common_subgraph_elimination"),
    *("constfold", "shape", "arithmetic", "remap", "dependency"),
)
# Fields of the messages of saved_model.proto and meta_graph.proto.
META_GRAPHS, META_INFO, TAGS, SIGNATURES, KEY, VALUE = 2, 1, 4, 5, 1, 2


@functools.cache
def protocol_buffers(name):
    """Imports a module such as `tensorflow.core.protobuf.config_pb2`.

    TensorFlow's package itself, which takes seconds, is not imported. A later `import
    tensorflow` still works.
    """
    if "tensorflow" in sys.modules:
        return importlib.import_module(name)
    before = set(sys.modules)
    package = types.ModuleType("tensorflow")
    package.__path__ = [str(package_folder("tensorflow"))]
    sys.modules["tensorflow"] = package
    try:
        return importlib.import_module(name)
    finally:
        for new in set(sys.modules) - before:
            if new.partition(".")[0] == "tensorflow":
                del sys.modules[new]


def open_session(folder, threads=0):
    """Opens a `Session` of a SavedModel, with the operations of TF Text."""
    libraries = package_folder("tensorflow_text") / "python" / "ops"
    for name in TEXT_LIBRARIES:
        _load_text_operations(libraries / name)
    free_unused()
    try:
        return Session(folder, session_config(threads))
    except CallError as error:
        if CODES[error.code] != "NOT_FOUND" or "Op type" not in error.message:
            raise
    for library in sorted(libraries.glob("*.so")):
        _load_text_operations(library)
    return Session(folder, session_config(threads))


def _load_text_operations(library):
    try:
        load_operations(library)
    except CallError as error:
        raise ValueError(
            f"Cannot load {library.name} of TF Text into TensorFlow: install matching "
            f"versions of both. ({shortened(error.message)})"
        ) from None


@functools.cache
def session_config(threads=0):
    """Returns the serialized options of sessions.

    An operation runs in so many threads; 0: in as many as processors. All sessions of a
    process have as many as the first one.
    """
    config = protocol_buffers("tensorflow.core.protobuf.config_pb2").ConfigProto()
    config.intra_op_parallelism_threads = threads
    # A copy of the optimized graph, with its constants, that nobody would read.
    config.experimental.disable_output_partition_graphs = True
    rewriting = config.graph_options.rewrite_options
    rewriting.disable_tfg_optimizer = True
    rewriting.optimizers.extend(PASSES)
    return config.SerializeToString()


def read_signatures(folder):
    """Reads the `SignatureDef`s of a SavedModel by name, and nothing of its graph."""
    kind = protocol_buffers("tensorflow.core.protobuf.meta_graph_pb2").SignatureDef
    with (folder / "saved_model.pb").open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return {
        name: kind.FromString(definition)
        for name, definition in _signature_entries(memoryview(content))
    }


def _signature_entries(message):
    for meta_graph in fields(message, META_GRAPHS):
        infos = list(fields(meta_graph, META_INFO))
        tags = {bytes(tag) for info in infos for tag in fields(info, TAGS)}
        if tags == {b"serve"}:
            for entry in fields(meta_graph, SIGNATURES):
                [name], [definition] = fields(entry, KEY), fields(entry, VALUE)
                yield bytes(name).decode(), bytes(definition)
            return


@dataclasses.dataclass(frozen=True)
class Signature:
    """A signature of a SavedModel.

    Args:
        inputs: Maps names to `TensorInfo`s.
        outputs: Maps names to `TensorInfo`s.
        method: Method name: `"tensorflow/serving/predict"`, `.../classify`, ...
    """

    inputs: dict
    outputs: dict
    method: str = "tensorflow/serving/predict"

    @functools.cached_property
    def input_types(self):
        """Maps input names to type names."""
        return {name: _type_name(info) for name, info in self.inputs.items()}

    @functools.cached_property
    def takes_batches(self):
        """Whether the rows of several requests can be batched."""
        tensors = [*self.inputs.values(), *self.outputs.values()]
        return all(_shape(info)[:1] == [-1] for info in tensors)

    @functools.cached_property
    def takes_parts(self):
        """Whether a request can run in parts whose outputs are concatenated.

        Outputs that are padded to the longest row have another shape in each part.
        """
        shapes = map(_shape, self.outputs.values())
        return self.takes_batches and all(-1 not in shape[1:] for shape in shapes)

    def has_shape_of(self, inputs):
        """Whether inputs have the declared shapes.

        TF Serving runs other shapes, too, and lets the graph reject them. Such requests
        are not batched here.
        """
        return not self.other_shapes(inputs)

    def other_shapes(self, inputs):
        """Returns sentences about the inputs with other shapes than declared."""
        return "".join(
            f"Expected input {name} of shape {_list(_shape(self.inputs[name]))}, got "
            f"{_list(array.shape)}. "
            for name, array in inputs.items()
            if not _fits(array.shape, _shape(self.inputs[name]))
        )

    def check(self, inputs):
        """Raises a `ServingError` if the names of inputs do not match the signature."""
        sent, taken = set(inputs), set(self.inputs)
        if sent != taken:
            raise invalid_argument(
                f"input size does not match signature: {len(sent)}!={len(taken)} "
                f"len({_names(sent)}) != len({_names(taken)}). Sent extra: "
                f"{_names(sent - taken)}. Missing but required: {_names(taken - sent)}."
            )


class ServedModel:
    """A loaded model, with the signatures of a SavedModel.

    Args:
        folder: The folder of the version.
        definitions: Maps signature names to `SignatureDef`s.
        call_of: Function that returns, for a `Signature`, what runs it: a function of
            a list of arrays, and whether it is a single row, to a list of arrays. It
            may raise a `CallError`.
    """

    runs_in_parallel = True  # whether several calls run at the same time

    def __init__(self, folder, definitions, call_of):
        self.folder = pathlib.Path(folder)
        self.signature_definitions = definitions
        self.signatures = {
            name: Signature(dict(each.inputs), dict(each.outputs), each.method_name)
            for name, each in definitions.items()
        }
        self._calls = {
            name: call_of(signature)
            for name, signature in self.signatures.items()
            if signature.inputs
        }

    def signature(self, name):
        """Returns a signature by name; raises a `ServingError` if there is none."""
        if name not in self._calls:
            raise invalid_argument(
                f'Serving signature name: "{name[:200]}" not found in signature def'
            )
        return self.signatures[name]

    @functools.cached_property
    def input_table(self):
        """Maps signature names to inputs, which map names to `Input`s."""
        return {
            name: {
                key: Input(signature.input_types[key], _shape(info)[:1] == [-1])
                for key, info in signature.inputs.items()
            }
            for name, signature in self.signatures.items()
            if name != INITIALIZER
        }

    def run(self, name, inputs):
        """Runs a signature on arrays by name; returns the outputs by name.

        Raises a `ServingError` if the model rejects the inputs.
        """
        signature = self.signature(name)
        signature.check(inputs)
        for key, array in inputs.items():
            _check_type(key, array, signature.input_types[key])
        try:
            arrays = [inputs[key] for key in signature.inputs]
            is_short = all(array.shape[:1] == (1,) for array in arrays)
            outputs = self._calls[name](arrays, is_short)
        except CallError as error:
            hint = signature.other_shapes(inputs)
            message = hint + shortened(error.message)
            raise ServingError(CODES[error.code], message) from None
        return dict(zip(signature.outputs, outputs, strict=True))

    def close(self):
        """Frees the memory."""
        self._calls.clear()
        free_unused()


class SavedModel(ServedModel):
    """A loaded SavedModel; raises a `ValueError` if TensorFlow cannot load the folder.

    Args:
        folder: The folder of the version.
        threads: Number of threads of an operation; 0: as many as processors.

    Example:
        model = SavedModel("saved_models/minilm/1")
        model.run("serving_default", {"text": np.array([b"hello"], object)})
    """

    def __init__(self, folder, threads=0):
        folder = pathlib.Path(folder)
        self._threads = threads
        try:
            self._session = open_session(folder, threads)
            super().__init__(folder, read_signatures(folder), self._callable)
        except CallError as error:
            raise ValueError(
                f"TensorFlow cannot load {folder}: {_first_line(error.message)}"
            ) from error

    def _callable(self, signature):
        run = self._session.callable(
            [info.name for info in signature.inputs.values()],
            [info.name for info in signature.outputs.values()],
        )
        # Where each batch has one thread, that is the one which runs the batch.
        return lambda arrays, is_short: run(arrays, is_short or self._threads == 1)

    def close(self):
        """Frees the memory."""
        self._session.close()
        super().close()


def _type_name(info):
    types = protocol_buffers("tensorflow.core.framework.types_pb2")
    return types.DataType.Name(info.dtype).removeprefix("DT_").lower()


def _check_type(name, array, wanted):
    """Rejects serialized examples for a classify signature without string inputs."""
    if (array.dtype == object) != (wanted == "string"):
        found = "string" if array.dtype == object else array.dtype.name
        raise invalid_argument(
            f"Expected input {name} of type {wanted}, got {found}. The signature takes "
            "no tf.Example; ask for it with :predict."
        )


def _shape(info):
    """Returns a shape, with -1 for unknown sizes; `[None]` for unknown rank."""
    if info.tensor_shape.unknown_rank:
        return [None]
    return [dimension.size for dimension in info.tensor_shape.dim]


def _fits(sizes, shape):
    return (
        shape == [None]
        or len(sizes) == len(shape)
        and all(
            expected in (-1, size) for size, expected in zip(sizes, shape, strict=True)
        )
    )


def _list(sizes):
    return f"[{','.join(map(str, sizes))}]"


def _names(names):
    return "{" + ",".join(sorted(names)) + "}"


def _first_line(message):
    return shortened(message.strip().partition("\n")[0]) or "it does not say why"
