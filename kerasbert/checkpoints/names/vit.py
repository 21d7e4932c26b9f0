"""Names of ViT in transformers."""

from kerasbert.checkpoints.names import bert
from kerasbert.checkpoints.names.family import Family, HuggingFaceNames
from kerasbert.checkpoints.names.table import (
    CONVOLUTION,
    ONE_ROW,
    ONE_ROW_OF_ONE,
    TORCH,
    in_block,
    table_of,
)
from kerasbert.config import ViTConfig

PATCHES = "embeddings.patch_embeddings.projection"
HUGGINGFACE = {
    "embeddings/patches/kernel": (f"{PATCHES}.weight", CONVOLUTION),
    "embeddings/patches/bias": f"{PATCHES}.bias",
    "embeddings/class_token": ("embeddings.cls_token", ONE_ROW_OF_ONE),
    "embeddings/position_embedding/embeddings": (
        "embeddings.position_embeddings",
        ONE_ROW,
    ),
    **table_of(
        {
            **in_block(
                bert.BLOCK,
                "encoder.layer.{layer}.",
                {
                    "attention/query": "attention.attention.query",
                    "attention/key": "attention.attention.key",
                    "attention/value": "attention.attention.value",
                    "attention/output": "attention.output.dense",
                    "attention_norm": "layernorm_before",
                    "feed_forward/intermediate": "intermediate.dense",
                    "feed_forward/output": "output.dense",
                    "feed_forward_norm": "layernorm_after",
                },
            ),
            "norm": "layernorm",
            "pooler/dense": "pooler.dense",
            "classification_head/dense": "classifier",
        },
        TORCH,
    ),
}

FAMILY = Family(
    name="vit",
    title="ViT",
    config_class=ViTConfig,
    marks=("patch_size",),
    huggingface=HuggingFaceNames(
        HUGGINGFACE,
        architectures={
            (): "ViTModel",
            ("classification_head",): "ViTForImageClassification",
        },
        config={
            name: name
            for name in (
                *("hidden_size", "num_hidden_layers", "num_attention_heads"),
                *("intermediate_size", "hidden_act", "hidden_dropout_prob"),
                *("attention_probs_dropout_prob", "initializer_range"),
                *("layer_norm_eps", "image_size", "patch_size", "num_channels"),
            )
        },
        parts=("embeddings.", "encoder.", "layernorm.", "pooler."),
        ignored={
            "encoder_stride": "of pretraining with masked patches",
            "pooler_output_size": "the pooler's tensor has the number",
        },
        required={"qkv_bias": (True,), "pooler_act": ("tanh",)},
        anchor=f"{PATCHES}.weight",
    ),
)
