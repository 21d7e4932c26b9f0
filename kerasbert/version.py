"""The version of kerasbert."""

__version__ = "0.1.0"
