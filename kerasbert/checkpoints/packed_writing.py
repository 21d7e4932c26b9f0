"""Writing of packed weights."""

import json

import numpy as np

from kerasbert.account import Account
from kerasbert.checkpoints import huggingface
from kerasbert.checkpoints.tensor_files import read_safetensors, write_safetensors
from kerasbert.packed.matrices import METADATA, packed
from kerasbert.packed.rounding import bits_of, check_parts, checked_bits

PLAIN_FILE = "model.safetensors"
FILE = "packed.safetensors"  # a name that other projects do not look for


def pack_folder(folder, bits):
    """Packs the weights of a Hugging Face folder, in place.

    Kernels and embedding tables are rounded to integers with a scale a row, which is a
    column of our kernels; biases and layer normalizations stay float32. Weights that
    were read from a packed folder, and not trained since, do not change. The file has
    another name: other projects would take its tensors for missing ones.

    Args:
        folder: A folder that `huggingface.write` wrote.
        bits: Bits of all of them, from 4 to 8; or of those whose paths have a part,
            such as `{"token_embedding": 4, "kernel": 6}`.

    Raises:
        ValueError: If there is no such number of bits, or no weight with such a path.
    """
    bits = checked_bits(bits)
    used = huggingface.read(folder, Account()).ledger.used
    check_parts(bits, [entry.variable for entry in used])
    of = {entry.name: bits_of(entry.variable, bits) for entry in used}
    stored = read_safetensors(folder / PLAIN_FILE)
    tensors, described = {}, {}
    for name in stored.shapes:
        array = stored.read(name)
        if of.get(name) is None:
            tensors[name] = array
        elif not np.isfinite(array).all():
            raise ValueError(
                f"Expected finite weights to pack, got some in {name} that are not. "
                "Did the training diverge? Without bits they are saved as they are."
            )
        else:
            found, described[name] = packed(name, array, of[name])
            tensors |= found
    metadata = {"format": "pt", METADATA: json.dumps(described)}
    write_safetensors(tensors, folder / FILE, metadata)
    (folder / PLAIN_FILE).unlink()
