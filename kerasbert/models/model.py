"""Overridden methods of `keras.Model`."""

import functools
import os
import warnings
from typing import Any

import keras

from kerasbert.models.inputs import check_arrays, check_inputs, chosen_inputs
from kerasbert.models.loading import Pretrained
from kerasbert.models.quantization import (
    check_mode,
    is_chosen,
    quantize_again,
    quantized_layers,
    record_of_quantization,
)
from kerasbert.processes import check_process


def _with_checked_arrays(name):
    """Wraps a method of `keras.Model` to validate its arrays."""
    method = getattr(keras.Model, name)

    @functools.wraps(method)
    def checked(self, x=None, *args, **kwargs):
        check_process()
        check_arrays(x, self.config)
        return method(self, x, *args, **kwargs)

    return checked


class Model(Pretrained, keras.Model):
    """A functional model of an encoder's inputs.

    The public methods of `keras.Model` work, or are refused with what to do instead.
    """

    fit = _with_checked_arrays("fit")
    evaluate = _with_checked_arrays("evaluate")
    predict = _with_checked_arrays("predict")
    train_on_batch = _with_checked_arrays("train_on_batch")
    test_on_batch = _with_checked_arrays("test_on_batch")
    predict_on_batch = _with_checked_arrays("predict_on_batch")

    def __new__(cls, *args, **kwargs):
        check_process()
        return super().__new__(cls, *args, **kwargs)

    def __call__(self, *args, **kwargs):
        check_process()
        return super().__call__(*args, **kwargs)

    def call(self, inputs, training=None, mask=None):
        return super().call(self.checked(inputs), training=training, mask=mask)

    def checked(self, inputs: Any) -> dict[str, Any]:
        """Selects and validates the inputs of the model."""
        inputs = chosen_inputs(inputs, self.input)
        check_inputs(inputs, self.config)
        return inputs

    def quantize(
        self,
        mode: str | None = None,
        config: Any = None,
        filters: Any = None,
        **kwargs: Any,
    ) -> None:
        """Quantizes the dense layers and embedding tables in place.

        Args:
            mode: `"int8"` or `"float8"`, as in `keras.Model.quantize`.
            config: As there.
            filters: As there.
            **kwargs: As there.

        Raises:
            ValueError: If there is no such mode, it needs calibration, or it is too
                coarse for an encoder.
        """
        check_process()
        mode = check_mode(mode, config)
        with warnings.catch_warnings():
            if mode == "float8":  # which has nothing for tables
                warnings.filterwarnings("ignore", "Invalid quantization mode")
            chosen = functools.partial(is_chosen, filters=filters)
            super().quantize(mode, config=config, filters=chosen, **kwargs)

    def export(
        self,
        filepath: str | os.PathLike,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> str:
        """Writes a SavedModel that takes token ids.

        Its signature has the inputs of the model and each output by its name; hidden
        states are `hidden_states_0` to `hidden_states_L`. An export that takes text is
        that of a task: `kerasbert.TextEmbedder.export` and others.

        Args:
            filepath: The folder to write.
            format: `"tf_saved_model"`.
            verbose: As in `keras.Model.export`.
            input_signature: As there.
            **kwargs: As there.

        Returns:
            The folder, a string.

        Raises:
            ValueError: If the format is another one, or the backend is not TensorFlow.
        """
        check_process()
        if format != "tf_saved_model":
            raise ValueError(
                f'Expected the format "tf_saved_model", got {format!r}. Text to '
                "vectors leaves for LiteRT by kerasbert.TextEmbedder.export(folder, "
                'format="litert"), weights for others by save_pretrained.'
            )
        check_exports()
        flat = keras.Model(self.input, _flat(self.output), name=self.name)
        flat.export(
            filepath,
            format=format,
            verbose=verbose,
            input_signature=input_signature,
            **kwargs,
        )
        return str(filepath)

    def save(
        self,
        filepath: str | os.PathLike,
        overwrite: bool = True,
        zipped: Any = None,
        **kwargs: Any,
    ) -> None:
        if str(filepath).endswith((".h5", ".hdf5")):
            raise ValueError(
                f"Expected a file that ends in .keras, got {str(filepath)[-60:]!r}: "
                "HDF5 keeps no names of packages. save_weights writes a .weights.h5."
            )
        super().save(filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_pretrained(
        self,
        folder: str | os.PathLike,
        format: str = "huggingface",
        overwrite: bool = False,
        bits: int | dict[str, int] | None = None,
    ) -> None:
        self.check_floating()
        super().save_pretrained(folder, format, overwrite, bits)

    def check_floating(self) -> None:
        """Raises a `ValueError` if layers are quantized to integers."""
        for layer in quantized_layers(self):
            if layer.quantization_mode != "float8":
                raise ValueError(
                    "Expected a model in floating point, got one with layers in "
                    f"{layer.quantization_mode}, which other projects do not read. "
                    'save("model.keras") keeps it; or load the model anew.'
                )

    def add_loss(self, loss: Any) -> None:
        raise NotImplementedError(
            "Expected no add_loss: a functional model has none in Keras 3. Put a layer "
            "that calls its own add_loss on encoder.output, or pass "
            "compile(loss=...) a function."
        )

    def add_weight(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            "Expected no add_weight or add_variable: a functional model has the "
            "weights of its layers, and loses others when it is saved. Add them in a "
            "layer that is called on an output of the model."
        )

    add_variable = add_weight

    def get_state_tree(self, value_format: Any = "backend_tensor") -> dict:
        self._check_compiled("get_state_tree")
        return super().get_state_tree(value_format)

    def set_state_tree(self, state_tree: Any) -> Any:
        self._check_compiled("set_state_tree")
        super().set_state_tree(state_tree)

    def _check_compiled(self, name):
        if not self.compiled:
            raise ValueError(
                f"Expected a compiled model for {name}, whose tree holds the optimizer "
                "and metrics. Call compile(optimizer, loss) first; get_weights works "
                "without."
            )

    @property
    def dtype_policy(self) -> Any:
        """The dtype policy, which is chosen when a model is made."""
        return keras.Model.dtype_policy.fget(self)

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> Any:
        policy = keras.dtype_policies.get(value)
        if not hasattr(self, "config"):
            keras.Model.dtype_policy.fset(self, policy)
        elif policy != self.dtype_policy:
            raise ValueError(
                f"Expected the dtype policy {self.dtype_policy.name}, with which the "
                f"layers were made, got {policy.name}. Choose it when the model is "
                f'made: from_pretrained(source, dtype="{policy.name}").'
            )

    def build_from_config(self, config: Any) -> Any:
        pass  # a functional model is built when it is made

    def _config(self, **config):
        """Returns the config of a model, with its quantized layers."""
        record = record_of_quantization(self)
        return {**config, "quantization": record} if record else config

    @classmethod
    def _record_of(cls, config):
        """Pops the record of quantized layers from a config."""
        return config.pop("quantization", ())

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        record = cls._record_of(config)
        model = cls._from_config(config)
        quantize_again(model, record)
        return model


def check_exports():
    """Raises an error if the backend is not TensorFlow."""
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ValueError(
            "Expected the TensorFlow backend, whose graph a SavedModel holds, got "
            f"{backend}. Save the model, a task with save(folder), and export it in a "
            'process with KERAS_BACKEND="tensorflow".'
        )


def _flat(outputs):
    """Flattens outputs to a dictionary; lists get numbered names."""
    flat = {}
    for name, output in outputs.items():
        if isinstance(output, list | tuple):
            flat |= {f"{name}_{i}": tensor for i, tensor in enumerate(output)}
        else:
            flat[name] = output
    return flat
