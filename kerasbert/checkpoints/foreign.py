"""What another project's code would compute otherwise than ours."""

import warnings


def warn_of_other_mathematics(config, reader):
    """Warns where the code that reads a container computes something else.

    Google's code and KerasHub know GELU in its tanh form alone, and one epsilon.

    Args:
        config: The configuration to be written.
        reader: Whose code it is, for the message.

    Returns:
        Whether there is a difference.
    """
    differences = []
    if config.hidden_act == "gelu":
        differences.append("GELU in its tanh form (it differs by up to 5e-4 a value)")
    if config.layer_norm_eps != 1e-12:
        differences.append(f"an epsilon of 1e-12 for {config.layer_norm_eps:g}")
    if differences:
        warnings.warn(
            f"{reader} computes {' and '.join(differences)}: its outputs will not be "
            "exactly this model's. kerasbert reads the folder back exactly.",
            stacklevel=3,
        )
    return bool(differences)
