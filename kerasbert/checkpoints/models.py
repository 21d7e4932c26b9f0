"""From a checkpoint to a model, and back."""

import functools
import hashlib
import warnings

import keras
import numpy as np

from kerasbert import models
from kerasbert.account import Account
from kerasbert.checkpoints.checkpoint import Checkpoint
from kerasbert.checkpoints.containers import read_checkpoint, write_checkpoint
from kerasbert.checkpoints.inspect import read_beside
from kerasbert.checkpoints.ledger import Ledger
from kerasbert.checkpoints.sources import resolve
from kerasbert.checkpoints.variables import HEADS
from kerasbert.config import AlbertConfig

# The heads of each model; the first whose heads a checkpoint has is the one it holds.
MODELS = {
    models.PretrainingModel: ("masked_lm_head", "pair_head"),
    models.MaskedLMModel: ("masked_lm_head",),
    models.SentencePairModel: ("pair_head",),
    models.TokenClassificationModel: ("classification_head",),
    models.SequenceClassificationModel: ("classification_head",),
    models.QuestionAnsweringModel: ("span_head",),
}
WITHOUT_POOLER = (
    models.MaskedLMModel,
    models.TokenClassificationModel,
    models.QuestionAnsweringModel,
)


def load(model_class, source, strict=False, **kwargs):
    """Loads a model from a source.

    Args:
        model_class: A class of `kerasbert.models`; `Encoder` for BERT or ALBERT,
            whichever it is; None for the model whose heads the checkpoint has.
        source: As in `BertEncoder.from_pretrained`.
        strict: As there.
        **kwargs: `dtype` of the encoder, `name` of the model.

    Returns:
        The model.

    Raises:
        FileNotFoundError: If there is no such source.
        ValueError: If the checkpoint is broken, or lacks what the model needs.
    """
    folder = resolve(source)
    account = Account(strict)
    checkpoint = read_checkpoint(folder, account=account)
    if strict:
        read_beside(folder, account, checkpoint.config)
    if model_class is None:
        model_class = _class_of(checkpoint)
    model = _build(model_class, checkpoint, **kwargs)
    if not checkpoint.has_pooler:
        encoder = getattr(model, "encoder", model)
        encoder.untrained_pooler = fingerprint(encoder.pooler)
    if not checkpoint.has_pooler and not isinstance(model, WITHOUT_POOLER):
        message = (
            f"{checkpoint.folder} has no pooler: pooled_output is untrained, and "
            "random. sequence_output is as published."
        )
        if strict:
            raise ValueError(message)
        warnings.warn(message, stacklevel=3)
    for path, variable in variables_of(model).items():
        if path in checkpoint.weights:
            variable.assign(checkpoint.weights[path]())
    model.source_folder = checkpoint.folder
    return model


def save(model, folder, format="huggingface", overwrite=False):
    """Writes a model in a container.

    Args:
        model: A model of `kerasbert.models`.
        folder: As in `write_checkpoint`.
        format: As there.
        overwrite: As there.
    """
    write_checkpoint(checkpoint_of(model), folder, format, overwrite)


def checkpoint_of(model):
    """The checkpoint that a model is.

    Args:
        model: A model of `kerasbert.models`.

    Returns:
        A `Checkpoint` with the model's weights as they are now. A pooler that the
        model's own checkpoint lacked is left out until it has been trained.
    """
    weights = {
        path: functools.partial(_value, variable)
        for path, variable in variables_of(model).items()
    }
    weights |= _merged_lora(model)
    heads = tuple(h for h in HEADS if any(path.startswith(h) for path in weights))
    checkpoint = Checkpoint(
        container="model",
        folder=getattr(model, "source_folder", None),
        config=model.config,
        weights=weights,
        heads=heads,
        has_pooler=True,
        ledger=Ledger(()),
        labels=tuple(getattr(model, "labels", ())),
        token_labels=isinstance(model, models.TokenClassificationModel),
        head_dropout=getattr(model, "dropout", 0.1),
        score_activation=getattr(model, "score_activation", None),
        masked_lm=_masked_lm(model),
    )
    encoder = getattr(model, "encoder", model)
    if getattr(encoder, "untrained_pooler", None) == fingerprint(encoder.pooler):
        return checkpoint.without_pooler()
    return checkpoint


