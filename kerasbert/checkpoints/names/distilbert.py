"""Names of DistilBERT in transformers and KerasHub."""

from kerasbert.checkpoints.names import bert
from kerasbert.checkpoints.names.family import Family, HuggingFaceNames, KerasHubNames
from kerasbert.checkpoints.names.table import (
    HDF5,
    HEADS_APART,
    TORCH,
    in_block,
    table_of,
)
from kerasbert.config import DistilBertConfig

HUGGINGFACE = table_of(
    {
        "embeddings/token_embedding": "embeddings.word_embeddings",
        "embeddings/position_embedding": "embeddings.position_embeddings",
        "embeddings/norm": "embeddings.LayerNorm",
        **in_block(
            bert.BLOCK,
            "transformer.layer.{layer}.",
            {
                "attention/query": "attention.q_lin",
                "attention/key": "attention.k_lin",
                "attention/value": "attention.v_lin",
                "attention/output": "attention.out_lin",
                "attention_norm": "sa_layer_norm",
                "feed_forward/intermediate": "ffn.lin1",
                "feed_forward/output": "ffn.lin2",
                "feed_forward_norm": "output_layer_norm",
            },
        ),
        "pooler/dense": "pre_classifier",
        "masked_lm_head/dense": "vocab_transform",
        "masked_lm_head/norm": "vocab_layer_norm",
        "masked_lm_head/bias": "vocab_projector.bias",
        **bert.TORCH_CLASSIFIERS,
    },
    TORCH,
)
TOKENS_AND_POSITIONS = "layers/token_and_position_embedding/"
KERAS_HUB = table_of(
    {
        "embeddings/token_embedding": TOKENS_AND_POSITIONS + "token_embedding",
        "embeddings/position_embedding": TOKENS_AND_POSITIONS + "position_embedding",
        "embeddings/norm": "layers/layer_normalization",
        **in_block(bert.BLOCK, bert.KERAS_PREFIX, bert.KERAS_BLOCK),
        **bert.KERAS_MASKED_LM,
        "pooler/dense": "task/layers/dense",
        "classification_head/dense": "task/layers/dense_1",
    },
    HDF5,
    HEADS_APART,
)

FAMILY = Family(
    name="distilbert",
    title="DistilBERT",
    config_class=DistilBertConfig,
    marks=("n_layers", "n_heads"),
    huggingface=HuggingFaceNames(
        HUGGINGFACE,
        architectures={
            (): "DistilBertModel",
            ("masked_lm_head",): "DistilBertForMaskedLM",
            ("classification_head",): "DistilBertForSequenceClassification",
            ("classification_head", "tokens"): "DistilBertForTokenClassification",
            ("span_head",): "DistilBertForQuestionAnswering",
        },
        config={
            "vocab_size": "vocab_size",
            "dim": "hidden_size",
            "n_layers": "num_hidden_layers",
            "n_heads": "num_attention_heads",
            "hidden_dim": "intermediate_size",
            "activation": "hidden_act",
            "dropout": "hidden_dropout_prob",
            "attention_dropout": "attention_probs_dropout_prob",
            "max_position_embeddings": "max_position_embeddings",
            "initializer_range": "initializer_range",
        },
        tied={"vocab_projector.weight": "embeddings.word_embeddings.weight"},
        parts=("embeddings.", "transformer."),
        ignored={
            "qa_dropout": "the head of question answering has no dropout here",
            "sinusoidal_pos_embds": "position embeddings are read, not computed",
            "tie_weights_": "tie_word_embeddings says it",
        },
        text_dropout="seq_classif_dropout",
        token_dropout="dropout",
    ),
    keras_hub=KerasHubNames(
        KERAS_HUB,
        title="DistilBert",
        module="distil_bert",
        config={
            theirs: ours
            for theirs, ours in bert.KERAS_HUB_CONFIG.items()
            if ours != "type_vocab_size"
        },
        activation="gelu",
        masked_lm={"activation": "gelu", "epsilon": 1e-5},
    ),
)
