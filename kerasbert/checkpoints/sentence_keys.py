"""Keys of the files of sentence-transformers 0.2 to 6, and of KerasHub."""

from kerasbert.account import KeyTable, quoted, refusal
from kerasbert.files import read_json

# From their pooling modes to ours, in the order in which the older keys join them.
POOLINGS = {
    "cls": "cls",
    "max": "max",
    "mean": "mean",
    "mean_sqrt_len_tokens": "sqrt_length",
    "weightedmean": "weighted_mean",
    "lasttoken": "last_token",
}
# In older configurations a key each.
OLD_POOLING_KEYS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
# The modules of torch that need no argument, by our name of what they compute.
ACTIVATIONS = {
    "Identity": "linear",
    "CELU": "celu",
    "ELU": "elu",
    "GELU": "gelu",
    "Hardshrink": "hard_shrink",
    "Hardsigmoid": "hard_sigmoid",
    "Hardswish": "hard_swish",
    "Hardtanh": "hard_tanh",
    "LeakyReLU": "leaky_relu",
    "LogSigmoid": "log_sigmoid",
    "LogSoftmax": "log_softmax",
    "Mish": "mish",
    "ReLU": "relu",
    "ReLU6": "relu6",
    "RReLU": "rrelu",
    "SELU": "selu",
    "SiLU": "silu",
    "Sigmoid": "sigmoid",
    "Softmax": "softmax",
    "Softmin": "softmin",
    "Softplus": "softplus",
    "Softshrink": "soft_shrink",
    "Softsign": "softsign",
    "Tanh": "tanh",
    "Tanhshrink": "tanh_shrink",
}
SIMILARITIES = "cosine", "dot", "euclidean", "manhattan"
# In the order in which they are looked for.
TRANSFORMER_FILES = tuple(
    f"sentence_{family}_config.json"
    for family in "bert roberta distilbert camembert albert xlm-roberta xlnet".split()
)
# What sentence-transformers writes besides, and why it is not computed here.
OTHER_MODULES = {
    "Asym": "texts of several kinds have modules of their own",
    "BoW": "it counts words",
    "CLIPModel": "it embeds images",
    "CNN": "it is a convolution over tokens",
    "LSTM": "it is a recurrent network",
    "MLMTransformer": "it is of a SparseEncoder",
    "MultiVectorMask": "it is of a MultiVectorEncoder",
    "Router": "texts of several kinds have modules of their own",
    "SparseAutoEncoder": "it is of a SparseEncoder",
    "SparseStaticEmbedding": "it is of a SparseEncoder",
    "SpladePooling": "it is of a SparseEncoder",
    "StaticEmbedding": "it has no encoder",
    "WeightedLayerPooling": "it weighs the hidden states of all layers",
    "WordEmbeddings": "it has no encoder",
    "WordWeights": "it weighs words",
}