def variables_of(model):
    """The variables of a model by the paths of `kerasbert.checkpoints.variables`.

    Args:
        model: A model of `kerasbert.models`.

    Returns:
        A dictionary from path to `keras.Variable`.
    """
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


def _build(model_class, checkpoint, dtype=None, name=None):
    names = {} if name is None else {"name": name}
    is_encoder = issubclass(model_class, models.Encoder)
    encoder_class = _encoder_class(checkpoint)
    if is_encoder:
        if not issubclass(encoder_class, model_class):
            raise ValueError(
                f"{checkpoint.folder} holds an encoder of {encoder_class.__name__}, "
                f"not {model_class.__name__}. Load it with kerasbert.load_encoder, "
                "which takes either."
            )
        return encoder_class(checkpoint.config, dtype=dtype, **names)

    aside = [head for head in MODELS[model_class] if head in checkpoint.set_aside]
    if aside:
        raise ValueError(
            f"{checkpoint.folder} has a {aside[0]} that cannot be computed: "
            f"{checkpoint.set_aside[aside[0]]}. Its encoder can be: load it with "
            "kerasbert.load_encoder."
        )
    lacking = [head for head in MODELS[model_class] if head not in checkpoint.heads]
    if lacking:
        raise ValueError(
            f"{checkpoint.folder} has no {' and no '.join(lacking)} (it has "
            f"{', '.join(checkpoint.heads) or 'no head'}). To train one, make "
            f"{model_class.__name__}(encoder, ...) of its encoder."
        )
    encoder = encoder_class(checkpoint.config, dtype=dtype)
    if model_class is models.SequenceClassificationModel:
        names["score_activation"] = checkpoint.score_activation
        if checkpoint.other_head or checkpoint.token_labels:
            head = checkpoint.other_head or "a classifier of tokens"
            raise ValueError(
                f"Expected a classifier of texts in {checkpoint.folder}, got the head "
                f"of {head}. To train one, make SequenceClassificationModel(encoder, "
                "labels) of its encoder."
            )
    if model_class is models.TokenClassificationModel and not checkpoint.token_labels:
        head = checkpoint.other_head or "a classifier of texts"
        raise ValueError(
            f"Expected a classifier of tokens in {checkpoint.folder}, got the head of "
            f"{head}. To train one, make TokenClassificationModel(encoder, labels) of "
            "its encoder."
        )
    if "classification_head" in MODELS[model_class]:
        names |= {"labels": checkpoint.labels, "dropout": checkpoint.head_dropout}
    if model_class is models.MaskedLMModel:
        names |= checkpoint.masked_lm
    return model_class(encoder, **names)


def _encoder_class(checkpoint):
    is_albert = isinstance(checkpoint.config, AlbertConfig)
    return models.AlbertEncoder if is_albert else models.BertEncoder


def _class_of(checkpoint):
    for head, why in checkpoint.set_aside.items():
        raise ValueError(
            f"{checkpoint.folder} has a {head} that cannot be computed: {why}. Name "
            "the model that is wanted, or load the encoder alone with "
            "kerasbert.load_encoder."
        )
    for model_class, heads in MODELS.items():
        if set(heads) <= set(checkpoint.heads):
            of_tokens = model_class is models.TokenClassificationModel
            if "classification_head" in heads and (
                checkpoint.other_head or of_tokens != checkpoint.token_labels
            ):
                continue
            return model_class
    return _encoder_class(checkpoint)


def _masked_lm(model):
    """What a masked LM head computes otherwise than its encoder."""
    given = {name: getattr(model, name, None) for name in ("activation", "epsilon")}
    return {name: value for name, value in given.items() if value}


def fingerprint(layer):
    """A digest of a layer's weights, which training changes.

    Args:
        layer: A layer that is built.
    """
    digest = hashlib.sha256()
    for variable in layer.weights:
        digest.update(np.ascontiguousarray(_value(variable)).tobytes())
    return digest.hexdigest()


def _value(variable):
    return keras.ops.convert_to_numpy(keras.ops.cast(variable.value, "float32"))


def _merged_lora(model):
    """The weights of layers with low-rank updates, the updates added."""
    paths = {id(variable): path for path, variable in variables_of(model).items()}
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
