"""Exported models as TensorFlow Serving runs them: in a session, optimised."""

import atexit
import functools
import pathlib
import shutil
import tempfile

import numpy as np
import tensorflow as tf

import kerasbert
from kerasbert.export import export_task

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"

# Lengths are mixed and unsorted; the longest is cut.
TEXTS = [
    "Good morning",
    "",
    "a cat sat on the mat, " * 9,
    "你好, Naïve [MASK] ﬁne \u0301 x",
    "the",
    b"caf\xc3\xa9 \xff\xfe \xed\xa0\x80 broken",
    "a b c d e f g h i j k l m n",
]


MODELS = ["sentence_dense", "sentence_albert"]


@functools.cache
def embedder_of(name):
    return kerasbert.TextEmbedder.from_pretrained(
        FIXTURES / name / "sentence_transformers"
    )


@functools.cache
def exported(name):
    """The version folder of a model of the fixtures: made once, for all tests."""
    folder = pathlib.Path(tempfile.mkdtemp()) / "model"
    atexit.register(shutil.rmtree, folder.parent)
    return export_task(
        embedder_of(name), folder, token_layers=(0, -1), xla=name == "sentence_dense"
    )


@functools.cache
def served(name):
    """A model of the fixtures in a session."""
    return Served(exported(name))


class Served:
    """A SavedModel in a session of its own.

    Calling it with a signature's name and inputs gives its outputs as numpy arrays.
    """

    def __init__(self, folder):
        with tf.Graph().as_default() as graph:
            self.session = tf.compat.v1.Session(graph=graph)
            meta_graph = tf.compat.v1.saved_model.loader.load(
                self.session, ["serve"], str(folder)
            )
        self.signatures = {
            name: signature
            for name, signature in meta_graph.signature_def.items()
            if not name.startswith("__")
        }

    def __call__(self, signature="serving_default", **inputs):
        definition = self.signatures[signature]
        assert set(inputs) == set(definition.inputs)
        feeds = {definition.inputs[name].name: inputs[name] for name in inputs}
        fetches = {name: info.name for name, info in definition.outputs.items()}
        return self.session.run(fetches, feeds)


def texts_of(texts):
    """Texts as the array of byte strings that a session takes."""
    encoded = [t if isinstance(t, bytes) else t.encode() for t in texts]
    return np.array(encoded, object)


def cosines(a, b):
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
