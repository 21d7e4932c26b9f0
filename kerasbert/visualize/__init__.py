"""Visualization of attention, embeddings and what layers encode."""

from kerasbert.lazy import lazy_names
from kerasbert.visualize.attention import AttentionMaps as AttentionMaps
from kerasbert.visualize.attention import attention_figure as attention_figure
from kerasbert.visualize.attention import attention_html as attention_html
from kerasbert.visualize.attention import attention_maps as attention_maps
from kerasbert.visualize.output import Page as Page
from kerasbert.visualize.probing import ProbeCurve as ProbeCurve
from kerasbert.visualize.probing import probe_layers as probe_layers
from kerasbert.visualize.projection import projection_html as projection_html
from kerasbert.visualize.projection import (
    write_tensorboard_projector as write_tensorboard_projector,
)

__getattr__, __dir__ = lazy_names(__name__, {})
