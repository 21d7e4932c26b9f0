"""Conversion of user inputs: columns of texts, targets and weights, and datasets."""

from kerasbert.inputs.columns import is_missing as is_missing
from kerasbert.inputs.columns import listed as listed
from kerasbert.inputs.columns import stream as stream
from kerasbert.inputs.datasets import is_dataset as is_dataset
from kerasbert.inputs.datasets import read_examples as read_examples
from kerasbert.inputs.datasets import read_inputs as read_inputs
