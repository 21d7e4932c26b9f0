"""Models that leave: self-contained, raw text in, no kerasbert and no Python beside."""

from kerasbert.export.export_task import export_task as export_task
from kerasbert.export.export_task import task_curl_line as task_curl_line
from kerasbert.export.litert import export_litert as export_litert
from kerasbert.export.reusable import export_reusable as export_reusable
from kerasbert.export.saved_model import curl_line as curl_line
from kerasbert.export.saved_model import export_embedder as export_embedder
from kerasbert.export.saved_model import model_name as model_name
from kerasbert.lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {})
