"""The REST interface of TF Serving, for machines without TF Serving.

It serves any SavedModel whose operations are TensorFlow's or TF Text's, and needs
nothing else of this package: neither Keras nor a model class is loaded.
"""

__all__ = ["serve"]


def __getattr__(name):
    if name == "serve":
        from kerasbert.serving.server import serve

        return serve
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
