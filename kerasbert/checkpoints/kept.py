"""Round-trip metadata: properties that a foreign format cannot store.

It lies under the key `kerasbert` of a configuration, where other readers ignore it.
"""

import dataclasses

from kerasbert.account import quoted
from kerasbert.checkpoints.config_keys import dropout_rate
from kerasbert.config import ACTIVATIONS

KEY = "kerasbert"
KINDS = {
    "config": dict,
    "labels": list,
    "token_labels": bool,
    "head_dropout": int | float,
    "score_activation": str,
    "pairs": bool,
    "other_head": str,
    "masked_lm": dict,
    "has_pooler": bool,
}


def read_kept(values, file):
    """Returns the round-trip metadata of a config that kerasbert wrote."""
    kept = values.get(KEY, {})
    if not isinstance(kept, dict) or not all(
        key in KINDS and isinstance(value, KINDS[key]) for key, value in kept.items()
    ):
        raise ValueError(
            f"Expected under {KEY!r} in {file} what kerasbert writes there, got "
            f"{quoted(kept)}. Remove the key to do without."
        )
    return kept


def restore(checkpoint, kept, file):
    """Restores the heads of a checkpoint from round-trip metadata."""
    if not kept.get("has_pooler", True):
        checkpoint = checkpoint.without_pooler()
    fields = {}
    if "classification_head" in checkpoint.heads:
        names = ("labels", "token_labels", "score_activation", "pairs", "other_head")
        fields = {name: kept[name] for name in names if name in kept}
        rate = kept.get("head_dropout", checkpoint.head_dropout)
        fields["head_dropout"] = dropout_rate(rate, file)
        labels = fields.get("labels", checkpoint.labels)
        fields["labels"] = tuple(map(str, labels))
        if len(labels) != len(checkpoint.labels):
            raise ValueError(
                f"Expected {len(checkpoint.labels)} labels in {file} (the classes of "
                f"the head), got {len(labels)}."
            )
    if "masked_lm_head" in checkpoint.heads:
        fields["masked_lm"] = _masked_lm(checkpoint, kept.get("masked_lm", {}), file)
    return dataclasses.replace(checkpoint, **fields)


def kept_scores(checkpoint):
    """Returns the metadata of how logits are converted to scores."""
    facts = {
        "score_activation": checkpoint.score_activation,
        "pairs": checkpoint.pairs,
        "other_head": checkpoint.other_head or None,
    }
    return {name: value for name, value in facts.items() if value is not None}


def head_mathematics(config):
    """Returns the default activation and epsilon of a masked LM head."""
    return {"activation": config.hidden_act, "epsilon": config.layer_norm_eps}


def _masked_lm(checkpoint, values, file):
    checks = {
        "activation": lambda value: value in ACTIVATIONS,
        "epsilon": lambda value: isinstance(value, float) and 0 < value < 1,
    }
    if not all(key in checks and checks[key](value) for key, value in values.items()):
        raise ValueError(
            f"Expected activation and epsilon of the masked LM head in {file}, got "
            f"{quoted(values)}."
        )
    encoders = head_mathematics(checkpoint.config)
    return {key: value for key, value in values.items() if value != encoders[key]}
