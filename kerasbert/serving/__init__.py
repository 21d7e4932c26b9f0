"""The REST interface of TF Serving, for machines without TF Serving.

It serves any SavedModel whose operations are TensorFlow's or TF Text's, and needs
nothing else of this package: neither Keras nor a model class is loaded.
"""

from kerasbert.lazy import lazy_names

__all__ = ["serve"]

__getattr__, __dir__ = lazy_names(__name__, {"serve": "kerasbert.serving.server"})
