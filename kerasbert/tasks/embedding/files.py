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
    head = embedder.model.head
    modules = SentenceModules(
        poolings=tuple(head.poolings),
        projections=tuple(head.projections),
        projection_weights=tuple(
            (*dense.get_weights(), None)[:2] for dense in head.dense_layers
        ),
        normalize=head.normalize,
        max_length=embedder.max_length,
        prompts=embedder.prompts,
        default_prompt=embedder.default_prompt,
    )
    checkpoint = dataclasses.replace(checkpoint_of(embedder.encoder), folder=None)
    with new_folder(folder, overwrite=overwrite) as partial:
        write_checkpoint(checkpoint, partial)
        write_tokenizer(embedder.tokenizer.config, partial, "huggingface")
        write_sentence_modules(modules, partial)
