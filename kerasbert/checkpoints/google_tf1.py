"""Google's TensorFlow 1 checkpoints: `bert_config.json` and `bert_model.ckpt`."""

import dataclasses
import re

from kerasbert.account import listed
from kerasbert.checkpoints.assemble import assemble
from kerasbert.checkpoints.config_keys import (
    ConfigKeys,
    activation_of,
    make_config,
    read_object,
    reasons,
)
from kerasbert.checkpoints.foreign import (
    warn_of_other_head,
    warn_of_other_mathematics,
)
from kerasbert.checkpoints.kept import KEY, kept_scores, read_kept, restore
from kerasbert.checkpoints.names import (
    FAMILIES,
    family_by_marks,
    family_of,
    names_of,
    rows_in,
)
from kerasbert.checkpoints.tensor_files import read_tensorflow
from kerasbert.files import read_text, write_json

NAME = "google_tf1"

# BERT's first.
CONFIG_FILES = sorted(
    (f.google_tf1.config_file for f in FAMILIES if f.google_tf1), reverse=True
)
IGNORED = [
    (
        re.compile(r"/(adam|lamb)_[mv](_\d+)?$|/Adam(_1)?$|^beta[12]_power$"),
        "optimizer",
    ),
    (re.compile(r"^global_step$"), "training step"),
    (re.compile(r"^Variable(_\d+)?$"), "without a name: no part of the model"),
]

# Google's code computes its "gelu" in the tanh form.
GELU = {"gelu": "gelu_tanh"}
ACTIVATIONS = {**GELU, **{name: name for name in ("relu", "tanh", "linear")}}

CONFIG_KEYS = ConfigKeys(
    handled={},
    required={
        "net_structure_type": (0,),
        "gap_size": (0,),
        "num_memory_blocks": (0,),
        "down_scale_factor": (1,),
        "ln_type": ("postln",),
    },
    used={"kerasbert": "what kerasbert kept"},
    ignored=reasons(
        {
            "Google's code does not read it": """directionality pooler_fc_size
                pooler_num_attention_heads pooler_num_fc_layers pooler_size_per_head
                pooler_type"""
        }
    ),
)


def recognises(folder):
    """Whether a folder looks like a Google TF1 release."""
    return _config_file(folder) is not None or bool(list(folder.glob("*.ckpt*.index")))


def read(folder, account):
    """Reads a folder with a config and a TensorFlow 1 checkpoint."""
    file = _config_file(folder)
    if file is None:
        raise FileNotFoundError(
            f"Expected {' or '.join(CONFIG_FILES)} in {folder}, beside its checkpoint; "
            "there is neither."
        )
    values = read_object(file)
    named = (
        f for f in FAMILIES if f.google_tf1 and f.google_tf1.config_file == file.name
    )
    family = family_by_marks(values)
    if not family.marks:
        family = next(named, family)
    names = names_of(family, NAME)
    keys = {field.name: field.name for field in dataclasses.fields(family.config_class)}
    fields = CONFIG_KEYS.with_names(keys).read(values, file, account)
    fields["hidden_act"] = activation_of(
        fields.get("hidden_act", "gelu"), ACTIVATIONS, file
    )
    kept = read_kept(values, file)
    fields |= kept.get("config", {})
    config = make_config(family.config_class, fields, file)

    stored, _ = read_tensorflow(_checkpoint_prefix(folder))
    shape = stored.shapes.get(names.table["classification_head/dense/bias"], ())
    classes = shape[0] if len(shape) == 1 and shape[0] else None
    checkpoint = assemble(
        NAME,
        folder,
        config,
        stored,
        account,
        is_encoders=is_encoders,
        ignored=IGNORED,
        num_classes=classes,
    )
    if classes:
        labels = tuple(map(str, range(classes)))
        checkpoint = dataclasses.replace(checkpoint, labels=labels)
    return restore(checkpoint, kept, file)


def write(checkpoint, folder):
    """Writes a config and a checkpoint for google-research's code."""
    import tensorflow as tf

    config = checkpoint.config
    family = names_of(family_of(config), NAME)
    names, tensors = [], []
    for row in rows_in(config, NAME):
        if row.ours in checkpoint.weights:
            array = row.transform.save(
                checkpoint.weights[row.ours](), config.num_attention_heads
            )
            names.append(row.theirs)
            tensors.append(tf.constant(array))
    # On the CPU, and one file at once, as tf.train.Saver would.
    prefix = family.checkpoint
    with tf.device("CPU"):
        tf.raw_ops.SaveV2(
            prefix=str(folder / prefix),
            tensor_names=names,
            shape_and_slices=[""] * len(names),
            tensors=tensors,
        )
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "{prefix}"\n')

    theirs = {ours: theirs for theirs, ours in ACTIVATIONS.items()}
    activation = theirs.get(config.hidden_act, "gelu")
    values = {**dataclasses.asdict(config), "hidden_act": activation, **family.values}
    kept = {}
    if warn_of_other_mathematics(config, "google-research's code", theirs):
        kept["config"] = {"hidden_act": config.hidden_act}
    else:
        del values["layer_norm_eps"]
    if checkpoint.labels:
        kept["labels"] = list(checkpoint.labels)
        kept["token_labels"] = checkpoint.token_labels
        kept["head_dropout"] = checkpoint.head_dropout
        kept |= kept_scores(checkpoint)
    if checkpoint.masked_lm:
        warn_of_other_head(checkpoint, "google-research's code")
        kept["masked_lm"] = dict(checkpoint.masked_lm)
    if kept:
        values[KEY] = kept
    write_json(folder / family.config_file, values)


def is_encoders(name):
    """Whether an unlisted tensor must belong to the encoder."""
    return name.startswith(("bert/", "albert/"))


def _config_file(folder):
    for name in CONFIG_FILES:
        if (folder / name).is_file():
            return folder / name
    others = sorted(folder.glob("*bert*config*.json")) or [folder / "config.json"]
    return others[0] if len(others) == 1 and others[0].is_file() else None


def _checkpoint_prefix(folder):
    """Returns the newest checkpoint of the folder, or the only one."""
    prefixes = {file.with_suffix("") for file in folder.glob("*.index")}
    state = folder / "checkpoint"
    if state.is_file():
        found = re.search(r'^model_checkpoint_path:\s*"(.+)"', read_text(state), re.M)
        newest = folder / re.split(r"[/\\]", found[1])[-1] if found else None
        if newest in prefixes:
            return newest
    if len(prefixes) != 1:
        names = listed(sorted(prefix.name for prefix in prefixes)) or "none"
        raise FileNotFoundError(
            f"Expected one checkpoint in {folder}, a file such as "
            f"bert_model.ckpt.index, found {names}. Keep the one to load."
        )
    return prefixes.pop()
