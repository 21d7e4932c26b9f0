"""A `TextEmbedder` as a folder of sentence-transformers."""

import dataclasses

from kerasbert.checkpoints import write_checkpoint
from kerasbert.checkpoints.models import checkpoint_of
from kerasbert.checkpoints.sentence_transformers import (
    SentenceModules,
    write_sentence_modules,
)
from kerasbert.checkpoints.vocabulary import write_tokenizer
from kerasbert.files import new_folder


def write_embedder(embedder, folder, overwrite=False):
    """Writes a folder that sentence-transformers and kerasbert read.

    Args:
        embedder: The `TextEmbedder`.
        folder: The folder to make.
        overwrite: Whether a folder that exists is replaced.
    """
    checkpoint = dataclasses.replace(checkpoint_of(embedder.encoder), folder=None)
    with new_folder(folder, overwrite=overwrite) as partial:
        write_checkpoint(checkpoint, partial)
        write_tokenizer(embedder.tokenizer.config, partial, "huggingface")
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
        projection_weights=tuple(
            (*dense.get_weights(), None)[:2] for dense in head.dense_layers
        ),
        normalize=head.normalize,
        max_length=max_length or embedder.max_length,
        prompts=embedder.prompts,
        default_prompt=embedder.default_prompt,
    )
    write_sentence_modules(modules, folder, embedder.encoder.config.hidden_size)
