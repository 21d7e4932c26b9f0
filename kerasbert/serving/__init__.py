"""The REST interface of TF Serving, for machines without TF Serving.

It serves any SavedModel whose operations are TensorFlow's or TF Text's, and needs
nothing else of this package: neither Keras nor a model class is loaded.
"""

from kerasbert.serving.server import serve as serve

__all__ = ["serve"]
