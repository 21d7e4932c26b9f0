"""What another project's code would compute otherwise than ours."""

import warnings

from kerasbert.checkpoints.kept import head_mathematics


def warn_of_other_mathematics(config, reader, activations):
    """Warns where the code that reads a container computes something else.

    Args:
        config: The configuration to be written.
        reader: Whose code it is, for the message.
        activations: The activations that it computes, of `kerasbert.config`.

    Returns:
        Whether there is a difference.
    """
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
    """Warns where the masked LM head computes otherwise than a reader's.

    Args:
        checkpoint: The `Checkpoint` to be written.
        reader: Whose code is to read it, for the message.
        computed: `activation` and `epsilon` of its head; None where they are those
            of the encoder, as everywhere but in KerasHub.
    """
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
