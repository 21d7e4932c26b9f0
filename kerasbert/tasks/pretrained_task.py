"""Loading of a task's encoder, head and tokenizer."""

import re
import warnings

from keras import ops

from kerasbert.account import quoted
from kerasbert.files import read_json
from kerasbert.models.encoder import Encoder
from kerasbert.models.loading import assign_weights, fingerprint

TASK_FILE = "kerasbert.json"

# What transformers and others call classes that nobody has named.
UNNAMED = re.compile(r"(?:LABEL_)?(\d+)")


class NewHeadWarning(UserWarning):
    """A head is newly initialized and must be trained."""


def load_parts(source):
    """Loads the parts of a source.

    Returns:
        Its folder, its `Checkpoint`, and its `kerasbert.Tokenizer`.
    """
    from kerasbert.checkpoints import read_checkpoint
    from kerasbert.checkpoints.sources import resolve
    from kerasbert.text import Tokenizer

    folder = resolve(source)
    return folder, read_checkpoint(folder), Tokenizer.from_pretrained(folder)


def saved_options(folder, kind):
    """Returns the options of a saved task; none for other folders."""
    file = folder / TASK_FILE
    description = read_json(file) if file.is_file() else None
    if not isinstance(description, dict) or description.get("task") != kind:
        return {}
    options = description.get("options")
    return options if isinstance(options, dict) else {}


def score_options(model, checkpoint, kind, options):
    """Merges the options of scores: given, saved, and stated by the folder."""
    if not has_published_head(model):
        return options
    saved = saved_options(checkpoint.folder, kind)
    if checkpoint.score_doubt and not {"activation", "low"} & {*options, *saved}:
        warnings.warn(checkpoint.score_doubt, stacklevel=3)
    return {"pairs": bool(checkpoint.pairs), **saved, **options}


def checked_activation(activation, num_classes):
    """Validates the activation of scores."""
    names = ("softmax", "sigmoid", "linear")
    if activation not in names or (activation == "softmax" and num_classes == 1):
        raise ValueError(
            f"Expected the activation of the scores of {num_classes} classes to be "
            f"{', '.join(names[num_classes == 1 :])}, got {quoted(activation, 80)}. "
            "Pass activation=."
        )
    return activation


def model_with_labels(
    model_class, folder, checkpoint, labels=None, dropout=None, dtype=None
):
    """Creates a classification model, with a checkpoint's head or a new one.

    The head of the checkpoint is taken where it has these labels: in another order, in
    which its classes are put; or without names of its own, in which case they get
    these. A new head is told by a `NewHeadWarning`.
    """
    labels = None if labels is None else checked_labels(labels)
    has_one = not model_class.misfit(checkpoint)
    order = order_of(labels, checkpoint.labels) if has_one else None
    if order is not None:
        model = model_class.from_pretrained(checkpoint, dtype=dtype)
        for doubt in checkpoint.doubts:
            warnings.warn(doubt, stacklevel=3)
        if labels is not None:
            _rename(model, labels, order, folder)
        return model
    if labels is None:
        raise ValueError(
            f"Expected labels: {folder} has no classifier of this kind, so that "
            'nothing names its classes. For example labels=["negative", "positive"].'
        )
    encoder = encoder_for(model_class, checkpoint, dtype)
    model = model_class(encoder, labels, 0.1 if dropout is None else dropout)
    reason = _other_head(checkpoint)
    if has_one:
        reason = _differences(labels, checkpoint.labels)
    return with_new_head(model, checkpoint, reason)


def with_new_head(model, checkpoint, reason):
    """Warns that a model has a new head, and marks it as untrained."""
    what = f"{model.head.name.replace('_', ' ')} is"
    if model.uses_pooler and not checkpoint.has_pooler:
        what = what.removesuffix(" is") + " and the pooler are"
    model.new_head = f"the {what} new and untrained: {checkpoint.folder} has {reason}"
    model.untrained_head = fingerprint(model.head)
    warnings.warn(
        f"T{model.new_head[1:]}. Train it before predicting.",
        NewHeadWarning,
        stacklevel=4,
    )
    return model


