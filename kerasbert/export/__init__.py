"""Export of self-contained models that take raw text."""

import warnings

from kerasbert.export.litert import export_litert as export_litert
from kerasbert.export.reusable import export_reusable as export_reusable
from kerasbert.export.saved_model import curl_line as curl_line
from kerasbert.export.saved_model import export_task as export_task
from kerasbert.export.saved_model import model_name as model_name
from kerasbert.lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {})


def task_curl_line(task, name, port=8501):
    """The former `curl_line` of tasks."""
    warnings.warn(
        "task_curl_line(task, name) is now curl_line(name, task=task); the old name "
        "will be removed in the next release.",
        DeprecationWarning,
        stacklevel=2,
    )
    return curl_line(name, port, task)
