"""The inputs of all models, and their validation."""

import warnings

import keras

INPUTS = ("token_ids", "segment_ids", "padding_mask")
PIXELS = "pixel_values"  # the input of models of images


def encoder_inputs():
    """Creates symbolic `token_ids`, `segment_ids` and `padding_mask`."""
    return {name: keras.Input((None,), dtype="int32", name=name) for name in INPUTS}


def chosen_inputs(inputs, wanted):
    """Selects the inputs of a model from a dictionary.

    Keras sorts the names of a dictionary, so that one too many would shift them all.
    """
    if not isinstance(inputs, dict) or not set(wanted) <= set(inputs):
        given = sorted(inputs) if isinstance(inputs, dict) else type(inputs).__name__
        raise ValueError(
            f"Expected a dictionary with {', '.join(wanted)}, each int32 [B, S]; got "
            f"{given}. A kerasbert.Tokenizer makes it: tokenizer(texts)."
        )
    more = sorted(set(inputs) - set(wanted))
    if more:
        warnings.warn(
            f"The inputs {', '.join(more)} are ignored: the model has the inputs "
            f"{', '.join(wanted)} alone.",
            stacklevel=2,
        )
    return {name: inputs[name] for name in wanted}


def check_inputs(inputs, config):
    """Raises a `ValueError` for ids without an embedding.

    Shapes and dtypes are always checked, values where they are at hand, which is in
    eager calls and in arrays; a graph leaves them to the operations themselves.
    """
    for name, tensor in inputs.items():
        if name.startswith("encoder_"):  # of a decoder, from an encoder
            continue
        if tensor is not None:  # which Keras refuses by name
            _check_dtype(name, tensor)
            _check_rank(name, tensor)
    shape = _shape_of(inputs["token_ids"])
    for name in INPUTS:
        if name in inputs:
            _check_shape(name, _shape_of(inputs[name]), shape)
    if shape is not None and shape[1] == 0:
        raise ValueError(
            "Expected rows of one token or more, got token_ids of the shape "
            f"{tuple(shape)}. A kerasbert.Tokenizer makes [CLS] and [SEP] of an empty "
            "text."
        )
    tokenizer = "Is the tokenizer the one of this model?"
    size = f"the model's vocab_size is {config.vocab_size}"
    _check_range("token_ids", inputs, config.vocab_size, size, tokenizer)
    # Without a table of segments they have no effect.
    if config.type_vocab_size and "segment_ids" in inputs:
        _check_ids("segment_ids", inputs, config.type_vocab_size, "type_vocab_size")
    meaning = "1 is a token, 0 is padding"
    remedy = "A mask to be added to scores is mask == 0 here."
    if "padding_mask" in inputs:
        _check_range("padding_mask", inputs, 2, meaning, remedy)
    if "masked_positions" in inputs and shape is not None and shape[1] is not None:
        meaning = f"a row has {shape[1]} tokens"
        remedy = "They are counted from 0, which is [CLS]."
        _check_range("masked_positions", inputs, shape[1], meaning, remedy)


def check_token_ids(name, inputs, config):
    """Raises a `ValueError` for other token ids without an embedding."""
    _check_dtype(name, inputs[name])
    _check_rank(name, inputs[name])
    _check_ids(name, inputs, config.vocab_size, "vocab_size")


def _check_ids(name, inputs, size, what):
    remedy = "Is the tokenizer the one of this model?"
    _check_range(name, inputs, size, f"the model's {what} is {size}", remedy)


def check_arrays(inputs, config):
    """Validates arrays before Keras batches them."""
    if not isinstance(inputs, dict) or not set(INPUTS) <= set(inputs):
        return
    arrays = [inputs[name] for name in INPUTS]
    if not all(hasattr(x, "shape") and hasattr(x, "dtype") for x in arrays):
        return
    positions = {name: x for name, x in inputs.items() if name == "masked_positions"}
    check_inputs({**dict(zip(INPUTS, arrays, strict=True)), **positions}, config)
    if arrays[0].shape[0] == 0:
        raise ValueError("Expected one row of tokens or more, got none.")


def _check_dtype(name, tensor):
    dtype = getattr(tensor, "dtype", "int32")
    dtype = getattr(dtype, "name", str(dtype)).removeprefix("torch.")
    if name == "padding_mask" and dtype.startswith(("bool", "float", "bfloat")):
        return
    if not dtype.startswith(("int", "uint")):
        raise ValueError(
            f"Expected {name} of an integer dtype, such as int32, got {dtype}. "
            f'Cast it: keras.ops.cast({name}, "int32"); a keras.Input of it has '
            'dtype="int32".'
        )


def _check_rank(name, tensor):
    shape = _shape_of(tensor)
    if shape is not None and len(shape) != 2:
        raise ValueError(
            f"Expected {name} of the shape [B, S], rows of tokens, got "
            f"{tuple(shape)}. One text is a batch of one row."
        )


def _check_shape(name, shape, expected):
    if shape is None or expected is None:
        return
    pairs = zip(shape, expected, strict=True)
    if any(None not in pair and pair[0] != pair[1] for pair in pairs):
        raise ValueError(
            f"Expected {name} of the shape of token_ids, {tuple(expected)}, got "
            f"{tuple(shape)}."
        )


def _shape_of(tensor):
    """Returns the shape of a tensor, or None for unknown rank."""
    shape = getattr(tensor, "shape", None)
    if shape is None or getattr(shape, "rank", 0) is None:  # of TensorFlow
        return None
    return tuple(shape)


def _check_range(name, inputs, size, meaning, remedy):
    values = _value(inputs[name])
    if values is None or not values.size:
        return
    within = values.min() >= 0 and values.max() < size
    if within and values.dtype.kind in "biu":
        return
    wrong = values.max() if values.max() >= size else values.min()
    if within:
        fractions = values[values != values.astype("int32")]
        if not fractions.size:
            return
        wrong = fractions[0]
    raise ValueError(
        f"Expected {name} from 0 to {size - 1} ({meaning}), got {wrong}. {remedy}"
    )


def _value(tensor):
    """Returns the value of a tensor, or None while tracing."""
    if tensor is None or isinstance(tensor, keras.KerasTensor):
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
