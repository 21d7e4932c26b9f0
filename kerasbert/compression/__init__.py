"""Small models of large ones: distillation, and removal of layers and heads."""

from kerasbert.compression.distiller import Distiller as Distiller
from kerasbert.compression.pruning import prune_heads as prune_heads
from kerasbert.compression.pruning import pruning_costs as pruning_costs
from kerasbert.compression.students import student_of as student_of
from kerasbert.lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {})
