"""The names of Hugging Face transformers, without the prefix `bert.` or `albert.`."""

import re

from kerasbert.checkpoints.config_keys import ConfigKeys, reasons
from kerasbert.checkpoints.tables import Table
from kerasbert.checkpoints.transforms import TRANSPOSE

EMBEDDINGS = {
    "embeddings/token_embedding/embeddings": "embeddings.word_embeddings.weight",
    "embeddings/segment_embedding/embeddings": (
        "embeddings.token_type_embeddings.weight"
    ),
    "embeddings/position_embedding/embeddings": "embeddings.position_embeddings.weight",
    "embeddings/norm/gamma": "embeddings.LayerNorm.weight",
    "embeddings/norm/beta": "embeddings.LayerNorm.bias",
}

CLASSIFIERS = {
    "classification_head": {
        "classification_head/dense/kernel": ("classifier.weight", TRANSPOSE),
        "classification_head/dense/bias": "classifier.bias",
    },
    "span_head": {
        "span_head/dense/kernel": ("qa_outputs.weight", TRANSPOSE),
        "span_head/dense/bias": "qa_outputs.bias",
    },
}

BERT = Table(
    embeddings=EMBEDDINGS,
    block_prefix="encoder.layer.{index}.",
    block={
        "attention/query/kernel": ("attention.self.query.weight", TRANSPOSE),
        "attention/query/bias": "attention.self.query.bias",
        "attention/key/kernel": ("attention.self.key.weight", TRANSPOSE),
        "attention/key/bias": "attention.self.key.bias",
        "attention/value/kernel": ("attention.self.value.weight", TRANSPOSE),
        "attention/value/bias": "attention.self.value.bias",
        "attention/output/kernel": ("attention.output.dense.weight", TRANSPOSE),
        "attention/output/bias": "attention.output.dense.bias",
        "attention_norm/gamma": "attention.output.LayerNorm.weight",
        "attention_norm/beta": "attention.output.LayerNorm.bias",
        "feed_forward/intermediate/kernel": ("intermediate.dense.weight", TRANSPOSE),
        "feed_forward/intermediate/bias": "intermediate.dense.bias",
        "feed_forward/output/kernel": ("output.dense.weight", TRANSPOSE),
        "feed_forward/output/bias": "output.dense.bias",
        "feed_forward_norm/gamma": "output.LayerNorm.weight",
        "feed_forward_norm/beta": "output.LayerNorm.bias",
    },
    pooler={
        "pooler/dense/kernel": ("pooler.dense.weight", TRANSPOSE),
        "pooler/dense/bias": "pooler.dense.bias",
    },
    heads={
        "masked_lm_head": {
            "masked_lm_head/dense/kernel": (
                "cls.predictions.transform.dense.weight",
                TRANSPOSE,
            ),
            "masked_lm_head/dense/bias": "cls.predictions.transform.dense.bias",
            "masked_lm_head/norm/gamma": "cls.predictions.transform.LayerNorm.weight",
            "masked_lm_head/norm/beta": "cls.predictions.transform.LayerNorm.bias",
            "masked_lm_head/bias": "cls.predictions.bias",
        },
        "pair_head": {
            "pair_head/dense/kernel": ("cls.seq_relationship.weight", TRANSPOSE),
            "pair_head/dense/bias": "cls.seq_relationship.bias",
        },
        **CLASSIFIERS,
    },
)

ALBERT = Table(
    embeddings={
        **EMBEDDINGS,
        "embeddings/projection/kernel": (
            "encoder.embedding_hidden_mapping_in.weight",
            TRANSPOSE,
        ),
        "embeddings/projection/bias": "encoder.embedding_hidden_mapping_in.bias",
    },
    block_prefix="encoder.albert_layer_groups.{group}.albert_layers.{inner}.",
    block={
        "attention/query/kernel": ("attention.query.weight", TRANSPOSE),
        "attention/query/bias": "attention.query.bias",
        "attention/key/kernel": ("attention.key.weight", TRANSPOSE),
        "attention/key/bias": "attention.key.bias",
        "attention/value/kernel": ("attention.value.weight", TRANSPOSE),
        "attention/value/bias": "attention.value.bias",
        "attention/output/kernel": ("attention.dense.weight", TRANSPOSE),
        "attention/output/bias": "attention.dense.bias",
        "attention_norm/gamma": "attention.LayerNorm.weight",
        "attention_norm/beta": "attention.LayerNorm.bias",
        "feed_forward/intermediate/kernel": ("ffn.weight", TRANSPOSE),
        "feed_forward/intermediate/bias": "ffn.bias",
        "feed_forward/output/kernel": ("ffn_output.weight", TRANSPOSE),
        "feed_forward/output/bias": "ffn_output.bias",
        "feed_forward_norm/gamma": "full_layer_layer_norm.weight",
        "feed_forward_norm/beta": "full_layer_layer_norm.bias",
    },
    pooler={
        "pooler/dense/kernel": ("pooler.weight", TRANSPOSE),
        "pooler/dense/bias": "pooler.bias",
    },
    heads={
        "masked_lm_head": {
            "masked_lm_head/dense/kernel": ("predictions.dense.weight", TRANSPOSE),
            "masked_lm_head/dense/bias": "predictions.dense.bias",
            "masked_lm_head/norm/gamma": "predictions.LayerNorm.weight",
            "masked_lm_head/norm/beta": "predictions.LayerNorm.bias",
            "masked_lm_head/bias": "predictions.bias",
        },
        "pair_head": {
            "pair_head/dense/kernel": ("sop_classifier.classifier.weight", TRANSPOSE),
            "pair_head/dense/bias": "sop_classifier.classifier.bias",
        },
        **CLASSIFIERS,
    },
)

