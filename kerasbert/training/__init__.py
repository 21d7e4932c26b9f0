"""Training with `keras.Model.fit`: batches, optimizer, losses, checkpoints."""

from kerasbert.lazy import lazy_names
from kerasbert.training.adamw import AdamW as AdamW
from kerasbert.training.distribution import layout_map as layout_map
from kerasbert.training.features import IGNORED as IGNORED
from kerasbert.training.features import EncodedExamples as EncodedExamples
from kerasbert.training.fit import Run as Run
from kerasbert.training.fit import Validation as Validation
from kerasbert.training.memory_estimate import TrainingMemory as TrainingMemory
from kerasbert.training.memory_estimate import training_memory as training_memory
from kerasbert.training.recipe import Recipe as Recipe
from kerasbert.training.recipe import WarmUpDecay as WarmUpDecay
from kerasbert.training.recipe import freeze_layers as freeze_layers
from kerasbert.training.rounded import RoundedRecipe as RoundedRecipe

__getattr__, __dir__ = lazy_names(__name__, {})
