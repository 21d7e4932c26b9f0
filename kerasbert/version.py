"""The version of kerasbert."""

__version__ = "0.2.0"
