"""Conversion between models and checkpoints."""

import functools
import hashlib
import os
import warnings
from typing import Any, Self

import keras
import numpy as np

from kerasbert.account import Account
from kerasbert.checkpoints.checkpoint import Checkpoint
from kerasbert.checkpoints.containers import read_checkpoint, write_checkpoint
from kerasbert.checkpoints.inspect import read_beside
from kerasbert.checkpoints.ledger import Ledger
from kerasbert.checkpoints.sources import resolve


class Pretrained:
    """A model that loads and saves published weights."""

    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike | Checkpoint,
        strict: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Loads published weights.

        Args:
            source: A folder with a checkpoint in any container, `hf://org/name`,
                `kaggle://...`, `https://tfhub.dev/...` or a name of the zoo; or a
                `kerasbert.checkpoints.Checkpoint` that was read before.
            strict: Refuse what is otherwise warned about: unknown configuration keys,
                and a pooler that the model needs and the checkpoint does not have.
            **kwargs: `dtype`, a dtype policy such as `"mixed_bfloat16"`, and `name`.
                Encoders also take `add_pooler`; by default they have a pooler if the
                checkpoint has one.

        Raises:
            FileNotFoundError: If there is no such source.
            ValueError: If the checkpoint is broken, does not match its configuration
                or holds another kind of model.
        """
        checkpoint = read_source(source, strict)
        model = cls.from_checkpoint(checkpoint, **kwargs)
        encoder = getattr(model, "encoder", model)
        if encoder.pooler is not None and not checkpoint.has_pooler:
            message = (
                f"{checkpoint.folder} has no pooler: pooled_output is untrained, and "
                "random. sequence_output is as published."
            )
            if strict:
                raise ValueError(message)
            warnings.warn(message, stacklevel=2)
        assign_weights(model, checkpoint)
        model.source_folder = checkpoint.folder
        return model

    def save_pretrained(
        self,
        folder: str | os.PathLike,
        format: str = "huggingface",
        overwrite: bool = False,
        bits: int | dict[str, int] | None = None,
    ) -> None:
        """Saves config and weights in the format of another library.

        Args:
            folder: The folder to make.
            format: `"huggingface"`, `"google_tf1"` or `"keras_hub"`.
            overwrite: Whether a folder that exists is replaced.
            bits: Rounds kernels and embedding tables to so many bits, from 4 to 8, and
                packs them; or those whose paths have a part, as in
                `{"token_embedding": 4, "kernel": 6}`. The format is `"huggingface"`,
                and kerasbert alone reads it; `convert` makes it float32 again.

        Raises:
            FileExistsError: If the folder exists and `overwrite` is not given.
            ValueError: If the format cannot hold this model.
        """
        write_checkpoint(checkpoint_of(self), folder, format, overwrite, bits=bits)

    def checkpoint_fields(self) -> dict[str, Any]:
        """Returns the `Checkpoint` fields of this model besides weights."""
        return {}


def read_source(source, strict=False):
    """Reads the `Checkpoint` of a source; strict checks the files beside it."""
    if isinstance(source, Checkpoint):
        return source
    folder = resolve(source)
    account = Account(strict)
    checkpoint = read_checkpoint(folder, account=account)
    if strict:
        read_beside(folder, account, checkpoint.config)
    return checkpoint


def assign_weights(model, checkpoint):
    """Assigns the weights of a `Checkpoint` to a model."""
    for path, variable in variables_of(model).items():
        if path in checkpoint.weights:
            variable.assign(checkpoint.weights[path]())


def checkpoint_of(model):
    """Converts a model to a checkpoint."""
    weights = {
        path: functools.partial(_value, variable)
        for path, variable in variables_of(model).items()
    }
    weights |= merged_lora(model, variables_of(model))
    return Checkpoint(
        container="model",
        folder=getattr(model, "source_folder", None),
        config=model.config,
        weights=weights,
        heads=getattr(model, "heads", ()),
        has_pooler=getattr(model, "encoder", model).pooler is not None,
        ledger=Ledger(()),
        **model.checkpoint_fields(),
    )


def variables_of(model):
    """Maps `Checkpoint` paths to the variables of a model."""
    encoder = getattr(model, "encoder", model)
    layers = [*encoder.layers, *(layer for layer in model.layers if layer != encoder)]
    variables = {}
    for layer in layers:
        for variable in layer.weights:
            # The scopes in which the model was built are none of its own.
            _, _, path = f"/{variable.path}".partition(f"/{layer.name}/")
            if path:
                variables[f"{layer.name}/{path}"] = variable
    return {path: v for path, v in variables.items() if "/lora_" not in path}


def fingerprint(layer):
    """Returns a digest of the weights of a layer."""
    digest = hashlib.sha256()
    for variable in layer.weights:
        digest.update(np.ascontiguousarray(_value(variable)).tobytes())
    return digest.hexdigest()


def _value(variable):
    return keras.ops.convert_to_numpy(keras.ops.cast(variable.value, "float32"))


def merged_lora(model, variables):
    """Returns the weights of layers with their LoRA updates merged, by path.

    `variables` are the model's, by path.
    """
    paths = {id(variable): path for path, variable in variables.items()}
    merged = {}
    for layer in model._flatten_layers(include_self=False):
        if not getattr(layer, "lora_enabled", False):
            continue
        if isinstance(layer, keras.layers.Embedding):
            variable, value = layer._embeddings, layer.embeddings
        else:
            variable, value = layer._kernel, layer.kernel
        merged[paths[id(variable)]] = functools.partial(
            keras.ops.convert_to_numpy, value
        )
    return merged
