"""Config keys and files of Hugging Face transformers, for all families."""

import re

from kerasbert.checkpoints.config_keys import ConfigKeys, reasons

IGNORED = [
    (re.compile(r"^embeddings\.(position|token_type)_ids$"), "a range of numbers"),
    (re.compile(r"^embeddings\.mask_token$"), "of pretraining with masked patches"),
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

# What all families have in common; each adds its own.
CONFIG_KEYS = ConfigKeys(
    handled={},
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
        "model_type": "which family of encoders",
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
