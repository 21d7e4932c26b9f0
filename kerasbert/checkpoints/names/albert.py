"""Names of ALBERT in all formats."""

import dataclasses

from kerasbert.checkpoints.names import bert
from kerasbert.checkpoints.names.family import (
    Family,
    GoogleNames,
    HuggingFaceNames,
    KerasHubNames,
    TFHubNames,
)
from kerasbert.checkpoints.names.table import (
    HDF5,
    HEADS_APART,
    TENSORFLOW,
    TORCH,
    in_block,
    table_of,
)
from kerasbert.config import AlbertConfig

BLOCK = "group_{group}_inner_{inner}/"

HUGGINGFACE = table_of(
    {
        **bert.TORCH_EMBEDDINGS,
        "embeddings/projection": "encoder.embedding_hidden_mapping_in",
        **in_block(
            BLOCK,
            "encoder.albert_layer_groups.{group}.albert_layers.{inner}.",
            {
                "attention/query": "attention.query",
                "attention/key": "attention.key",
                "attention/value": "attention.value",
                "attention/output": "attention.dense",
                "attention_norm": "attention.LayerNorm",
                "feed_forward/intermediate": "ffn",
                "feed_forward/output": "ffn_output",
                "feed_forward_norm": "full_layer_layer_norm",
            },
        ),
        "pooler/dense": "pooler",
        "masked_lm_head/dense": "predictions.dense",
        "masked_lm_head/norm": "predictions.LayerNorm",
        "masked_lm_head/bias": "predictions.bias",
        "pair_head/dense": "sop_classifier.classifier",
        **bert.TORCH_CLASSIFIERS,
    },
    TORCH,
)
GOOGLE_TF1 = table_of(
    {
        **bert.GOOGLE,
        "embeddings/projection": "bert/encoder/embedding_hidden_mapping_in",
        **in_block(
            BLOCK,
            "bert/encoder/transformer/group_{group}/inner_group_{inner}/",
            {
                "attention/query": "attention_1/self/query",
                "attention/key": "attention_1/self/key",
                "attention/value": "attention_1/self/value",
                "attention/output": "attention_1/output/dense",
                "attention_norm": "LayerNorm",
                "feed_forward/intermediate": "ffn_1/intermediate/dense",
                "feed_forward/output": "ffn_1/intermediate/output/dense",
                "feed_forward_norm": "LayerNorm_1",
            },
        ),
    },
    TENSORFLOW,
)
TF_HUB = table_of(
    {
        **bert.HUB,
        "embeddings/projection": "embedding_projection",
        **in_block(BLOCK, "transformer/", bert.HUB_BLOCK),
    },
    TENSORFLOW,
    HEADS_APART,
)
KERAS_HUB = table_of(
    {
        **bert.KERAS_EMBEDDINGS,
        "embeddings/projection": "layers/dense",
        **in_block(BLOCK, bert.KERAS_PREFIX, bert.KERAS_BLOCK),
        "pooler/dense": "layers/dense_1",
        **bert.KERAS_MASKED_LM,
        **bert.KERAS_CLASSIFIER,
    },
    HDF5,
    HEADS_APART,
)


def whole_groups(config):
    """Returns why KerasHub's backbone cannot represent the layer groups."""
    if config.num_hidden_layers % config.num_hidden_groups == 0:
        return ""
    return (
        "Expected num_hidden_layers to be a multiple of num_hidden_groups, as KerasHub "
        f"needs, got {config.num_hidden_layers} layers in {config.num_hidden_groups} "
        "groups. Use another format."
    )


FAMILY = Family(
    name="albert",
    title="ALBERT",
    config_class=AlbertConfig,
    marks=("embedding_size", "num_hidden_groups"),
    huggingface=HuggingFaceNames(
        HUGGINGFACE,
        architectures={
            (): "AlbertModel",
            ("masked_lm_head",): "AlbertForMaskedLM",
            ("masked_lm_head", "pair_head"): "AlbertForPreTraining",
            ("pair_head",): "AlbertForPreTraining",
            ("classification_head",): "AlbertForSequenceClassification",
            ("classification_head", "tokens"): "AlbertForTokenClassification",
            ("span_head",): "AlbertForQuestionAnswering",
        },
        config={field.name: field.name for field in dataclasses.fields(AlbertConfig)},
        tied={
            "predictions.decoder.weight": "embeddings.word_embeddings.weight",
            "predictions.decoder.bias": "predictions.bias",
        },
        text_dropout="classifier_dropout_prob",
        token_dropout="classifier_dropout_prob",
    ),
    google_tf1=GoogleNames(
        GOOGLE_TF1,
        "albert_config.json",
        "model.ckpt-best",
        values={
            "net_structure_type": 0,
            "gap_size": 0,
            "num_memory_blocks": 0,
            "down_scale_factor": 1,
        },
    ),
    tf_hub=TFHubNames(TF_HUB),
    keras_hub=KerasHubNames(
        KERAS_HUB,
        title="Albert",
        module="albert",
        tokenizer="sentencepiece",
        config={
            **bert.KERAS_HUB_CONFIG,
            "embedding_dim": "embedding_size",
            "num_groups": "num_hidden_groups",
            "num_inner_repetitions": "inner_group_num",
        },
        activation="gelu_tanh",
        masked_lm={"activation": "gelu_tanh", "epsilon": 1e-5},
        limit=whole_groups,
    ),
)
