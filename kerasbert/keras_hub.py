"""Converts live KerasHub objects to kerasbert's, and back.

An object passes through a preset in a temporary folder, so that every weight takes the
same name tables and the same checks as a preset that was published.
"""

import contextlib
import pathlib
import tempfile
import warnings

from kerasbert.files import read_json

__all__ = ["from_keras_hub", "to_keras_hub"]

TASKS = ("TextClassifier", "MaskedLM", "TextEmbedder")  # of one name in both


def from_keras_hub(source):
    """Converts a live backbone, task or tokenizer of KerasHub.

    Args:
        source: The object; its weights are copied as they are now.

    Returns:
        For a backbone the encoder; for a tokenizer a `kerasbert.Tokenizer`; for a
        `TextClassifier`, `MaskedLM` or `TextEmbedder` with a preprocessor the task of
        that name in `kerasbert`, and for one without the model in `kerasbert.models`.
        The text pipeline is BERT's own, which differs from KerasHub's for some texts.

    Raises:
        TypeError: If the object is none of these.
        ValueError: If kerasbert has no such family, or computes it differently.

    Example:
        encoder = kerasbert.from_keras_hub(
            keras_hub.models.BertBackbone.from_preset("bert_base_en")
        )
    """
    import kerasbert
    from kerasbert import models

    hub = _keras_hub()
    with _folder() as folder:
        if isinstance(source, hub.tokenizers.Tokenizer):
            source.save_to_preset(str(folder))
            return kerasbert.Tokenizer.from_pretrained(folder)
        if isinstance(source, hub.models.Backbone):
            source.save_to_preset(str(folder))
            return models.load_encoder(folder, dtype=source.dtype_policy)
        for name in TASKS:
            if isinstance(source, getattr(hub.models, name)):
                source.save_to_preset(str(folder))
                dtype = source.backbone.dtype_policy
                if source.preprocessor is None:
                    return models.load_model(folder, dtype=dtype)
                return getattr(kerasbert, name).from_pretrained(folder, dtype=dtype)
    raise TypeError(
        "Expected a backbone, a tokenizer, or a task of KerasHub among "
        f"{', '.join(TASKS)}, got {type(source).__name__}."
    )


def to_keras_hub(source):
    """Converts an encoder, a model with a head, a task or a tokenizer to KerasHub's.

    Args:
        source: An encoder, a `SequenceClassificationModel` or `MaskedLMModel`; a
            `kerasbert.TextClassifier`, `MaskedLM` or `TextEmbedder`; or a
            `kerasbert.Tokenizer`. Weights are copied as they are now.

    Returns:
        The backbone, task (without a preprocessor where the source has no tokenizer)
        or tokenizer of `keras_hub`.

    Raises:
        TypeError: If KerasHub has no such class.
        ValueError: If KerasHub's class cannot hold the model.

    Example:
        backbone = kerasbert.to_keras_hub(kerasbert.load_encoder("bert_base_uncased"))
    """
    import kerasbert
    from kerasbert import models
    from kerasbert.checkpoints import convert
    from kerasbert.checkpoints.vocabulary import write_tokenizer

    hub = _keras_hub()
    theirs = {
        models.SequenceClassificationModel: hub.models.TextClassifier,
        models.MaskedLMModel: hub.models.MaskedLM,
    }
    with _folder() as folder:
        preset = folder / "preset"
        if isinstance(source, kerasbert.Tokenizer):
            preset.mkdir()
            write_tokenizer(source.config, preset, "keras_hub")
            return _tokenizer(preset)
        for name in TASKS:
            if isinstance(source, getattr(kerasbert, name)):
                source.save(folder / "task")
                convert(folder / "task", preset, "keras_hub")
                task = getattr(hub.models, name).from_preset(
                    str(preset), dtype=source.encoder.dtype_policy
                )
                if task.preprocessor is None:
                    task.preprocessor = task.preprocessor_cls(
                        _tokenizer(preset), sequence_length=source.max_length
                    )
                return task
        if isinstance(source, models.Encoder):
            source.save_pretrained(preset, format="keras_hub")
            dtype = source.dtype_policy
            return hub.models.Backbone.from_preset(str(preset), dtype=dtype)
        if type(source) in theirs:
            source.save_pretrained(preset, format="keras_hub")
            return theirs[type(source)].from_preset(
                str(preset), preprocessor=None, dtype=source.dtype_policy
            )
    raise TypeError(
        "Expected what KerasHub has a class for: an encoder, a classifier of texts, a "
        f"masked language model, an embedder or a tokenizer; got "
        f"{type(source).__name__}."
    )


def _tokenizer(preset):
    import keras

    made = keras.saving.deserialize_keras_object(read_json(preset / "tokenizer.json"))
    made.load_assets(str(preset / "assets" / "tokenizer"))
    return made


@contextlib.contextmanager
def _folder():
    with (
        tempfile.TemporaryDirectory(prefix="kerasbert-") as folder,
        warnings.catch_warnings(),
    ):
        # KerasHub compiles its tasks, and misses the optimizer's state in the preset.
        warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
        yield pathlib.Path(folder)


def _keras_hub():
    try:
        import keras_hub
    except ImportError as error:
        raise ImportError(
            "Converting live objects needs keras-hub: pip install keras-hub."
        ) from error
    return keras_hub