WIDTH = "the shapes of the weights tell it"
PLACES = {
    "module_input_name": "which vectors it takes",
    "module_output_name": "which vectors it makes",
}
MODULE = KeyTable(
    used={"path": "the module's folder", "type": "what the module computes"},
    ignored={
        "idx": "the modules stand in their order",
        "name": "names no module but for torch",
        "kwargs": "names what encode may be told besides; kerasbert tells nothing",
    },
)
POOLING = KeyTable(
    used={
        "pooling_mode": "how tokens become one vector",
        "include_prompt": "whether the tokens of a prompt are pooled",
        **{key: "how tokens become one vector" for key in OLD_POOLING_KEYS},
    },
    ignored={"embedding_dimension": WIDTH, "word_embedding_dimension": WIDTH},
)
DENSE = KeyTable(
    used={
        **PLACES,
        "in_features": "the width of what it takes",
        "out_features": "the width of what it makes",
        "bias": "whether it has a bias",
        "activation_function": "the activation",
        "use_residual": "whether its input is added to its output",
    },
    ignored={},
)
NORMALIZE = KeyTable(used=PLACES, ignored={})
LAYER_NORM = KeyTable(used={"dimension": "the width"}, ignored={})
DROPOUT = KeyTable(used={}, ignored={"dropout": "it drops nothing in inference"})
MODEL = KeyTable(
    used={
        "prompts": "texts to put before a text, by their names",
        "default_prompt_name": "the prompt that every text gets",
        "similarity_fn_name": "how two vectors are compared",
        "truncate_dim": "how many values of a vector are kept",
    },
    ignored={
        "__version__": "who wrote the folder",
        "requirements": "of Python packages for sentence-transformers",
    },
    required={"model_type": ("SentenceTransformer", None)},
)
# What transformers is told when it loads, and what of it changes no vector here.
LOADING = "how sentence-transformers is to fetch and load; kerasbert has its own ways"
IGNORED_ARGUMENTS = dict.fromkeys(
    """_commit_hash add_pooling_layer attn_implementation cache_dir code_revision
    clean_up_tokenization_spaces device_map export force_download local_files_only
    low_cpu_mem_usage output_attentions output_hidden_states provider return_dict
    revision token trust_remote_code use_auth_token use_cache use_fast
    use_safetensors weights_only""".split(),
    LOADING,
) | dict.fromkeys(("dtype", "torch_dtype"), "the dtype is chosen when it is loaded")
ARGUMENTS = "model_args", "model_kwargs", "config_args", "config_kwargs"
TOKENIZER_ARGUMENTS = "tokenizer_args", "processor_kwargs"
TRANSFORMER = KeyTable(
    used={
        "max_seq_length": "the longest text in tokens",
        "do_lower_case": "whether texts are lower-cased first",
    },
    ignored={
        **{key: "its keys are booked one by one" for key in ARGUMENTS},
        **{key: "its keys are booked one by one" for key in TOKENIZER_ARGUMENTS},
        "processing_kwargs": "its keys are booked one by one",
        "unpad_inputs": "padding has no part in a vector",
    },
    required={
        "transformer_task": ("feature-extraction", None),
        "modality_config": (
            {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
            None,
        ),
        "module_output_name": ("token_embeddings", None),
        "query_length": (None,),
        "document_length": (None,),
        "query_expansion": (None,),
        "tokenizer_name_or_path": (None,),
    },
)


def read_settings(file):
    """Reads the object of a JSON file; empty if there is no file."""
    values = read_json(file) if file.is_file() else {}
    if not isinstance(values, dict):
        raise ValueError(
            f"Expected an object of keys and values in {file}, got {quoted(values)}."
        )
    return values


def checked(file, key, value, kinds, expected):
    """Returns a value of a file, checking its type."""
    is_kind = isinstance(value, kinds) and not (
        isinstance(value, bool) and kinds is int
    )
    if value is not None and not is_kind:
        raise ValueError(
            f"Expected {expected} under {key!r} in {file}, got {quoted(value)}."
        )
    return value


def transformer_settings(folder, account):
    """Reads the settings of the Transformer module."""
    found = (
        (folder / name, read_settings(folder / name)) for name in TRANSFORMER_FILES
    )
    file, values = next(
        ((file, values) for file, values in found if values), (None, {})
    )
    if file is None:
        return None, False
    TRANSFORMER.settle(values, file, account)
    length = values.get("max_seq_length")
    for key in ARGUMENTS:
        arguments = checked(file, key, values.get(key), dict, "an object") or {}
        _settle_arguments(arguments, f"{key}.", IGNORED_ARGUMENTS, file, account)
    for key in TOKENIZER_ARGUMENTS:
        arguments = checked(file, key, values.get(key), dict, "an object") or {}
        known = {**IGNORED_ARGUMENTS, "padding_side": "padding has no part"}
        if "model_max_length" in arguments:
            length = arguments["model_max_length"]
            account.used(file, f"{key}.model_max_length", length, "the longest text")
        rest = {k: v for k, v in arguments.items() if k != "model_max_length"}
        _settle_arguments(rest, f"{key}.", known, file, account)
    processing = checked(
        file, "processing_kwargs", values.get("processing_kwargs"), dict, "an object"
    )
    known = {
        "padding": "padding has no part in a vector",
        "return_tensors": "of torch",
        "pad_to_multiple_of": "padding has no part in a vector",
    }
    for kind, arguments in (processing or {}).items():
        prefix = f"processing_kwargs.{kind}."
        arguments = checked(file, prefix[:-1], arguments, dict, "an object") or {}
        if kind not in ("common", "text"):
            account.ignored(file, prefix[:-1], arguments, "there are texts alone")
            continue
        if "max_length" in arguments:
            length = arguments["max_length"]
            account.used(file, f"{prefix}max_length", length, "the longest text")
        rest = {k: v for k, v in arguments.items() if k != "max_length"}
        if rest.get("truncation") in (True, "longest_first"):
            account.used(file, f"{prefix}truncation", rest.pop("truncation"), "as here")
        _settle_arguments(rest, prefix, known, file, account)
    checked(file, "max_seq_length", length, int, "a number of tokens")
    if length is not None and length < 3:
        raise refusal(file, "max_seq_length", length, "3 tokens or more")
    lower = checked(file, "do_lower_case", values.get("do_lower_case"), bool, "a bool")
    return length, bool(lower)


def _settle_arguments(values, prefix, known, file, account):
    """Records a loader's arguments, and rejects those that change vectors."""
    for key, value in values.items():
        if key not in known:
            raise refusal(
                *(file, prefix + key, value, "none but what changes no vector"),
                remedy="Take the key out, if the vectors do not depend on it.",
            )
        account.ignored(file, prefix + key, value, known[key])


# KerasHub's presets of a `TextEmbedder`.
KEPT_BY_KERAS = "how Keras makes the object"
KERAS_OBJECT = {
    "module": KEPT_BY_KERAS,
    "registered_name": KEPT_BY_KERAS,
    "build_config": KEPT_BY_KERAS,
    "compile_config": "how it was trained",
}
KERAS_TASK = KeyTable(
    used={"class_name": "the task", "config": "its parts"}, ignored=KERAS_OBJECT
)
KERAS_EMBEDDER = KeyTable(
    used={
        "pooling_mode": "how tokens become one vector",
        "normalize": "whether vectors have length 1",
        "preprocessor": "the longest text",
    },
    ignored={
        "backbone": "config.json has it",
        "name": KEPT_BY_KERAS,
        "trainable": "it is chosen when it is trained",
        "dtype": "the dtype is chosen when it is loaded",
    },
)
KERAS_PREPROCESSOR = KeyTable(
    used={"sequence_length": "the longest text in tokens"},
    ignored={
        "tokenizer": "tokenizer.json has it",
        "config_file": "names preprocessor.json",
        "truncate": "how pairs are cut; there are single texts alone",
        "name": KEPT_BY_KERAS,
        "trainable": KEPT_BY_KERAS,
        "dtype": "of token ids",
    },
)
