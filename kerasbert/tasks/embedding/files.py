"""Loading and saving of a `TextEmbedder` in the sentence-transformers layout."""

from kerasbert.account import Account
from kerasbert.checkpoints.sentence_transformers import (
    SentenceModules,
    lower_cased,
    read_sentence_modules,
    write_sentence_modules,
)
from kerasbert.checkpoints.sources import resolve
from kerasbert.models import load_encoder
from kerasbert.text import Tokenizer


def load_embedder(embedder_class, source, dtype=None, strict=False, **options):
    """Loads an embedder from a source."""
    given = {name: value for name, value in options.items() if value is not None}
    folder = resolve(source)
    modules = read_sentence_modules(folder, Account(strict))
    size = given.get("truncate_dim", modules.truncate_dim)
    if given.get("normalize") and size is not None:
        raise ValueError(
            f"normalize=True with truncate_dim={size} has two meanings: length 1 "
            "before the cut is what the model's own normalisation does, and for length "
            "1 after it there is encode(texts, normalize=True). Leave it out here."
        )
    encoder = load_encoder(folder / modules.encoder, strict, dtype=dtype)
    tokenizer = Tokenizer.from_pretrained(folder)
    if modules.lower_case:
        tokenizer = Tokenizer.from_config(lower_cased(tokenizer.config))
    if modules.max_length is not None:
        positions = encoder.config.max_position_embeddings
        given.setdefault("max_length", min(modules.max_length, positions))
    stated = {"pooling": modules.poolings, "normalize": modules.normalize}
    embedder = embedder_class(
        encoder,
        tokenizer,
        **{**stated, **given},
        prompts=modules.prompts,
        projections=modules.projections,
        include_prompt=modules.include_prompt,
        similarity_fn_name=modules.similarity_fn_name,
    )
    if "truncate_dim" not in given and modules.truncate_dim is not None:
        # A file may name more values than there are, which keeps all of them.
        embedder.truncate_dim = min(modules.truncate_dim, embedder.size)
    embedder.default_prompt = modules.default_prompt
    _set_projections(embedder.model.head, modules, folder)
    return embedder


def write_modules(embedder, folder, max_length=None):
    """Writes the modules after the encoder (sentence-transformers layout)."""
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


def _set_projections(head, modules, folder):
    """Assigns the weights of the layers between pooling and normalization."""
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
    """Returns the weights of a layer for `SentenceModules`."""
    arrays = layer.get_weights()
    if projection.get("use_bias") is False:
        arrays.insert(1, None)
    return tuple(arrays)
