"""Matrices in 4 to 8 bits: rounding, packing, and their place in safetensors files.

It needs numpy alone: what reads weights without Keras imports it, too.
"""

from kerasbert.lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {})
