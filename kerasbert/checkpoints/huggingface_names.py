"""Tensor names in files of transformers, and of libraries that wrap its models.

A training script keeps a model under a name of its own, such as `model.`, and torch
adds some, such as `_orig_mod.` or `module.`. They are taken away by name: where two
encoders stand in one file, nothing is chosen.
"""

import dataclasses
import re

import numpy as np

from kerasbert.account import listed, quoted
from kerasbert.checkpoints.checkpoint import StoredTensors
from kerasbert.checkpoints.names import FAMILIES, titles

# What torch puts around modules, anywhere in a name, when it compiles or divides them.
TRANSPARENT = re.compile(
    r"(?<![^.])(?:_orig_mod|module|_fsdp_wrapped_module|_checkpoint_wrapped_module)\."
)
OLD_NAMES = [
    (re.compile(r"(LayerNorm|layer_norm)\.gamma$"), r"\1.weight"),
    (re.compile(r"(LayerNorm|layer_norm)\.beta$"), r"\1.bias"),
]
# Names of an encoder in a larger model, and of models that hold one.
ENCODER_NAMES = (
    *(name for f in FAMILIES for name in (f.name, f"{f.name}_model")),
    *(
        "encoder",
        "auto_model",
        "backbone",
        "transformer",
        "text_encoder",
        "base_model",
        "text_model",
    ),
)
MODEL_NAMES = ("model", "net", "network", "pl_module", "classifier_model", "hf_model")
OTHER_FAMILIES = (
    *("roberta", "xlm_roberta", "camembert", "electra", "deberta"),
    *("mpnet", "layoutlm", "ernie", "nezha", "mobilebert", "funnel", "xlnet", "esm"),
)
# Wherever they stand, the encoder computes something else with them.
CHANGES_ENCODER = re.compile(
    r"(^|[._])(lora|loha|lokr|ia3|vera|adapters?|prefix_encoder|prompt_encoder"
    r"|relative_attention|distance_embedding|parametrizations|base_layer|quant_state"
    r"|absmax|qweight|qzeros)([._]|$)",
    re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True)
class NamedTensors:
    """The tensors of a file, renamed to those of the name tables.

    Args:
        stored: The `StoredTensors`.
        own_names: From the table's names to those in the file.
        prefix: What the encoder stands under in the file.
        inside: The names of tensors that stand with the encoder's.
        parts: What the names of the encoder's own begin with.
    """

    stored: StoredTensors
    own_names: dict
    prefix: str
    inside: frozenset
    parts: tuple

    def is_encoders(self, name):
        """Whether an unlisted tensor must belong to the encoder."""
        parts = name.startswith(self.parts) or name in self.inside
        return parts or bool(CHANGES_ENCODER.search(self.own_names.get(name, name)))


def canonical_names(stored, file, account, family):
    """Renames tensors to the names of the tables."""
    plain = {own_name: _plain(own_name) for own_name in stored.shapes}
    prefix = _prefix(plain.values(), file, account, family)
    names = family.huggingface
    last = prefix.rstrip(".").rpartition(".")[-1]
    outer = prefix.removesuffix(f"{last}.") if last in ENCODER_NAMES else prefix
    own_names, inside = {}, set()
    for own_name, name in plain.items():
        within = name.startswith(prefix)
        name = name.removeprefix(prefix if within else outer)
        if name in own_names:
            raise ValueError(
                f"{file} has {listed([own_name])} beside {listed([own_names[name]])}: "
                "two names of one variable. Keep one of them."
            )
        if not within and name.startswith(names.parts):
            raise ValueError(
                f"{file} has {listed([own_name])} beside an encoder under {prefix}: "
                "it is not told whether it is a part of that encoder. Save the encoder "
                "alone."
            )
        own_names[name] = own_name
        if within and last in ENCODER_NAMES:
            inside.add(name)
    for tied, twin in names.tied.items():  # a file may name the tied bias alone
        if tied in own_names and twin not in own_names and twin != names.anchor:
            own_names[twin] = own_names.pop(tied)
    shapes = {name: stored.shapes[own_name] for name, own_name in own_names.items()}
    notes = {
        name: stored.notes[own_name]
        for name, own_name in own_names.items()
        if own_name in stored.notes
    }
    renamed = StoredTensors(shapes, lambda name: stored.read(own_names[name]), notes)
    return NamedTensors(renamed, own_names, prefix, frozenset(inside), names.parts)


