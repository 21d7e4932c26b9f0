"""Running encoders fast: packed tokens, frozen graphs, precision, int8."""

from kerasbert.lazy import lazy_names

__all__ = []

__getattr__, __dir__ = lazy_names(__name__, {})
