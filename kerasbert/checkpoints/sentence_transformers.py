"""What comes after the encoder, from text to vector.

The folders of sentence-transformers say it in `modules.json`, KerasHub's presets of a
`TextEmbedder` in `task.json`.
"""

import dataclasses
import json

from kerasbert.checkpoints.tensor_files import (
    errors_name,
    read_safetensors,
    read_torch,
    write_safetensors,
)
from kerasbert.files import read_json

# From their pooling modes to ours.
POOLINGS = {
    "cls": "cls",
    "max": "max",
    "mean": "mean",
    "mean_sqrt_len_tokens": "sqrt_length",
}
# In older configurations a key each; several are joined in this order.
OLD_POOLING_KEYS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
}
ACTIVATIONS = {
    "Identity": "linear",
    "Tanh": "tanh",
    "ReLU": "relu",
    "GELU": "gelu",
    "SiLU": "silu",
}
# What each module may come after; dropout does nothing but in training.
ORDER = {
    "Transformer": ("",),
    "BERT": ("",),
    "ALBERT": ("",),
    "Pooling": ("Transformer", "BERT", "ALBERT"),
    "Dense": ("Pooling", "Dense", "Dropout"),
    "Dropout": ("Pooling", "Dense"),
    "Normalize": ("Pooling", "Dense", "Dropout"),
}
LENGTH_FILES = "sentence_bert_config.json", "sentence_albert_config.json"


@dataclasses.dataclass(frozen=True)
class SentenceModules:
    """From text to vector: what there is besides encoder and tokenizer.

    Args:
        encoder: The folder of the encoder in the folder; usually itself.
        poolings: Names of `kerasbert.layers.SentenceHead`.
        projections: As there.
        projection_weights: Kernel and bias (or None) of each projection.
        normalize: Whether the vectors have length 1.
        max_length: The longest sequence in tokens, or None.
        prompts: Texts to put before a text, by their names.
        default_prompt: The name of the prompt that is always put there, or None.
    """

    encoder: str = ""
    poolings: tuple[str, ...] = ("mean",)
    projections: tuple[dict, ...] = ()
    projection_weights: tuple = ()
    normalize: bool = False
    max_length: int | None = None
    prompts: dict = dataclasses.field(default_factory=dict)
    default_prompt: str | None = None


def read_sentence_modules(folder):
    """Reads what comes after the encoder; of any other folder, the usual choice.

    That is the mean of the tokens, not normalised, as sentence-transformers itself
    takes for a folder without `modules.json`.

    Args:
        folder: A `pathlib.Path`.

    Returns:
        `SentenceModules`.

    Raises:
        ValueError: If the folder is broken, or asks for a module that kerasbert does
            not have.
    """
    with errors_name(folder, (AttributeError, KeyError, TypeError)):
        if (folder / "modules.json").is_file():
            return _of_modules(folder)
        if (folder / "task.json").is_file():
            return _of_keras_hub(folder)
    return SentenceModules()


def _of_modules(folder):
    file = folder / "modules.json"
    encoder, poolings, projections, normalize = "", (), [], False
    before = ""
    for module in read_json(file):
        kind, path = module["type"].rpartition(".")[-1], module["path"]
        if before not in ORDER.get(kind, ()):
            raise ValueError(
                f"{file} asks for {module['type']} after {before or 'nothing'}, which "
                "kerasbert does not have; it has a Transformer, Pooling, any number "
                "of Dense and, last, Normalize."
            )
        if kind == "Pooling":
            poolings = _poolings(folder / path / "config.json")
        elif kind == "Dense":
            projections.append(_projection(folder / path))
        elif kind == "Normalize":
            normalize = True
        elif kind != "Dropout":
            encoder = path
        before = kind
    if not poolings:
        raise ValueError(f"Expected a Pooling module in {file}, got none.")
    settings = _read_if_there(folder / "config_sentence_transformers.json")
    prompts = settings.get("prompts") or {}
    default_prompt = settings.get("default_prompt_name")
    return SentenceModules(
        encoder=encoder,
        poolings=poolings,
        projections=tuple(projection for projection, _ in projections),
        projection_weights=tuple(weights for _, weights in projections),
        normalize=normalize,
        max_length=_max_length(folder / encoder),
        prompts=prompts,
        default_prompt=default_prompt if default_prompt in prompts else None,
    )


def _of_keras_hub(folder):
    task = read_json(folder / "task.json")
    if not task["class_name"].endswith("TextEmbedder"):
        return SentenceModules()
    config = task["config"]
    return SentenceModules(
        poolings=(config["pooling_mode"],),
        normalize=config["normalize"],
        max_length=config["preprocessor"]["config"]["sequence_length"],
    )


