"""Serving of models for LiteRT: one text takes them a fraction of TensorFlow's time."""

import pathlib

from kerasbert.litert import LiteRTEmbedder
from kerasbert.serving.c_api import CallError
from kerasbert.serving.protocol import DEFAULT_SIGNATURE
from kerasbert.serving.saved_model import ServedModel, protocol_buffers

__all__ = ["LiteRTModel"]

_INVALID_ARGUMENT = 3


class LiteRTModel(ServedModel):
    """A model of `kerasbert.export.export_litert`, with the signature of a SavedModel.

    TensorFlow is not loaded. Raises a `ValueError`, `OSError` or `ImportError` if the
    folder cannot be loaded.

    Example:
        model = LiteRTModel("saved_models/minilm_litert/1")
        model.run("serving_default", {"text": np.array([b"hello"], object)})
    """

    runs_in_parallel = False  # one after the other, in threads of its own

    def __init__(self, folder):
        self._embedder = LiteRTEmbedder(pathlib.Path(folder))
        definitions = {DEFAULT_SIGNATURE: _definition(self._embedder.size)}
        super().__init__(folder, definitions, lambda signature: self._embed)
        self._embedder.encode(["hello world"])  # the first text takes longest

    def _embed(self, arrays, is_short):
        [texts] = arrays
        if texts.ndim != 1:
            raise CallError(_INVALID_ARGUMENT, "The texts must be a vector.")
        embedding, token_count = self._embedder.encode_with_counts(texts.tolist())
        found = {"embedding": embedding, "token_count": token_count}
        return [found[name] for name in self.signatures[DEFAULT_SIGNATURE].outputs]

    def close(self):
        """Frees the memory."""
        self._embedder = None
        super().close()


def _definition(size):
    """Returns the `SignatureDef` of an embedder of texts."""
    messages = protocol_buffers("tensorflow.core.protobuf.meta_graph_pb2")
    types = protocol_buffers("tensorflow.core.framework.types_pb2")
    definition = messages.SignatureDef(method_name="tensorflow/serving/predict")
    for tensors, name, dtype, shape in (
        (definition.inputs, "text", types.DT_STRING, [-1]),
        (definition.outputs, "embedding", types.DT_FLOAT, [-1, size]),
        (definition.outputs, "token_count", types.DT_INT32, [-1]),
    ):
        info = tensors[name]
        info.name, info.dtype = f"{name}:0", dtype
        for length in shape:
            info.tensor_shape.dim.add(size=length)
    return definition
