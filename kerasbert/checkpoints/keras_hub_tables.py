"""The names of KerasHub's presets: tensors, configuration keys, tasks."""

import re

from kerasbert.account import KeyTable
from kerasbert.checkpoints.config_keys import ConfigKeys, reasons
from kerasbert.checkpoints.tables import Table
from kerasbert.checkpoints.transforms import JOIN_HEADS, JOIN_HEADS_IN

# The names of today, less the underscores of private layers. Those of a head lie in a
# file of its own, `task.weights.h5`, which `task/` stands for.
EMBEDDINGS = {
    "embeddings/token_embedding/embeddings": "layers/reversible_embedding/vars/0",
    "embeddings/segment_embedding/embeddings": "layers/embedding/vars/0",
    "embeddings/position_embedding/embeddings": "layers/position_embedding/vars/0",
    "embeddings/norm/gamma": "layers/layer_normalization/vars/0",
    "embeddings/norm/beta": "layers/layer_normalization/vars/1",
}
BLOCK = {
    "attention/query/kernel": ("self_attention_layer/query_dense/vars/0", JOIN_HEADS),
    "attention/query/bias": ("self_attention_layer/query_dense/vars/1", JOIN_HEADS),
    "attention/key/kernel": ("self_attention_layer/key_dense/vars/0", JOIN_HEADS),
    "attention/key/bias": ("self_attention_layer/key_dense/vars/1", JOIN_HEADS),
    "attention/value/kernel": ("self_attention_layer/value_dense/vars/0", JOIN_HEADS),
    "attention/value/bias": ("self_attention_layer/value_dense/vars/1", JOIN_HEADS),
    "attention/output/kernel": (
        "self_attention_layer/output_dense/vars/0",
        JOIN_HEADS_IN,
    ),
    "attention/output/bias": "self_attention_layer/output_dense/vars/1",
    "attention_norm/gamma": "self_attention_layer_norm/vars/0",
    "attention_norm/beta": "self_attention_layer_norm/vars/1",
    "feed_forward/intermediate/kernel": "feedforward_intermediate_dense/vars/0",
    "feed_forward/intermediate/bias": "feedforward_intermediate_dense/vars/1",
    "feed_forward/output/kernel": "feedforward_output_dense/vars/0",
    "feed_forward/output/bias": "feedforward_output_dense/vars/1",
    "feed_forward_norm/gamma": "feedforward_layer_norm/vars/0",
    "feed_forward_norm/beta": "feedforward_layer_norm/vars/1",
}
HEADS = {
    "masked_lm_head": {
        "masked_lm_head/dense/kernel": (
            "task/layers/masked_lm_head/intermediate_dense/vars/0"
        ),
        "masked_lm_head/dense/bias": (
            "task/layers/masked_lm_head/intermediate_dense/vars/1"
        ),
        "masked_lm_head/norm/gamma": (
            "task/layers/masked_lm_head/intermediate_layer_norm/vars/0"
        ),
        "masked_lm_head/norm/beta": (
            "task/layers/masked_lm_head/intermediate_layer_norm/vars/1"
        ),
        "masked_lm_head/bias": "task/layers/masked_lm_head/vars/0",
    },
    "classification_head": {
        "classification_head/dense/kernel": "task/layers/dense/vars/0",
        "classification_head/dense/bias": "task/layers/dense/vars/1",
    },
}
PREFIX = "layers/transformer_encoder_{index}/"

BERT = Table(
    EMBEDDINGS,
    BLOCK,
    PREFIX,
    pooler={
        "pooler/dense/kernel": "layers/dense/vars/0",
        "pooler/dense/bias": "layers/dense/vars/1",
    },
    heads=HEADS,
)
ALBERT = Table(
    {
        **EMBEDDINGS,
        "embeddings/projection/kernel": "layers/dense/vars/0",
        "embeddings/projection/bias": "layers/dense/vars/1",
    },
    BLOCK,
    PREFIX,
    pooler={
        "pooler/dense/kernel": "layers/dense_1/vars/0",
        "pooler/dense/bias": "layers/dense_1/vars/1",
    },
    heads=HEADS,
)
TABLES = {"bert": BERT, "albert": ALBERT}
PRIVATE = r"/((?:feedforward|self_attention|intermediate)_)"

IGNORED = [
    (re.compile(r"^(task/)?optimizer/|/seed_generator/|_state/"), "training state")
]

CONFIG_KEYS = ConfigKeys(
    handled={
        "vocabulary_size": "vocab_size",
        "num_layers": "num_hidden_layers",
        "num_heads": "num_attention_heads",
        "hidden_dim": "hidden_size",
        "intermediate_dim": "intermediate_size",
        "dropout": "hidden_dropout_prob",
        "max_sequence_length": "max_position_embeddings",
        "num_segments": "type_vocab_size",
        "embedding_dim": "embedding_size",
        "num_groups": "num_hidden_groups",
        "num_inner_repetitions": "inner_group_num",
    },
    ignored=reasons({"book-keeping": "name trainable", "weights tell": "dtype"}),
)
# The keys around the configuration of an object, as Keras serialises it, and those of
# `metadata.json`.
OBJECT_KEYS = KeyTable(
    used={"class_name": "which model", "config": "the keys below"},
    ignored=reasons(
        {
            "class_name says it": "module registered_name",
            "the configuration has the shapes": "build_config",
            "how it was trained": "compile_config",
        }
    ),
)
METADATA_KEYS = KeyTable(
    used={"kerasbert": "what kerasbert kept"},
    ignored=reasons(
        {
            "book-keeping": """keras_version keras_hub_version keras_nlp_version
                parameter_count date_saved tasks"""
        }
    ),
)
TASK_KEYS = KeyTable(
    used={
        "dropout": "dropout of the head",
        "num_classes": "number of classes",
        "activation": "from logits to scores",
        "pooling_mode": "pooling",
        "normalize": "whether vectors have length 1",
        "embedding_dim": "size of the vectors",
    },
    ignored=reasons(
        {
            "book-keeping": "name trainable",
            "weights tell": "dtype",
            "config.json is read instead": "backbone",
            "the tokenizer's files say it": "preprocessor",
        }
    ),
)

# From a head to KerasHub's class of it and its file, after `Bert` or `Albert`.
TASKS = {
    "masked_lm_head": ("MaskedLM", "masked_lm"),
    "classification_head": ("TextClassifier", "text_classifier"),
}

# What the masked LM head of KerasHub computes, whatever the encoder does.
MASKED_LM = {
    "bert": {"activation": "gelu", "epsilon": 1e-5},
    "albert": {"activation": "gelu_tanh", "epsilon": 1e-5},
}
