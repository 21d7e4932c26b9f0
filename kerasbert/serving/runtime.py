"""TensorFlow and the operations of TF Text, and nothing of Keras."""

import importlib.util
import pathlib
import sys

__all__ = ["tensorflow", "text_operations"]


def tensorflow():
    """TensorFlow, imported without Keras, which it would load beside itself.

    Nothing that serves uses Keras, and without it the process starts seconds earlier.
    A later `import keras` works as ever.
    """
    absent = "keras" not in sys.modules and "tensorflow" not in sys.modules
    if absent:
        sys.modules["keras"] = None  # TensorFlow takes that as: not installed
    try:
        import tensorflow
    finally:
        if absent:
            del sys.modules["keras"]
    return tensorflow


def text_operations():
    """Loads the operations of TF Text, without its Python part, which loads Keras.

    Raises:
        ValueError: If TF Text is not installed, or not the one of this TensorFlow.
    """
    tf = tensorflow()
    spec = importlib.util.find_spec("tensorflow_text")
    if spec is None:
        raise ValueError(
            "TF Text is not installed, whose operations models with text need. "
            "Install it: pip install tensorflow-text"
        )
    folder = pathlib.Path(spec.submodule_search_locations[0])
    for library in sorted(folder.glob("python/ops/*.so")):
        try:
            tf.load_op_library(str(library))
        except tf.errors.OpError as error:
            raise ValueError(
                f"Cannot load {library.name} of TF Text into TensorFlow "
                f"{tf.__version__}: install versions of both that belong together. "
                f"({error.message})"
            ) from None
