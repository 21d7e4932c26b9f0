"""Quantized models in their configs."""

import re

import keras

MODES = ("int8", "float8")
CALIBRATED = ("gptq", "awq")


def check_mode(mode, config):
    """Validates the mode of a quantization."""
    mode = getattr(config, "mode", None) if mode is None else mode
    if mode in CALIBRATED:
        raise ValueError(
            f"Expected a mode among {', '.join(MODES)}, got {mode}: its calibration "
            "runs blocks of decoders one after the other, without a padding mask and "
            'without [CLS]. quantize("int8") needs none, and a SavedModel is '
            'calibrated by export(folder, precision="int8").'
        )
    if mode == "int4":
        raise ValueError(
            f"Expected a mode among {', '.join(MODES)}, got int4, which turns vectors "
            "of tokens away from those of float32 (in MiniLM to a cosine of 0.92, int8 "
            'to 0.99). Take quantize("int8").'
        )
    if mode not in MODES:
        raise ValueError(f"Expected a mode among {', '.join(MODES)}, got {mode!r}.")
    return mode


def quantizable_layers(model):
    """Returns the layers that Keras can quantize, in order."""
    return [
        layer
        for layer in model._flatten_layers(include_self=False)
        if type(layer) in (keras.layers.Dense, keras.layers.Embedding)
    ]


def is_chosen(layer, filters):
    """Whether a layer can be quantized and passes the filters."""
    if type(layer) not in (keras.layers.Dense, keras.layers.Embedding):  # as Keras
        return False
    if filters is None or callable(filters):
        return filters is None or bool(filters(layer))
    filters = [filters] if isinstance(filters, str) else filters
    return any(re.search(expression, layer.name) for expression in filters)


def quantized_layers(model):
    """Returns the quantized layers."""
    return [layer for layer in quantizable_layers(model) if layer.quantization_mode]


def record_of_quantization(model):
    """Returns which layers are quantized and how, for a config."""
    return [
        [
            number,
            layer.quantization_mode,
            keras.saving.serialize_keras_object(layer.quantization_config),
        ]
        for number, layer in enumerate(quantizable_layers(model))
        if layer.quantization_mode
    ]


def quantize_again(model, record):
    """Quantizes the layers of a new model according to a record."""
    layers = quantizable_layers(model) if record else []
    for number, mode, config in record:
        if layers[number].quantization_mode is None:  # else the encoder did it
            config = keras.saving.deserialize_keras_object(config)
            layers[number].quantize(mode, config=config)