def warn_of_new_head(model, what):
    """Warns if a head is still untrained."""
    untrained = getattr(model, "untrained_head", None)
    if untrained is not None and untrained == fingerprint(model.head):
        warnings.warn(
            f"{what} gives random answers: {model.new_head}.",
            NewHeadWarning,
            stacklevel=3,
        )


def has_published_head(model):
    """Whether the head of a model was loaded."""
    return getattr(model, "source_folder", None) is not None


def encoder_for(model_class, checkpoint, dtype=None):
    """The encoder of a checkpoint, with a new pooler if a new model needs one."""
    encoder = Encoder.from_checkpoint(checkpoint, dtype, model_class.uses_pooler)
    assign_weights(encoder, checkpoint)
    return encoder


def checked_labels(labels):
    """Validates class names."""
    if isinstance(labels, str | int):
        raise TypeError(f"Expected a list of names of classes, got {labels!r}.")
    if isinstance(labels, set | frozenset | dict):
        raise TypeError(
            f"Expected a list of names of classes, in the order of their numbers, got "
            f"{quoted(labels, 80)}. Pass a list, for instance sorted(names)."
        )
    labels = [str(label) for label in labels]
    if not labels or len(set(labels)) < len(labels) or "" in labels:
        raise ValueError(
            f"Expected different names of classes, none of them empty, got "
            f"{quoted(labels)}. Name them with labels=[...]."
        )
    return labels


def order_of(labels, others):
    """Returns the classes of a head that have the given labels.

    Example:
        >>> order_of(["b", "a"], ["a", "b"]), order_of(["a", "c"], ["a", "b"])
        ([1, 0], None)
        >>> order_of(["no", "yes"], ["LABEL_0", "LABEL_1"])
        [0, 1]
    """
    if labels is None:
        return list(range(len(others)))
    if len(labels) != len(others):
        return None
    if set(labels) == set(others):
        return [others.index(label) for label in labels]
    numbers = _numbers(others)
    if numbers is None:
        return None
    wanted = _numbers(labels)
    if wanted is not None and sorted(wanted) == sorted(numbers):
        return [numbers.index(number) for number in wanted]
    return list(range(len(others)))


def _numbers(labels):
    """Returns the indices of generic labels, else None."""
    matches = [UNNAMED.fullmatch(label) for label in labels]
    return [int(match[1]) for match in matches] if all(matches) else None


def _rename(model, labels, order, folder):
    """Reorders and renames the classes of a head."""
    before = list(model.labels)
    if order != sorted(order):
        for variable in model.head.dense.weights:
            variable.assign(ops.take(variable, order, axis=-1))
    given = [before[index] for index in order]
    if given != labels and _numbers(labels) != _numbers(given):
        named = ", ".join(
            f"{old} {quoted(new, 40)}"
            for old, new in list(zip(given, labels, strict=True))[:8]
        )
        warnings.warn(
            f"{folder} does not name its classes, which are called by your labels in "
            f"their order: {named}. Give them in the order of training.",
            stacklevel=4,
        )
    model.labels = labels


def _other_head(checkpoint):
    """Describes the head of a checkpoint without the expected one."""
    if checkpoint.other_head:
        return f"the head of {quoted(checkpoint.other_head, 60)}"
    if "classification_head" in checkpoint.heads:
        of = "tokens" if checkpoint.token_labels else "texts"
        return f"a classifier of {of}"
    return "no such head"


def _differences(labels, others):
    """Describes how labels differ from those of a head."""
    added = [label for label in labels if label not in others]
    lacking = [label for label in others if label not in labels]
    words = [f"a classifier of the {len(others)} labels {quoted(others, 80)}"]
    if added:
        words.append(f"which has no {quoted(added, 80)}")
    if lacking and len(lacking) < len(others):
        words.append(f"of which {quoted(lacking, 80)} is not wanted")
    if sorted(map(str.lower, labels)) == sorted(map(str.lower, others)):
        words.append("which differ in upper and lower case alone")
    return ", ".join(words)
