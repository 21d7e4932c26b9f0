"""Writing of the modules after an encoder, for sentence-transformers."""

import numpy as np

from kerasbert.checkpoints.sentence_keys import (
    ACTIVATIONS,
    OLD_POOLING_KEYS,
    POOLINGS,
)
from kerasbert.checkpoints.tensor_files import write_safetensors
from kerasbert.files import write_json

CLASSES = {"dense": "Dense", "layer_norm": "LayerNorm", "normalize": "Normalize"}


def write_sentence_modules(modules, folder, hidden_size):
    """Writes the modules after the encoder, for sentence-transformers.

    Args:
        modules: `SentenceModules`; the encoder is in the folder itself.
        folder: The folder of the encoder.
        hidden_size: The number of values of a token's vector.

    Raises:
        ValueError: If a projection has an activation that has no name there.
    """
    _check_activations(modules)
    layers = list(zip(modules.projections, modules.projection_weights, strict=True))
    of_tokens = [layer for layer in layers if layer[0].get("of") == "tokens"]
    of_texts = [layer for layer in layers if layer[0].get("of") != "tokens"]
    if modules.normalize:
        of_texts.append(({"kind": "normalize"}, ()))
    listed = [("", "Transformer")]
    size = hidden_size
    for projection, weights in of_tokens:
        size = _write_layer(projection, weights, size, listed, folder)
    path = _new_module("Pooling", listed, folder)
    config = {"word_embedding_dimension": size, **_pooling_config(modules.poolings)}
    if not modules.include_prompt:
        config["include_prompt"] = False
    write_json(path / "config.json", config)
    size *= len(modules.poolings)
    for projection, weights in of_texts:
        size = _write_layer(projection, weights, size, listed, folder)
    write_json(
        folder / "modules.json",
        [
            {
                "idx": i,
                "name": str(i),
                "path": name,
                "type": f"sentence_transformers.models.{kind}",
            }
            for i, (name, kind) in enumerate(listed)
        ],
    )
    write_json(
        folder / "sentence_bert_config.json",
        {"max_seq_length": modules.max_length, "do_lower_case": modules.lower_case},
    )
    settings = {
        "prompts": modules.prompts,
        "default_prompt_name": modules.default_prompt,
        "similarity_fn_name": modules.similarity_fn_name,
    }
    if modules.truncate_dim is not None:
        settings["truncate_dim"] = modules.truncate_dim
    write_json(folder / "config_sentence_transformers.json", settings)


def _check_activations(modules):
    for projection in modules.projections:
        activation = projection.get("activation", "linear")
        if activation not in ACTIVATIONS.values():
            raise ValueError(
                f"Expected the activation of a projection to be one of "
                f"{', '.join(ACTIVATIONS.values())}, which sentence-transformers has; "
                f"got {activation}."
            )
        if projection.get("kind") == "layer_norm" and projection.get("of") == "tokens":
            raise ValueError(
                "Expected a layer normalisation of texts, which sentence-transformers "
                "has; got one of tokens."
            )


def _new_module(kind, listed, folder):
    """Adds a module to the list, and creates its folder."""
    path = f"{len(listed)}_{kind}"
    listed.append((path, kind))
    (folder / path).mkdir()
    return folder / path


def _write_layer(projection, weights, size, listed, folder):
    """Writes a layer; returns its output width."""
    kind = projection.get("kind", "dense")
    place = {}
    if projection.get("of") == "tokens":
        place = dict.fromkeys(
            ("module_input_name", "module_output_name"), "token_embeddings"
        )
    path = _new_module(CLASSES[kind], listed, folder)
    if kind == "normalize":
        # Releases before 5.3 read no configuration of it, and normalise texts.
        if place:
            write_json(path / "config.json", place)
        return size
    if kind == "layer_norm":
        write_json(path / "config.json", {"dimension": size})
        tensors = dict(zip(("norm.weight", "norm.bias"), weights, strict=True))
        write_safetensors(tensors, path / "model.safetensors")
        return size
    classes = {ours: theirs for theirs, ours in ACTIVATIONS.items()}
    activation = classes[projection.get("activation", "linear")]
    module = "linear" if activation == "Identity" else "activation"
    config = {
        "in_features": size,
        "out_features": projection["units"],
        "bias": projection.get("use_bias", True),
        "activation_function": f"torch.nn.modules.{module}.{activation}",
        **place,
    }
    if projection.get("residual"):
        config["use_residual"] = True
    write_json(path / "config.json", config)
    names = "linear.weight", "linear.bias", "residual.weight"
    tensors = {
        name: np.ascontiguousarray(array.T)
        for name, array in zip(names, weights, strict=False)
        if array is not None
    }
    write_safetensors(tensors, path / "model.safetensors")
    return projection["units"]


def _pooling_config(poolings):
    """Returns the older form of the config, if it can express the order."""
    theirs = {ours: mode for mode, ours in POOLINGS.items()}
    modes = [theirs[name] for name in poolings]
    if modes != [mode for mode in POOLINGS if mode in modes]:
        return {"pooling_mode": modes}
    since_2021 = list(OLD_POOLING_KEYS)[:4]
    return {
        key: mode in modes
        for key, mode in OLD_POOLING_KEYS.items()
        if key in since_2021 or mode in modes
    }
