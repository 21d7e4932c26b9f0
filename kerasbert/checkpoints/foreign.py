"""Warnings about numerical differences in other libraries."""

import warnings

from kerasbert.checkpoints.kept import head_mathematics


def warn_of_other_mathematics(config, reader, activations):
    """Warns if the library of a format computes the encoder differently."""
    differences = []
    if config.hidden_act in activations:
        pass
    elif config.hidden_act == "gelu" and "gelu_tanh" in activations:
        differences.append("GELU in its tanh form (it differs by up to 5e-4 a value)")
    else:
        differences.append(f"{' or '.join(activations)} for {config.hidden_act}")
    if config.layer_norm_eps != 1e-12:
        differences.append(f"an epsilon of 1e-12 for {config.layer_norm_eps:g}")
    if differences:
        warnings.warn(
            f"{reader} computes {' and '.join(differences)}: its outputs will not be "
            "exactly this model's. kerasbert reads the folder back exactly.",
            stacklevel=3,
        )
    return bool(differences)


def warn_of_other_head(checkpoint, reader, computed=None):
    """Warns if a library computes the masked LM head differently."""
    encoders = head_mathematics(checkpoint.config)
    head = {**encoders, **checkpoint.masked_lm}
    computed = computed or encoders
    differences = [
        f"{name}={computed[name]} for {value}"
        for name, value in head.items()
        if computed[name] != value
    ]
    if differences:
        warnings.warn(
            f"{reader} computes the masked LM head with {' and '.join(differences)}: "
            "its logits will not be exactly this model's. kerasbert reads the folder "
            "back exactly.",
            stacklevel=3,
        )
