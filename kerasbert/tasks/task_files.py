"""Saved tasks: a Hugging Face model, its vocabulary and `kerasbert.json`."""

import os
from typing import Any

from kerasbert.account import quoted
from kerasbert.checkpoints import read_checkpoint
from kerasbert.checkpoints.classifier_head import is_cross_encoder
from kerasbert.files import read_json
from kerasbert.tasks import TASKS, task_class
from kerasbert.tasks.pretrained_task import TASK_FILE


def load(source: str | os.PathLike, dtype: str | None = None) -> Any:
    """Loads a saved task.

    Args:
        source: A folder that `save` of a task wrote, or `kerasbert finetune`.
        dtype: A dtype policy of the encoder, such as `"mixed_bfloat16"`.

    Returns:
        The task, such as a `kerasbert.TextClassifier`. Of a folder of
        sentence-transformers a `kerasbert.TextEmbedder`; of its `CrossEncoder` a
        `kerasbert.TextRegressor`, or a `kerasbert.TextClassifier` for several classes.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If the folder holds no task.
    """
    from kerasbert.checkpoints.sources import resolve

    folder = resolve(source)
    file = folder / TASK_FILE
    if not file.exists() and (folder / "modules.json").exists():
        if is_cross_encoder(folder):
            return _cross_encoder(folder, dtype)
        return task_class("embed").from_pretrained(folder, dtype=dtype)
    if not file.exists():
        raise ValueError(
            f"Expected {TASK_FILE} in {folder}, which says what task it is, but there "
            "is none. A model without a task is loaded by the class of one, such as "
            "kerasbert.TextClassifier.from_pretrained, or by kerasbert.load_encoder."
        )
    description = read_json(file)
    kind = description.get("task") if isinstance(description, dict) else None
    options = description.get("options", {}) if isinstance(description, dict) else None
    if kind not in TASKS or not isinstance(options, dict):
        raise ValueError(
            f"Expected a task among {', '.join(TASKS)} and its options in {file}, got "
            f"{kind!r}."
        )
    try:
        return task_class(kind).from_pretrained(folder, dtype=dtype, **options)
    except TypeError as error:
        raise ValueError(
            f"The options in {file} do not fit its task: {error}"
        ) from None


def holds_task(source):
    """Whether a source is the folder of a task, or of a training run."""
    from kerasbert.checkpoints.sources import resolve

    return (resolve(source) / TASK_FILE).exists()


def _cross_encoder(folder, dtype):
    """Returns the task of a sentence-transformers `CrossEncoder`."""
    modules = read_json(folder / "modules.json")
    if len(modules) != 1:
        kinds = [module.get("type") for module in modules if isinstance(module, dict)]
        raise ValueError(
            f"Expected a Transformer alone in {folder / 'modules.json'}, with a "
            f"classifier as its head, got {quoted(kinds)}. Other cross-encoders are "
            "not computed."
        )
    kind = "regress" if len(read_checkpoint(folder).labels) == 1 else "classify"
    return task_class(kind).from_pretrained(folder, dtype=dtype)
