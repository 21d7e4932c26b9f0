"""Texts with masks to what belongs there, and how probable texts are."""

from kerasbert.tasks.masked_language_model.masked_lm import MaskedLM as MaskedLM
