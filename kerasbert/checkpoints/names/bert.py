"""Names of BERT in all formats."""

import dataclasses

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
    TRANSPOSE,
    in_block,
    table_of,
)
from kerasbert.config import BertConfig

BLOCK = "layer_{layer}/"

# What every family has in transformers, in Google's checkpoints, in TF Hub and in
# KerasHub, or most have.
TORCH_EMBEDDINGS = {
    "embeddings/token_embedding": "embeddings.word_embeddings",
    "embeddings/segment_embedding": "embeddings.token_type_embeddings",
    "embeddings/position_embedding": "embeddings.position_embeddings",
    "embeddings/norm": "embeddings.LayerNorm",
}
TORCH_CLASSIFIERS = {
    "classification_head/dense": "classifier",
    "span_head/dense": "qa_outputs",
}
GOOGLE = {
    "embeddings/token_embedding/embeddings": "bert/embeddings/word_embeddings",
    "embeddings/segment_embedding/embeddings": "bert/embeddings/token_type_embeddings",
    "embeddings/position_embedding/embeddings": "bert/embeddings/position_embeddings",
    "embeddings/norm": "bert/embeddings/LayerNorm",
    "pooler/dense": "bert/pooler/dense",
    "masked_lm_head/dense": "cls/predictions/transform/dense",
    "masked_lm_head/norm": "cls/predictions/transform/LayerNorm",
    "masked_lm_head/bias": "cls/predictions/output_bias",
    "pair_head/dense/kernel": ("cls/seq_relationship/output_weights", TRANSPOSE),
    "pair_head/dense/bias": "cls/seq_relationship/output_bias",
    "classification_head/dense/kernel": ("output_weights", TRANSPOSE),
    "classification_head/dense/bias": "output_bias",
    "span_head/dense/kernel": ("cls/squad/output_weights", TRANSPOSE),
    "span_head/dense/bias": "cls/squad/output_bias",
}
HUB = {
    "embeddings/token_embedding/embeddings": "word_embeddings/embeddings",
    "embeddings/segment_embedding/embeddings": "type_embeddings/embeddings",
    "embeddings/position_embedding/embeddings": "position_embedding/embeddings",
    "embeddings/norm": "embeddings/layer_norm",
    "pooler/dense": "pooler_transform",
    "masked_lm_head/dense": "cls/predictions/transform/dense",
    "masked_lm_head/norm": "cls/predictions/transform/LayerNorm",
    "masked_lm_head/bias": "cls/predictions/output_bias/bias",
}
HUB_BLOCK = {
    "attention/query": "self_attention/query",
    "attention/key": "self_attention/key",
    "attention/value": "self_attention/value",
    "attention/output": "self_attention/attention_output",
    "attention_norm": "self_attention_layer_norm",
    "feed_forward/intermediate": "intermediate",
    "feed_forward/output": "output",
    "feed_forward_norm": "output_layer_norm",
}
# The names of today, less the underscores of private layers. Those of a head lie in a
# file of its own, `task.weights.h5`, which `task/` stands for.
KERAS_EMBEDDINGS = {
    "embeddings/token_embedding": "layers/reversible_embedding",
    "embeddings/segment_embedding": "layers/embedding",
    "embeddings/position_embedding": "layers/position_embedding",
    "embeddings/norm": "layers/layer_normalization",
}
KERAS_BLOCK = {
    "attention/query": "self_attention_layer/query_dense",
    "attention/key": "self_attention_layer/key_dense",
    "attention/value": "self_attention_layer/value_dense",
    "attention/output": "self_attention_layer/output_dense",
    "attention_norm": "self_attention_layer_norm",
    "feed_forward/intermediate": "feedforward_intermediate_dense",
    "feed_forward/output": "feedforward_output_dense",
    "feed_forward_norm": "feedforward_layer_norm",
}
KERAS_PREFIX = "layers/transformer_encoder_{index}/"
KERAS_MASKED_LM = {
    "masked_lm_head/dense": "task/layers/masked_lm_head/intermediate_dense",
    "masked_lm_head/norm": "task/layers/masked_lm_head/intermediate_layer_norm",
    "masked_lm_head/bias": "task/layers/masked_lm_head/vars/0",
}
KERAS_CLASSIFIER = {"classification_head/dense": "task/layers/dense"}

