"""Runs a SavedModel in a session over its graph, as TF Serving does."""

import copy
import dataclasses
import functools
import pathlib

import numpy as np

from kerasbert.serving.errors import ServingError, invalid_argument, message_of
from kerasbert.serving.protocol import Input
from kerasbert.serving.runtime import tensorflow, text_operations

__all__ = ["SavedModel", "Signature"]

INITIALIZER = "__saved_model_init_op"  # listed with the signatures, but none


@dataclasses.dataclass(frozen=True)
class Signature:
    """What a signature takes and gives.

    Args:
        inputs: From name to `TensorInfo`.
        outputs: From name to `TensorInfo`.
        method: The method name: `"tensorflow/serving/predict"`, `.../classify`, ...
    """

    inputs: dict
    outputs: dict
    method: str = "tensorflow/serving/predict"

    @functools.cached_property
    def input_types(self):
        """From the name of an input to the name of its type."""
        return {name: _type_name(info) for name, info in self.inputs.items()}

    @functools.cached_property
    def takes_batches(self):
        """Whether rows of several requests may go through it together."""
        tensors = [*self.inputs.values(), *self.outputs.values()]
        return all(_shape(info)[:1] == [-1] for info in tensors)

    @functools.cached_property
    def takes_parts(self):
        """Whether the rows of a request may run in parts whose outputs are joined.

        What is padded to the longest row has another shape in every part.
        """
        shapes = map(_shape, self.outputs.values())
        return self.takes_batches and all(-1 not in shape[1:] for shape in shapes)

    def has_shape_of(self, inputs):
        """Whether inputs have the shapes that the signature declares.

        TF Serving runs others, too: whether they are right is for the graph to say.
        They run alone here, as nothing is known of their rows.

        Args:
            inputs: From name to array.
        """
        return not self.other_shapes(inputs)

    def other_shapes(self, inputs):
        """Sentences about the inputs that have not the shape that is declared.

        Args:
            inputs: From name to array.
        """
        return "".join(
            f"Expected input {name} of shape {_list(_shape(self.inputs[name]))}, got "
            f"{_list(array.shape)}. "
            for name, array in inputs.items()
            if not _fits(array.shape, _shape(self.inputs[name]))
        )

    def check(self, inputs):
        """Refuses inputs of other names than the signature takes.

        Args:
            inputs: From name to array.

        Raises:
            ServingError: If a name is missing, or one too many.
        """
        sent, taken = set(inputs), set(self.inputs)
        if sent != taken:
            raise invalid_argument(
                f"input size does not match signature: {len(sent)}!={len(taken)} "
                f"len({_names(sent)}) != len({_names(taken)}). Sent extra: "
                f"{_names(sent - taken)}. Missing but required: {_names(taken - sent)}."
            )


class SavedModel:
    """A SavedModel in memory.

    Args:
        folder: The folder that holds `saved_model.pb`.

    Raises:
        ValueError: If TensorFlow cannot load it.

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
            # A file cut short raises whatever the parser of that file raises.
            raise ValueError(
                f"TensorFlow cannot load {folder}: {_first_line(error)}"
            ) from error
        graph.finalize()
        # Copies: a part of a message keeps all of it in memory, weights included.
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
        """The signature of a name.

        Raises:
            ServingError: If there is none.
        """
        if name not in self._calls:
            raise invalid_argument(
                f'Serving signature name: "{name[:200]}" not found in signature def'
            )
        return self.signatures[name]

    @functools.cached_property
    def input_table(self):
        """What reading a request needs: from signature to input to `Input`."""
        return {
            name: {
                key: Input(signature.input_types[key], _shape(info)[:1] == [-1])
                for key, info in signature.inputs.items()
            }
            for name, signature in self.signatures.items()
            if name != INITIALIZER
        }

    def run(self, name, inputs):
        """Computes the outputs of a signature.

        Args:
            name: The name of the signature.
            inputs: From name to array.

        Returns:
            From name to array.

        Raises:
            ServingError: If the model refuses the inputs.
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
        # A string without axes comes as bytes.
        return {
            key: np.array(value, object) if isinstance(value, bytes) else value
            for key, value in zip(signature.outputs, outputs, strict=True)
        }

    def close(self):
        """Gives the memory back."""
        self._calls.clear()
        self._session.close()


def _callable(session, signature):
    """A function of arrays that runs a signature.

    That of `Session.make_callable` compares shapes with those of the placeholders, and
    `Session::Run` of TF Serving does not.
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
    """Refuses serialized examples for a classify signature that takes no strings."""
    if (array.dtype == object) != (wanted == "string"):
        found = "string" if array.dtype == object else array.dtype.name
        raise invalid_argument(
            f"Expected input {name} of type {wanted}, got {found}. The signature takes "
            "no tf.Example; ask for it with :predict."
        )


def _shape(info):
    """A shape, -1 where a size is free; `[None]` where the rank is."""
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
