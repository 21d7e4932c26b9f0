"""Metadata of a classification head in a Hugging Face folder.

Which activation turns logits into scores is stated by two projects: transformers has
`problem_type`, and the `CrossEncoder` of sentence-transformers has `activation_fn`,
first in `config_sentence_transformers.json`, then in `config.json`, under two names.
"""

import dataclasses

from kerasbert.account import quoted
from kerasbert.files import read_json

# Activations of scores, from the names that PyTorch gives them.
ACTIVATIONS = {"Identity": "linear", "Sigmoid": "sigmoid", "Softmax": "softmax"}
CLASSES = {
    "linear": "torch.nn.modules.linear.Identity",
    "sigmoid": "torch.nn.modules.activation.Sigmoid",
    "softmax": "torch.nn.modules.activation.Softmax",
}
PROBLEM_TYPES = {
    "regression": "linear",
    "multi_label_classification": "sigmoid",
    "single_label_classification": "softmax",
}
MEANINGS = {
    "linear": "the logits",
    "sigmoid": "the sigmoids of the logits",
    "softmax": "the softmax of the logits",
}
OLD_KEY = "sbert_ce_default_activation_function"  # of sentence-transformers before 4
SETTINGS = "config_sentence_transformers.json"
KNOWN = ("SequenceClassification", "TokenClassification", "ImageClassification")


@dataclasses.dataclass(frozen=True)
class ClassifierHead:
    """Metadata of a classification head.

    Args:
        labels: The names of the classes.
        token_labels: Whether it classifies tokens rather than texts.
        other_head: The class of transformers that it is the head of, where that
            classifies neither texts nor tokens.
        score_activation: `"softmax"`, `"sigmoid"` or `"linear"`: from logits to scores;
            or the name of another, which kerasbert does not compute. None for tokens.
        pairs: Whether the folder is one of a `CrossEncoder`, which takes pairs; None
            where it does not say.
        score_doubt: A sentence where readers differ on that activation, or `""`.
        doubts: Sentences on what else the folder leaves open or contradicts.
    """

    labels: tuple[str, ...] = ()
    token_labels: bool = False
    other_head: str = ""
    score_activation: str | None = None
    pairs: bool | None = None
    score_doubt: str = ""
    doubts: tuple[str, ...] = ()


def read_classifier_head(values, folder, file, architecture, num_classes):
    """Reads the metadata of a classification head."""
    if num_classes is None:
        return ClassifierHead()
    labels, doubts = _labels(values, num_classes, file)
    if "TokenClassification" in architecture:
        return ClassifierHead(labels, token_labels=True, doubts=doubts)
    other_head = architecture if "MultipleChoice" in architecture else ""
    if "For" in architecture and not other_head:
        if not architecture.endswith(KNOWN):
            doubts += (
                f"{file} names the architecture {quoted(architecture, 80)}: its "
                "classifier is read as one of texts.",
            )
    if other_head:
        return ClassifierHead(labels, other_head=other_head, doubts=doubts)
    stated, pairs, more = _stated_by_cross_encoder(values, folder, file)
    activation, doubt = _resolved(values, stated, num_classes, file)
    return ClassifierHead(labels, False, "", activation, pairs, doubt, doubts + more)


def classifier_settings(checkpoint):
    """Returns the config keys by which other readers convert logits to scores."""
    activation = checkpoint.score_activation
    if activation is None or checkpoint.token_labels or checkpoint.other_head:
        return {}
    types = {ours: theirs for theirs, ours in PROBLEM_TYPES.items()}
    several = len(checkpoint.labels) > 1
    settings = {}
    if activation in types and (several or activation == "linear"):
        settings["problem_type"] = types[activation]  # else one logit has a sigmoid
    if checkpoint.pairs is not None:
        name = CLASSES.get(activation, activation)
        settings["sentence_transformers"] = {"activation_fn": name}
        settings[OLD_KEY] = name
    return settings


def is_cross_encoder(folder):
    """Whether a folder is a `CrossEncoder` of sentence-transformers."""
    return _settings(folder).get("model_type") == "CrossEncoder"


def default_activation(num_classes):
    """Returns the default activation of transformers for scores."""
    return "sigmoid" if num_classes == 1 else "softmax"


