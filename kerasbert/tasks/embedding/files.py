"""A `TextEmbedder` as a folder of sentence-transformers."""

from kerasbert.checkpoints.sentence_transformers import (
    SentenceModules,
    write_sentence_modules,
)
from kerasbert.tasks.task_files import new_model_folder


def write_embedder(embedder, folder, overwrite=False):
    """Writes a folder that sentence-transformers and kerasbert read.

    Args:
        embedder: The `TextEmbedder`.
        folder: The folder to make.
        overwrite: Whether a folder that exists is replaced.
    """
    encoder, tokenizer = embedder.encoder, embedder.tokenizer
    with new_model_folder(encoder, tokenizer, folder, overwrite) as partial:
        write_modules(embedder, partial)


def write_modules(embedder, folder, max_length=None):
    """Writes what an embedder does beside encoder and tokenizer into their folder.

    Args:
        embedder: The `TextEmbedder`.
        folder: The folder of the encoder.
        max_length: The longest text in tokens; by default the embedder's.
    """
    head = embedder.model.head
    modules = SentenceModules(
        poolings=tuple(head.poolings),
        projections=tuple(head.projections),
        projection_weights=tuple(map(_weights_of, head.projections, head.dense_layers)),
        normalize=head.normalize,
        max_length=max_length or embedder.max_length,
        prompts=embedder.prompts,
        default_prompt=embedder.default_prompt,
        include_prompt=head.include_prompt,
        similarity_fn_name=embedder.similarity_fn_name,
        truncate_dim=embedder.truncate_dim,
    )
    write_sentence_modules(modules, folder, embedder.encoder.config.hidden_size)


def set_projections(head, modules, folder):
    """Fills the layers between pooling and normalisation.

    Args:
        head: A `kerasbert.layers.SentenceHead`, which is built.
        modules: The `SentenceModules` that it is of.
        folder: Where they are from, for the message.

    Raises:
        ValueError: If the arrays are not of the shapes of the head's weights.
    """
    for layer, arrays in zip(
        head.dense_layers, modules.projection_weights, strict=True
    ):
        arrays = [array for array in arrays if array is not None]
        shapes = [tuple(weight.shape) for weight in layer.weights]
        if shapes != [array.shape for array in arrays]:
            raise ValueError(
                f"Expected weights {shapes} of a layer beside the pooling "
                f"{' and '.join(head.poolings)}, got "
                f"{[array.shape for array in arrays]} in {folder}: the pooling, or "
                "the encoder, is not that of the layer."
            )
        layer.set_weights(arrays)


def _weights_of(projection, layer):
    """The arrays of a layer, as `SentenceModules` has them."""
    arrays = layer.get_weights()
    if projection.get("use_bias") is False:
        arrays.insert(1, None)
    return tuple(arrays)
