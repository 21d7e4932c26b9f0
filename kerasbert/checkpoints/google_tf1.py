"""Google's TensorFlow 1 checkpoints: `bert_config.json` and `bert_model.ckpt`."""

import dataclasses
import json
import re

from kerasbert.account import listed
from kerasbert.checkpoints.assemble import assemble
from kerasbert.checkpoints.config_keys import (
    CONFIG_CLASSES,
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
from kerasbert.checkpoints.tables import Table
from kerasbert.checkpoints.tensor_files import read_tensorflow
from kerasbert.checkpoints.transforms import TRANSPOSE
from kerasbert.config import AlbertConfig
from kerasbert.files import read_text

NAME = "google_tf1"

EMBEDDINGS = {
    "embeddings/token_embedding/embeddings": "bert/embeddings/word_embeddings",
    "embeddings/segment_embedding/embeddings": "bert/embeddings/token_type_embeddings",
    "embeddings/position_embedding/embeddings": "bert/embeddings/position_embeddings",
    "embeddings/norm/gamma": "bert/embeddings/LayerNorm/gamma",
    "embeddings/norm/beta": "bert/embeddings/LayerNorm/beta",
}
POOLER = {
    "pooler/dense/kernel": "bert/pooler/dense/kernel",
    "pooler/dense/bias": "bert/pooler/dense/bias",
}
HEADS = {
    "masked_lm_head": {
        "masked_lm_head/dense/kernel": "cls/predictions/transform/dense/kernel",
        "masked_lm_head/dense/bias": "cls/predictions/transform/dense/bias",
        "masked_lm_head/norm/gamma": "cls/predictions/transform/LayerNorm/gamma",
        "masked_lm_head/norm/beta": "cls/predictions/transform/LayerNorm/beta",
        "masked_lm_head/bias": "cls/predictions/output_bias",
    },
    "pair_head": {
        "pair_head/dense/kernel": ("cls/seq_relationship/output_weights", TRANSPOSE),
        "pair_head/dense/bias": "cls/seq_relationship/output_bias",
    },
    "classification_head": {
        "classification_head/dense/kernel": ("output_weights", TRANSPOSE),
        "classification_head/dense/bias": "output_bias",
    },
    "span_head": {
        "span_head/dense/kernel": ("cls/squad/output_weights", TRANSPOSE),
        "span_head/dense/bias": "cls/squad/output_bias",
    },
}

BERT = Table(
    embeddings=EMBEDDINGS,
    block_prefix="bert/encoder/layer_{index}/",
    block={
        "attention/query/kernel": "attention/self/query/kernel",
        "attention/query/bias": "attention/self/query/bias",
        "attention/key/kernel": "attention/self/key/kernel",
        "attention/key/bias": "attention/self/key/bias",
        "attention/value/kernel": "attention/self/value/kernel",
        "attention/value/bias": "attention/self/value/bias",
        "attention/output/kernel": "attention/output/dense/kernel",
        "attention/output/bias": "attention/output/dense/bias",
        "attention_norm/gamma": "attention/output/LayerNorm/gamma",
        "attention_norm/beta": "attention/output/LayerNorm/beta",
        "feed_forward/intermediate/kernel": "intermediate/dense/kernel",
        "feed_forward/intermediate/bias": "intermediate/dense/bias",
        "feed_forward/output/kernel": "output/dense/kernel",
        "feed_forward/output/bias": "output/dense/bias",
        "feed_forward_norm/gamma": "output/LayerNorm/gamma",
        "feed_forward_norm/beta": "output/LayerNorm/beta",
    },
    pooler=POOLER,
    heads=HEADS,
)

ALBERT = Table(
    embeddings={
        **EMBEDDINGS,
        "embeddings/projection/kernel": (
            "bert/encoder/embedding_hidden_mapping_in/kernel"
        ),
        "embeddings/projection/bias": "bert/encoder/embedding_hidden_mapping_in/bias",
    },
    block_prefix="bert/encoder/transformer/group_{group}/inner_group_{inner}/",
    block={
        "attention/query/kernel": "attention_1/self/query/kernel",
        "attention/query/bias": "attention_1/self/query/bias",
        "attention/key/kernel": "attention_1/self/key/kernel",
        "attention/key/bias": "attention_1/self/key/bias",
        "attention/value/kernel": "attention_1/self/value/kernel",
        "attention/value/bias": "attention_1/self/value/bias",
        "attention/output/kernel": "attention_1/output/dense/kernel",
        "attention/output/bias": "attention_1/output/dense/bias",
        "attention_norm/gamma": "LayerNorm/gamma",
        "attention_norm/beta": "LayerNorm/beta",
        "feed_forward/intermediate/kernel": "ffn_1/intermediate/dense/kernel",
        "feed_forward/intermediate/bias": "ffn_1/intermediate/dense/bias",
        "feed_forward/output/kernel": "ffn_1/intermediate/output/dense/kernel",
        "feed_forward/output/bias": "ffn_1/intermediate/output/dense/bias",
        "feed_forward_norm/gamma": "LayerNorm_1/gamma",
        "feed_forward_norm/beta": "LayerNorm_1/beta",
    },
    pooler=POOLER,
    heads=HEADS,
)

TABLES = {"bert": BERT, "albert": ALBERT}

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

SHARED_FIELDS = """vocab_size hidden_size num_hidden_layers num_attention_heads
    intermediate_size hidden_act hidden_dropout_prob attention_probs_dropout_prob
    max_position_embeddings type_vocab_size initializer_range layer_norm_eps""".split()
ALBERT_FIELDS = "embedding_size num_hidden_groups inner_group_num".split()

CONFIG_KEYS = ConfigKeys(
    handled={key: key for key in (*SHARED_FIELDS, *ALBERT_FIELDS)},
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
    """Whether a folder looks like a release of Google's."""
    return _config_file(folder) is not None or bool(list(folder.glob("*.ckpt*.index")))


def read(folder, account):
    """Reads a folder with a configuration and a TensorFlow 1 checkpoint.

    Args:
        folder: A `pathlib.Path`.
        account: The `kerasbert.account.Account` of its files.

    Returns:
        A `Checkpoint`.

    Raises:
        ValueError: If the folder is broken or holds another kind of model.
    """
    file = _config_file(folder)
    if file is None:
        raise FileNotFoundError(
            f"Expected bert_config.json or albert_config.json in {folder}, beside its "
            "checkpoint; there is neither."
        )
    values = read_object(file)
    fields = CONFIG_KEYS.read(values, file, account)
    is_albert = "albert" in file.name or "embedding_size" in values
    kind = "albert" if is_albert else "bert"
    fields["hidden_act"] = activation_of(
        fields.get("hidden_act", "gelu"), ACTIVATIONS, file
    )
    kept = read_kept(values, file)
    fields |= kept.get("config", {})
    config = make_config(CONFIG_CLASSES[kind], fields, file)

    stored, _ = read_tensorflow(_checkpoint_prefix(folder))
    shape = stored.shapes.get("output_bias", ())
    classes = shape[0] if len(shape) == 1 and shape[0] else None
    checkpoint = assemble(
        NAME,
        folder,
        config,
        stored,
        TABLES[kind],
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
    """Writes a configuration and a checkpoint as google-research's code reads them.

    Args:
        checkpoint: A `Checkpoint`.
        folder: An empty folder.
    """
    import tensorflow as tf

    config = checkpoint.config
    kind = "albert" if isinstance(config, AlbertConfig) else "bert"
    names, tensors = [], []
    for row in TABLES[kind].rows(config):
        if row.ours in checkpoint.weights:
            array = row.transform.save(
                checkpoint.weights[row.ours](), config.num_attention_heads
            )
            names.append(row.theirs)
            tensors.append(tf.constant(array))
    # On the CPU, and one file at once, as tf.train.Saver would.
    prefix = {"bert": "bert_model.ckpt", "albert": "model.ckpt-best"}[kind]
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
    values = {**dataclasses.asdict(config), "hidden_act": activation}
    if kind == "albert":
        values |= {"net_structure_type": 0, "gap_size": 0, "num_memory_blocks": 0}
        values["down_scale_factor"] = 1
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
    text = json.dumps(values, indent=2)
    (folder / f"{kind}_config.json").write_text(text + "\n", encoding="utf-8")


def is_encoders(name):
    """Whether a tensor that no table names must be a part of the encoder.

    Args:
        name: Its name in the checkpoint.
    """
    return name.startswith(("bert/", "albert/"))


def _config_file(folder):
    for name in ("bert_config.json", "albert_config.json"):
        if (folder / name).is_file():
            return folder / name
    others = sorted(folder.glob("*bert*config*.json")) or [folder / "config.json"]
    return others[0] if len(others) == 1 and others[0].is_file() else None


def _checkpoint_prefix(folder):
    """The checkpoint that the folder's list names as its newest, or the only one."""
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