def _plain(name):
    name = TRANSPARENT.sub("", name)
    for pattern, replacement in OLD_NAMES:
        name = pattern.sub(replacement, name)
    return name


def _prefix(names, file, account, family):
    """Returns the prefix of the encoder's names, which ends in a dot or is empty."""
    anchor = family.huggingface.anchor
    found = sorted(
        {
            name.removesuffix(anchor)
            for name in names
            if name == anchor or name.endswith(f".{anchor}")
        }
    )
    if not found:  # its absence is told by name, with all else that is missing
        own = f"{family.name}."
        return own if any(name.startswith(own) for name in names) else ""
    if len(found) > 1:
        raise ValueError(
            f"{file} holds {len(found)} encoders, under "
            f"{listed(quoted(prefix, 60) for prefix in found)}: it is not told which "
            "one is wanted. Save the one to load in a folder of its own."
        )
    [prefix] = found
    parts = prefix.split(".")[:-1]
    other = next((part for part in parts if part in OTHER_FAMILIES), None)
    if other:
        raise ValueError(
            f"{file} holds an encoder under the name {other}, and its configuration "
            f"says {family.title}. kerasbert computes {titles()} alone."
        )
    known = (*ENCODER_NAMES, *MODEL_NAMES)
    strange = [part for part in parts if part not in known and not part.isdigit()]
    if strange:
        account.doubt(
            f"{file} holds one encoder, under the name {listed([prefix])}; it is taken "
            "for the model's."
        )
    return prefix


def torch_names(stored, file):
    """Renames the tensors of a `tf_model.h5` to their PyTorch names."""
    own_names, copies = {}, []
    for path in stored.shapes:
        name = _torch_name(path)
        if name in own_names:
            copies.append((own_names[name], path))
        else:
            own_names[name] = path
    for first, second in copies:  # a head that is tied to the embeddings repeats them
        same = stored.shapes[first] == stored.shapes[second]
        if not same or not np.array_equal(stored.read(first), stored.read(second)):
            raise ValueError(
                f"{file} has {listed([first])} and {listed([second])}, which differ: "
                "two values of one variable."
            )
    tied, bias = "predictions.decoder.bias", "predictions.bias"
    if tied in own_names and bias in own_names:  # TFAlbert adds the former alone
        own_names["predictions.unused_bias"] = own_names[bias]
        own_names[bias] = own_names.pop(tied)
    kernels = {name for name, path in own_names.items() if "/kernel" in path}

    def shape_of(name):
        shape = stored.shapes[own_names[name]]
        return shape[::-1] if name in kernels else shape

    def read(name):
        array = stored.read(own_names[name])
        return array.T if name in kernels else array

    return StoredTensors({name: shape_of(name) for name in own_names}, read), own_names


def _torch_name(path):
    """Converts `bert/tf_bert_model/.../layer_._0/...` to `bert....layer.0`."""
    parts = path.partition(":")[0].split("/")
    models = [index for index, part in enumerate(parts) if part.startswith("tf_")]
    parts = parts[models[-1] + 1 :] if models else parts
    parts = [part.rpartition("___")[-1] for part in parts]
    name = ".".join(parts).replace("_._", ".")
    ends = {"kernel": "weight", "gamma": "weight", "beta": "bias"}
    stem, _, last = name.rpartition(".")
    last = "weight" if last == "embeddings" and stem else ends.get(last, last)
    return f"{stem}.{last}" if stem else last
