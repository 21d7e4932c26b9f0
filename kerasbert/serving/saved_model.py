"""Runs a SavedModel in a session over its graph, as TF Serving does."""

import copy
import dataclasses
import functools
import importlib.util
import pathlib
import sys

import numpy as np

from kerasbert.serving.errors import ServingError, invalid_argument, message_of
from kerasbert.serving.protocol import Input

__all__ = ["SavedModel", "Signature", "tensorflow", "text_operations"]

INITIALIZER = "__saved_model_init_op"  # listed among the signatures


def tensorflow():
    """Imports TensorFlow without Keras, which the server does not need.

    The process starts seconds earlier this way. A later `import keras` still works.
    """
    absent = "keras" not in sys.modules and "tensorflow" not in sys.modules
    if absent:
        sys.modules["keras"] = None  # looks as if Keras were not installed
    try:
        import tensorflow
    finally:
        if absent:
            del sys.modules["keras"]
    return tensorflow


def text_operations():
    """Loads the operations of TF Text without its Python package, which imports Keras.

    Raises a `ValueError` if TF Text is missing or does not match TensorFlow.
    """
    tf = tensorflow()
    spec = importlib.util.find_spec("tensorflow_text")
    if spec is None:
        raise ValueError(
            "TF Text, which models with text inputs need, is not installed: "
            "pip install tensorflow-text"
        )
    folder = pathlib.Path(spec.submodule_search_locations[0])
    for library in sorted(folder.glob("python/ops/*.so")):
        try:
            tf.load_op_library(str(library))
        except tf.errors.OpError as error:
            raise ValueError(
                f"Cannot load {library.name} of TF Text into TensorFlow "
                f"{tf.__version__}: install matching versions of both. "
                f"({error.message})"
            ) from None


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


class SavedModel:
    """A loaded SavedModel; raises a `ValueError` if TensorFlow cannot load the folder.

    Example:
        model = SavedModel("saved_models/minilm/1")
        model.run("serving_default", {"text": np.array([b"hello"], object)})
    """

    def __init__(self, folder):
        tf = tensorflow()
        text_operations()
        self.folder = pathlib.Path(folder)
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph)
        try:
            with graph.as_default():
                meta_graph = tf.compat.v1.saved_model.load(
                    self._session, ["serve"], str(folder)
                )
        except Exception as error:
            self._session.close()
            # A truncated file may raise any error of its parser.
            raise ValueError(
                f"TensorFlow cannot load {folder}: {_first_line(error)}"
            ) from error
        graph.finalize()
        # Copies, since a part of a message keeps the whole message, with all constants.
        self.signature_definitions = {
            name: copy.deepcopy(each) for name, each in meta_graph.signature_def.items()
        }
        self.signatures = {
            name: Signature(dict(each.inputs), dict(each.outputs), each.method_name)
            for name, each in self.signature_definitions.items()
        }
        self._calls = {
            name: _callable(self._session, signature)
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
            outputs = self._calls[name](*(inputs[key] for key in signature.inputs))
        except tensorflow().errors.OpError as error:
            found = ServingError.of(error)
            hint = signature.other_shapes(inputs)
            raise ServingError(found.code, hint + found.message) from None
        # A scalar string is returned as bytes.
        return {
            key: np.array(value, object) if isinstance(value, bytes) else value
            for key, value in zip(signature.outputs, outputs, strict=True)
        }

    def close(self):
        """Frees the memory."""
        self._calls.clear()
        self._session.close()


def _callable(session, signature):
    """Returns a function of arrays that runs a signature.

    Unlike `Session.make_callable`, and like TF Serving's `Session::Run`, it does not
    compare shapes with those of the placeholders.
    """
    from tensorflow.core.protobuf import config_pb2

    options = config_pb2.CallableOptions(
        feed=[info.name for info in signature.inputs.values()],
        fetch=[info.name for info in signature.outputs.values()],
    )
    return session._make_callable_from_options(options)


def _type_name(info):
    from tensorflow.core.framework import types_pb2

    return types_pb2.DataType.Name(info.dtype).removeprefix("DT_").lower()


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


def _first_line(error):
    message = message_of(error) if hasattr(error, "message") else str(error)
    lines = message.strip().splitlines()
    return lines[0] if lines else type(error).__name__