HUGGINGFACE = table_of(
    {
        **TORCH_EMBEDDINGS,
        **in_block(
            BLOCK,
            "encoder.layer.{layer}.",
            {
                "attention/query": "attention.self.query",
                "attention/key": "attention.self.key",
                "attention/value": "attention.self.value",
                "attention/output": "attention.output.dense",
                "attention_norm": "attention.output.LayerNorm",
                "feed_forward/intermediate": "intermediate.dense",
                "feed_forward/output": "output.dense",
                "feed_forward_norm": "output.LayerNorm",
            },
        ),
        "pooler/dense": "pooler.dense",
        "masked_lm_head/dense": "cls.predictions.transform.dense",
        "masked_lm_head/norm": "cls.predictions.transform.LayerNorm",
        "masked_lm_head/bias": "cls.predictions.bias",
        "pair_head/dense": "cls.seq_relationship",
        **TORCH_CLASSIFIERS,
    },
    TORCH,
)
# What a decoder has besides.
HUGGINGFACE_DECODER = table_of(
    in_block(
        BLOCK,
        "encoder.layer.{layer}.crossattention.",
        {
            "cross_attention/query": "self.query",
            "cross_attention/key": "self.key",
            "cross_attention/value": "self.value",
            "cross_attention/output": "output.dense",
            "cross_attention_norm": "output.LayerNorm",
        },
    ),
    TORCH,
)
GOOGLE_TF1 = table_of(
    {
        **GOOGLE,
        **in_block(
            BLOCK,
            "bert/encoder/layer_{layer}/",
            {
                "attention/query": "attention/self/query",
                "attention/key": "attention/self/key",
                "attention/value": "attention/self/value",
                "attention/output": "attention/output/dense",
                "attention_norm": "attention/output/LayerNorm",
                "feed_forward/intermediate": "intermediate/dense",
                "feed_forward/output": "output/dense",
                "feed_forward_norm": "output/LayerNorm",
            },
        ),
    },
    TENSORFLOW,
)
TF_HUB = table_of(
    {**HUB, **in_block(BLOCK, "transformer/layer_{layer}/", HUB_BLOCK)},
    TENSORFLOW,
    HEADS_APART,
)
KERAS_HUB = table_of(
    {
        **KERAS_EMBEDDINGS,
        **in_block(BLOCK, KERAS_PREFIX, KERAS_BLOCK),
        "pooler/dense": "layers/dense",
        **KERAS_MASKED_LM,
        **KERAS_CLASSIFIER,
    },
    HDF5,
    HEADS_APART,
)

FIELDS = {field.name: field.name for field in dataclasses.fields(BertConfig)}
KERAS_HUB_CONFIG = {
    "vocabulary_size": "vocab_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "hidden_dim": "hidden_size",
    "intermediate_dim": "intermediate_size",
    "dropout": "hidden_dropout_prob",
    "max_sequence_length": "max_position_embeddings",
    "num_segments": "type_vocab_size",
}

FAMILY = Family(
    name="bert",
    title="BERT",
    config_class=BertConfig,
    huggingface=HuggingFaceNames(
        HUGGINGFACE,
        architectures={
            (): "BertModel",
            ("masked_lm_head",): "BertForMaskedLM",
            ("masked_lm_head", "pair_head"): "BertForPreTraining",
            ("pair_head",): "BertForNextSentencePrediction",
            ("classification_head",): "BertForSequenceClassification",
            ("classification_head", "tokens"): "BertForTokenClassification",
            ("span_head",): "BertForQuestionAnswering",
        },
        config=FIELDS,
        tied={
            "cls.predictions.decoder.weight": "embeddings.word_embeddings.weight",
            "cls.predictions.decoder.bias": "cls.predictions.bias",
        },
        ignored=dict.fromkeys(
            ("embedding_size", "num_hidden_groups", "inner_group_num"), "of ALBERT"
        ),
    ),
    google_tf1=GoogleNames(GOOGLE_TF1, "bert_config.json", "bert_model.ckpt"),
    tf_hub=TFHubNames(TF_HUB),
    keras_hub=KerasHubNames(
        KERAS_HUB,
        title="Bert",
        module="bert",
        config=KERAS_HUB_CONFIG,
        activation="gelu_tanh",
        masked_lm={"activation": "gelu", "epsilon": 1e-5},
        has_embedder=True,
    ),
)
