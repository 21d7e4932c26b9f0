"""Metrics that equal those of the official evaluation scripts."""

from kerasbert.lazy import lazy_names
from kerasbert.metrics.classification import class_report as class_report
from kerasbert.metrics.classification import confusion_matrix as confusion_matrix
from kerasbert.metrics.classification import label_report as label_report
from kerasbert.metrics.correlation import pearson as pearson
from kerasbert.metrics.correlation import spearman as spearman
from kerasbert.metrics.entities import Span as Span
from kerasbert.metrics.entities import entity_report as entity_report
from kerasbert.metrics.entities import entity_scores as entity_scores
from kerasbert.metrics.entities import span_scores as span_scores
from kerasbert.metrics.entities import spans_of as spans_of
from kerasbert.metrics.squad import squad2_metrics as squad2_metrics
from kerasbert.metrics.squad import squad_metrics as squad_metrics

__getattr__, __dir__ = lazy_names(__name__, {})