def write_sentence_modules(modules, folder, hidden_size):
    """Writes what comes after the encoder beside it, as sentence-transformers does.

    Args:
        modules: `SentenceModules`; the encoder is in the folder itself.
        folder: The folder of the encoder.
        hidden_size: The number of values of a token's vector.

    Raises:
        ValueError: If a projection has an activation that has no name there.
    """
    import numpy as np

    for projection in modules.projections:
        if projection["activation"] not in ACTIVATIONS.values():
            raise ValueError(
                f"Expected the activation of a projection to be one of "
                f"{', '.join(ACTIVATIONS.values())}, which sentence-transformers has; "
                f"got {projection['activation']}."
            )
    stages = [("", "Transformer"), ("1_Pooling", "Pooling")]
    for i in range(len(modules.projections)):
        stages.append((f"{i + 2}_Dense", "Dense"))
    if modules.normalize:
        stages.append((f"{len(stages)}_Normalize", "Normalize"))
    listed = [
        {
            "idx": i,
            "name": str(i),
            "path": path,
            "type": f"sentence_transformers.models.{kind}",
        }
        for i, (path, kind) in enumerate(stages)
    ]
    _write_json(folder / "modules.json", listed)
    for path, _ in stages[1:]:
        (folder / path).mkdir()
    _write_json(
        folder / "1_Pooling" / "config.json",
        {"word_embedding_dimension": hidden_size, **_pooling_config(modules.poolings)},
    )
    size = hidden_size * len(modules.poolings)
    classes = {ours: theirs for theirs, ours in ACTIVATIONS.items()}
    for (path, _), projection, (kernel, bias) in zip(
        stages[2:], modules.projections, modules.projection_weights, strict=False
    ):
        activation = classes[projection["activation"]]
        module = "linear" if activation == "Identity" else "activation"
        _write_json(
            folder / path / "config.json",
            {
                "in_features": size,
                "out_features": projection["units"],
                "bias": projection["use_bias"],
                "activation_function": f"torch.nn.modules.{module}.{activation}",
            },
        )
        size = projection["units"]
        tensors = {"linear.weight": np.ascontiguousarray(kernel.T)}
        if bias is not None:
            tensors["linear.bias"] = bias
        write_safetensors(tensors, folder / path / "model.safetensors")
    _write_json(
        folder / "sentence_bert_config.json",
        {"max_seq_length": modules.max_length, "do_lower_case": False},
    )
    _write_json(
        folder / "config_sentence_transformers.json",
        {"prompts": modules.prompts, "default_prompt_name": modules.default_prompt},
    )


def _poolings(file):
    config = read_json(file)
    if not config.get("include_prompt", True):
        raise ValueError(
            f"{file} asks for include_prompt=false, vectors in which a prompt has no "
            "part, which kerasbert does not compute."
        )
    modes = config.get("pooling_mode")
    if modes is None:
        keys = [key for key in config if key.startswith("pooling_mode_")]
        keys.sort(key=[*OLD_POOLING_KEYS, *keys].index)
        modes = [OLD_POOLING_KEYS.get(key, key) for key in keys if config[key]]
    modes = [modes] if isinstance(modes, str) else modes
    unknown = [mode for mode in modes if mode not in POOLINGS]
    if unknown or not modes:
        raise ValueError(
            f"{file} asks for the pooling {', '.join(unknown) or 'of nothing'}, which "
            f"kerasbert does not have; it has {', '.join(POOLINGS)}."
        )
    return tuple(POOLINGS[mode] for mode in modes)


def _pooling_config(poolings):
    """The older form, which every release reads, where it can say the order."""
    theirs = {ours: mode for mode, ours in POOLINGS.items()}
    modes = [theirs[name] for name in poolings]
    if modes == [mode for mode in POOLINGS if mode in modes]:
        return {key: mode in modes for key, mode in OLD_POOLING_KEYS.items()}
    return {"pooling_mode": modes}


def _projection(folder):
    config = read_json(folder / "config.json")
    name = config.get("activation_function", "torch.nn.modules.activation.Tanh")
    activation = ACTIVATIONS.get(name.rpartition(".")[-1])
    places = config.get("module_input_name"), config.get("module_output_name")
    if config.get("use_residual") or set(places) - {None, "sentence_embedding"}:
        raise ValueError(
            f"{folder / 'config.json'} asks for a dense layer beside another, or of "
            "tokens, which kerasbert does not have; it has those of the embedding."
        )
    if activation is None:
        raise ValueError(
            f"{folder / 'config.json'} asks for the activation {name}, which kerasbert "
            f"does not know; it knows {', '.join(ACTIVATIONS)}."
        )
    if (folder / "model.safetensors").is_file():
        stored = read_safetensors(folder / "model.safetensors")
    else:
        stored = read_torch(folder / "pytorch_model.bin")
    expected = (config["out_features"], config["in_features"])
    if stored.shapes.get("linear.weight") != expected:
        raise ValueError(
            f"Expected linear.weight {expected} in {folder}, got "
            f"{stored.shapes.get('linear.weight')}."
        )
    use_bias = "linear.bias" in stored.shapes
    kernel = stored.read("linear.weight").T
    bias = stored.read("linear.bias") if use_bias else None
    units = config["out_features"]
    projection = {"units": units, "activation": activation, "use_bias": use_bias}
    return projection, (kernel, bias)


def _max_length(folder):
    settings = [_read_if_there(folder / name) for name in LENGTH_FILES]
    lengths = [values.get("max_seq_length") for values in settings]
    return next((length for length in lengths if length is not None), None)


def _read_if_there(file):
    return read_json(file) if file.is_file() else {}


def _write_json(file, values):
    text = json.dumps(values, indent=2, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")