IGNORED = [
    (re.compile(r"^embeddings\.(position|token_type)_ids$"), "a range of numbers"),
    (re.compile(r"predictions\.decoder\.(weight|bias)$"), "tied, checked to be equal"),
    (re.compile(r"^predictions\.unused_bias$"), "TFAlbert adds decoder/bias alone"),
]

# Weights of other frameworks, which a folder may hold alone.
OTHER_WEIGHTS = ("flax_model.msgpack", "model.onnx", "rust_model.ot")
# What training leaves beside the weights under the same suffixes.
TRAINING_FILES = re.compile(
    r"^(training_args|optimizer|scheduler|scaler|random_states?|rng_state).*\.(bin|pt|pth)$"
)

ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
    "tanh": "tanh",
    "linear": "linear",
}

# One entry a head: what the encoder carries, with the class that computes it.
ARCHITECTURES = {
    "bert": {
        (): "BertModel",
        ("masked_lm_head",): "BertForMaskedLM",
        ("masked_lm_head", "pair_head"): "BertForPreTraining",
        ("pair_head",): "BertForNextSentencePrediction",
        ("classification_head",): "BertForSequenceClassification",
        ("classification_head", "tokens"): "BertForTokenClassification",
        ("span_head",): "BertForQuestionAnswering",
    },
    "albert": {
        (): "AlbertModel",
        ("masked_lm_head",): "AlbertForMaskedLM",
        ("masked_lm_head", "pair_head"): "AlbertForPreTraining",
        ("pair_head",): "AlbertForPreTraining",
        ("classification_head",): "AlbertForSequenceClassification",
        ("classification_head", "tokens"): "AlbertForTokenClassification",
        ("span_head",): "AlbertForQuestionAnswering",
    },
}

CONFIG_KEYS = ConfigKeys(
    handled={
        key: key
        for key in (
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "hidden_act",
            "hidden_dropout_prob",
            "attention_probs_dropout_prob",
            "max_position_embeddings",
            "type_vocab_size",
            "initializer_range",
            "layer_norm_eps",
            "embedding_size",
            "num_hidden_groups",
            "inner_group_num",
        )
    },
    required={
        "position_embedding_type": ("absolute", None),
        "is_decoder": (False, None),
        "add_cross_attention": (False, None),
        "is_encoder_decoder": (False, None),
        "pruned_heads": ({}, [], None),
        "net_structure_type": (0,),
        "gap_size": (0,),
        "num_memory_blocks": (0,),
        "down_scale_factor": (1,),
        "auto_map": (None,),
        "quantization_config": (None,),
    },
    used={
        "architectures": "which head the weights are of",
        "model_type": "BERT or ALBERT",
        "id2label": "names of the classes",
        "classifier_dropout": "dropout of the head",
        "classifier_dropout_prob": "dropout of the head",
        "problem_type": "what the classifier's numbers mean",
        "sentence_transformers": "activation of a cross-encoder",
        "sbert_ce_default_activation_function": "activation of a cross-encoder",
        "tie_word_embeddings": "whether the masked LM head has a matrix of its own",
        "kerasbert": "what kerasbert kept",
    },
    ignored=reasons(
        {
            "book-keeping": """_name_or_path _commit_hash finetuning_task language
                task_specific_params tokenizer_class transformers_version
                torch_dtype dtype use_bfloat16 model_name""",
            "the classifier's tensor has the number": "_num_labels num_labels",
            "id2label the other way round": "label2id",
            "the tokenizer's files say it": """bos_token_id cls_token_id eos_token_id
                mask_token_id pad_token_id sep_token_id unk_token_id do_lower_case
                vocab_file""",
            "of text generation, which encoders do not do": """bad_words_ids
                begin_suppress_tokens decoder_start_token_id diversity_penalty do_sample
                early_stopping encoder_no_repeat_ngram_size
                exponential_decay_length_penalty forced_bos_token_id forced_eos_token_id
                length_penalty max_length min_length no_repeat_ngram_size
                num_beam_groups num_beams num_return_sequences output_scores prefix
                remove_invalid_values repetition_penalty return_dict_in_generate
                suppress_tokens temperature tie_encoder_decoder top_k top_p typical_p
                cross_attention_hidden_size""",
            "how it is computed, not what": """_attn_implementation
                _attn_implementation_autoset attn_implementation attention_type
                chunk_size_feed_forward gradient_checkpointing layer_types
                tf_legacy_loss torchscript use_cache xla_device""",
            "which outputs are returned": """output_attentions output_hidden_states
                output_past return_dict use_return_dict""",
            "initialises new weights in other code": "initializer_factor",
            "of Google's code, which does not read it": """directionality
                pooler_fc_size pooler_num_attention_heads pooler_num_fc_layers
                pooler_size_per_head pooler_type""",
        }
    ),
)
