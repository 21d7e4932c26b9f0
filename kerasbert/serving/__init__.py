"""An HTTP server with the REST API of TF Serving, for machines without TF Serving.

It serves any SavedModel with operations of TensorFlow and TF Text, and what
`kerasbert.export.export_litert` writes. Neither Keras nor a model class is loaded, and
of TensorFlow the shared libraries alone.
"""

from kerasbert.lazy import lazy_names

__all__ = ["serve"]

__getattr__, __dir__ = lazy_names(__name__, {"serve": "kerasbert.serving.server"})
