"""A SavedModel that runs: a session over its graph, as in TF Serving."""

import copy
import dataclasses
import pathlib

import numpy as np

from kerasbert.serving.errors import ServingError, invalid_argument, message_of
from kerasbert.serving.runtime import tensorflow, text_operations

__all__ = ["SavedModel", "Signature"]


@dataclasses.dataclass(frozen=True)
class Signature:
    """What a signature takes and gives.

    Args:
        inputs: From name to `TensorInfo`.
        outputs: From name to `TensorInfo`.
    """

    inputs: dict
    outputs: dict

    @property
    def input_types(self):
        """From the name of an input to the name of its type."""
        from tensorflow.core.framework import types_pb2

        return {
            name: types_pb2.DataType.Name(info.dtype).removeprefix("DT_").lower()
            for name, info in self.inputs.items()
        }

    @property
    def takes_batches(self):
        """Whether rows of several requests may go through it together."""
        tensors = [*self.inputs.values(), *self.outputs.values()]
        return all(_shape(info)[:1] == [-1] for info in tensors)

    @property
    def takes_parts(self):
        """Whether the rows of a request may run in parts whose outputs are joined.

        What is padded to the longest row has another shape in every part.
        """
        shapes = map(_shape, self.outputs.values())
        return self.takes_batches and all(-1 not in shape[1:] for shape in shapes)

    def check(self, inputs):
        """Refuses inputs that the signature does not take.

        Args:
            inputs: From name to array.

        Raises:
            ServingError: If a name or a shape is another.
        """
        sent, taken = set(inputs), set(self.inputs)
        if sent != taken:
            raise invalid_argument(
                f"input size does not match signature: {len(sent)}!={len(taken)} "
                f"len({_names(sent)}) != len({_names(taken)}). Sent extra: "
                f"{_names(sent - taken)}. Missing but required: {_names(taken - sent)}."
            )
        for name, array in inputs.items():
            shape = _shape(self.inputs[name])
            if shape != [None] and not _fits(array.shape, shape):
                raise invalid_argument(
                    f"Expected input {name} of shape {_list(shape)}, got "
                    f"{_list(array.shape)}."
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
            name: Signature(dict(each.inputs), dict(each.outputs))
            for name, each in self.signature_definitions.items()
        }
        self._calls = {
            name: self._session.make_callable(
                {name: info.name for name, info in signature.outputs.items()},
                feed_list=[info.name for info in signature.inputs.values()],
            )
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
                f'Serving signature name: "{name}" not found in signature def'
            )
        return self.signatures[name]

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
        try:
            outputs = self._calls[name](*(inputs[key] for key in signature.inputs))
        except tensorflow().errors.OpError as error:
            raise ServingError.of(error) from None
        # A string without axes comes as bytes.
        return {
            key: np.array(value, object) if isinstance(value, bytes) else value
            for key, value in outputs.items()
        }

    def close(self):
        """Gives the memory back."""
        self._calls.clear()
        self._session.close()


def _shape(info):
    """A shape, -1 where a size is free; `[None]` where the rank is."""
    if info.tensor_shape.unknown_rank:
        return [None]
    return [dimension.size for dimension in info.tensor_shape.dim]


def _fits(sizes, shape):
    return len(sizes) == len(shape) and all(
        expected in (-1, size) for size, expected in zip(sizes, shape, strict=True)
    )


def _names(names):
    return "{" + ",".join(sorted(names)) + "}"


def _list(sizes):
    return f"[{','.join(map(str, sizes))}]"


def _first_line(error):
    message = message_of(error) if hasattr(error, "message") else str(error)
    lines = message.strip().splitlines()
    return lines[0] if lines else type(error).__name__
