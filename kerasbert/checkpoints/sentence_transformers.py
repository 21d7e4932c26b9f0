"""The folders of sentence-transformers: what comes after the encoder."""

import dataclasses
import json

from kerasbert.checkpoints.tensor_files import read_safetensors, read_torch
from kerasbert.files import read_json

# From their pooling modes to ours, as the older and the newer configurations name them.
POOLINGS = {
    "cls": "cls",
    "max": "max",
    "mean": "mean",
    "mean_sqrt_len": "sqrt_length",
    "mean_sqrt_len_tokens": "sqrt_length",
}
ACTIVATIONS = {
    "Identity": "linear",
    "Linear": "linear",
    "Tanh": "tanh",
    "ReLU": "relu",
    "GELU": "gelu",
    "SiLU": "silu",
}


@dataclasses.dataclass(frozen=True)
class SentenceModules:
    """What a sentence-transformers folder says about text to vector.

    Args:
        poolings: Names of `kerasbert.layers.SentenceHead`.
        projections: As there.
        projection_weights: Kernel and bias (or None) of each projection.
        normalize: Whether the vectors have length 1.
        max_length: The longest sequence in tokens, or None.
        prompts: Texts to put before a text, by their names.
        default_prompt: The name of the prompt that is always put there, or None.
    """

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
        ValueError: If the folder asks for a module that kerasbert does not have.
    """
    file = folder / "modules.json"
    if not file.is_file():
        return SentenceModules()
    fields = {"poolings": ("mean",), "projections": [], "projection_weights": []}
    for module in read_json(file)[1:]:
        kind, place = module["type"].rpartition(".")[-1], folder / module["path"]
        if kind == "Pooling":
            fields["poolings"] = _poolings(place / "config.json")
        elif kind == "Dense" and not fields.get("normalize"):
            projection, weights = _projection(place)
            fields["projections"].append(projection)
            fields["projection_weights"].append(weights)
        elif kind == "Normalize":
            fields["normalize"] = True
        else:
            raise ValueError(
                f"{file} asks for the module {module['type']}, which kerasbert does "
                "not have at that place; it has Pooling, Dense and, last, Normalize."
            )
    settings = _read_if_there(folder / "config_sentence_transformers.json")
    prompts = {k: v for k, v in (settings.get("prompts") or {}).items() if v}
    default_prompt = settings.get("default_prompt_name")
    return SentenceModules(
        **{key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()},
        max_length=_max_length(folder),
        prompts=prompts,
        default_prompt=default_prompt if default_prompt in prompts else None,
    )


def write_sentence_modules(modules, folder):
    """Makes a Hugging Face folder one of sentence-transformers.

    Args:
        modules: `SentenceModules`.
        folder: A folder with `config.json` and weights.
    """
    import numpy as np
    from safetensors.numpy import save_file

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
    size = read_json(folder / "config.json")["hidden_size"]
    names = {ours: theirs for theirs, ours in POOLINGS.items()}
    _write_json(
        folder / "1_Pooling" / "config.json",
        {
            "word_embedding_dimension": size,
            "pooling_mode_cls_token": "cls" in modules.poolings,
            "pooling_mode_mean_tokens": "mean" in modules.poolings,
            "pooling_mode_max_tokens": "max" in modules.poolings,
            f"pooling_mode_{names['sqrt_length']}": "sqrt_length" in modules.poolings,
        },
    )
    size *= len(modules.poolings)
    for (path, _), projection, (kernel, bias) in zip(
        stages[2:], modules.projections, modules.projection_weights, strict=False
    ):
        classes = {ours: theirs for theirs, ours in reversed(ACTIVATIONS.items())}
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
        save_file(tensors, folder / path / "model.safetensors")
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
    if "pooling_mode" in config:
        modes = config["pooling_mode"]
        modes = [modes] if isinstance(modes, str) else modes
    else:
        modes = [
            key.removeprefix("pooling_mode_").removesuffix("_tokens")
            for key, chosen in config.items()
            if key.startswith("pooling_mode_") and chosen
        ]
        modes = [mode.removesuffix("_token") for mode in modes]
    unknown = [mode for mode in modes if mode not in POOLINGS]
    if unknown or not modes:
        raise ValueError(
            f"{file} asks for the pooling {', '.join(unknown) or 'of nothing'}, which "
            "kerasbert does not have; it has cls, max, mean and mean_sqrt_len."
        )
    return tuple(POOLINGS[mode] for mode in modes)


def _projection(folder):
    config = read_json(folder / "config.json")
    name = config.get("activation_function", "torch.nn.modules.activation.Tanh")
    activation = ACTIVATIONS.get(name.rpartition(".")[-1])
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
    file = folder / "sentence_bert_config.json"
    return _read_if_there(file).get("max_seq_length")


def _read_if_there(file):
    return read_json(file) if file.is_file() else {}


def _write_json(file, values):
    text = json.dumps(values, indent=2, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")