def _labels(values, num_classes, file):
    id2label = values.get("id2label") or {}
    try:
        labels = {int(key): str(name) for key, name in id2label.items()}
    except (AttributeError, TypeError, ValueError):
        raise ValueError(
            f"Expected id2label in {file} to be an object from numbers to names, got "
            f"{quoted(id2label)}."
        ) from None
    doubts = ()
    if labels and sorted(labels) != list(range(num_classes)):
        doubts += (
            f"{file} names the classes {quoted(id2label, 80)}, and the head has "
            f"{num_classes}, numbered from 0. Name them with labels=[...].",
        )
    numbers = values.get("label2id")
    if labels and isinstance(numbers, dict):
        wrong = [
            name
            for index, name in labels.items()
            if name in numbers and str(numbers[name]) != str(index)
        ]
        if wrong:
            doubts += (
                f"{file}: label2id and id2label contradict each other on "
                f"{quoted(wrong, 80)}. id2label is taken, as transformers does.",
            )
    names = (labels.get(index, f"LABEL_{index}") for index in range(num_classes))
    return tuple(names), doubts


def _stated_by_cross_encoder(values, folder, file):
    """Returns a CrossEncoder's activation, whether it takes pairs, and doubts."""
    settings = _settings(folder)
    is_cross_encoder = settings.get("model_type") == "CrossEncoder"
    pairs = True if is_cross_encoder or OLD_KEY in values else None
    doubts = ()
    prompt = settings.get("default_prompt_name") if is_cross_encoder else None
    if prompt is not None and (settings.get("prompts") or {}).get(prompt):
        doubts += (
            f"{folder / SETTINGS} asks for the prompt {quoted(prompt, 80)} before "
            "every text, which is not put there. Put it before the texts yourself.",
        )
    own = values.get("sentence_transformers")
    own = own.get("activation_fn") if isinstance(own, dict) else None
    pairs = True if own is not None else pairs
    candidates = (
        settings.get("activation_fn") if is_cross_encoder else None,
        own,
        values.get(OLD_KEY),
    )
    stated = next((name for name in candidates if name is not None), None)
    if stated is None:
        return None, pairs, doubts
    if not isinstance(stated, str) or not stated.startswith("torch."):
        doubts += (
            f"{file}: the activation {quoted(stated, 80)} is code of its author, which "
            "is not run; sentence-transformers does not run it either by default.",
        )
        return None, pairs, doubts
    return stated, pairs, doubts


def _settings(folder):
    """Returns the settings of sentence-transformers, if they are readable."""
    if not (folder / SETTINGS).is_file() or not (folder / "modules.json").is_file():
        return {}
    settings = read_json(folder / SETTINGS)
    return settings if isinstance(settings, dict) else {}


def _resolved(values, stated, num_classes, file):
    """Returns the activation of the scores, and a sentence if readers differ."""
    problem_type = values.get("problem_type")
    default = default_activation(num_classes)
    if problem_type is not None and problem_type not in PROBLEM_TYPES:
        return default, (
            f"{file} has problem_type={quoted(problem_type, 80)}, which transformers "
            f"does not know: scores are {MEANINGS[default]}. Choose with activation=."
        )
    theirs = PROBLEM_TYPES.get(problem_type, default)
    if theirs == "softmax" and num_classes == 1:
        theirs = "sigmoid"  # as transformers' pipeline has it
    if stated is None:
        if num_classes == 1 and problem_type is None:
            return theirs, (
                f"{file} does not say how the one logit becomes a score. It is "
                "taken through a sigmoid, the default of transformers and "
                "sentence-transformers. Pass activation='linear' for the logit itself."
            )
        return theirs, ""
    name = ACTIVATIONS.get(stated.rpartition(".")[-1], stated)
    if name == theirs or name not in MEANINGS:
        return name, ""
    taken = name
    if name == "linear" and num_classes > 1:
        taken = theirs  # a CrossEncoder's default: logits, from which it takes the best
    if taken == theirs:
        chosen, other, others = "transformers' pipeline", "CrossEncoder", name
    else:
        chosen, other, others = "CrossEncoder", "transformers' pipeline", theirs
    return taken, (
        f"{file}: scores are {MEANINGS[taken]}, as {chosen} computes them; "
        f"{other} computes {MEANINGS[others]}. Pass activation={taken!r} or "
        f"activation={others!r} to choose."
    )
