"""The three inputs of every model, and what is checked of them."""

import keras

INPUTS = ("token_ids", "segment_ids", "padding_mask")


def encoder_inputs():
    """Symbolic `token_ids`, `segment_ids` and `padding_mask`, int32 `[B, S]` each."""
    return {name: keras.Input((None,), dtype="int32", name=name) for name in INPUTS}


def check_inputs(inputs, config):
    """Refuses inputs that the model has no weights for.

    Values are checked where they are at hand, which is in eager calls; a graph leaves
    that to the operations themselves.

    Args:
        inputs: What the model was called with.
        config: The encoder's configuration.

    Raises:
        ValueError: If an input is missing, or an id is outside its table.
    """
    if not isinstance(inputs, dict) or not set(INPUTS) <= set(inputs):
        given = sorted(inputs) if isinstance(inputs, dict) else type(inputs).__name__
        raise ValueError(
            f"Expected a dictionary with {', '.join(INPUTS)}, each int32 [B, S]; got "
            f"{given}. A kerasbert.Tokenizer makes it: tokenizer(texts)."
        )
    _check_range("token_ids", inputs["token_ids"], config.vocab_size, "vocab_size")
    _check_range(
        "segment_ids", inputs["segment_ids"], config.type_vocab_size, "type_vocab_size"
    )


def _check_range(name, tensor, size, size_name):
    ids = _value(tensor)
    if ids is None or not ids.size or (ids.min() >= 0 and ids.max() < size):
        return
    wrong = ids.max() if ids.max() >= size else ids.min()
    raise ValueError(
        f"Expected {name} from 0 to {size - 1} (the model's {size_name} is {size}), "
        f"got {wrong}. Is the tokenizer the one of this model?"
    )


def _value(tensor):
    """The numbers of a tensor, or None while a graph is being traced."""
    if isinstance(tensor, keras.KerasTensor):
        return None
    if keras.backend.backend() == "jax":
        import jax

        traced = isinstance(tensor, jax.core.Tracer)
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        traced = tf.is_symbolic_tensor(tensor)
    else:
        traced = False
    return None if traced else keras.ops.convert_to_numpy(tensor)
