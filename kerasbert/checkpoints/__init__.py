"""Reading and writing of published BERT and ALBERT weights, in all formats.

A container is a table: the path of our variable, their name, an invertible transform.
The same table loads and saves, and a ledger accounts for both sides.
"""

from kerasbert.checkpoints.checkpoint import Checkpoint as Checkpoint
from kerasbert.checkpoints.containers import convert as convert
from kerasbert.checkpoints.containers import read_checkpoint as read_checkpoint
from kerasbert.checkpoints.containers import write_checkpoint as write_checkpoint
from kerasbert.lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {})
