"""Config keys and tasks of KerasHub presets, for all families."""

import re

from kerasbert.account import KeyTable
from kerasbert.checkpoints.config_keys import ConfigKeys, reasons

PRIVATE = r"/((?:feedforward|self_attention|intermediate)_)"

IGNORED = [
    (re.compile(r"^(task/)?optimizer/|/seed_generator/|_state/"), "training state")
]

CONFIG_KEYS = ConfigKeys(
    handled={},
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
            "weights tell": "dtype hidden_dim",
            "config.json is read instead": "backbone",
            "the tokenizer's files say it": "preprocessor",
        }
    ),
)

# From a head to KerasHub's class of it and its file, after the name of the family.
TASKS = {
    "masked_lm_head": ("MaskedLM", "masked_lm"),
    "classification_head": ("TextClassifier", "text_classifier"),
}
