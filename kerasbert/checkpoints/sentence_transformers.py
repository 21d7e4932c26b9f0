"""The modules after the encoder of an embedding model.

The folders of sentence-transformers say it in `modules.json`, KerasHub's presets of a
`TextEmbedder` in `task.json`.
"""

import dataclasses

from kerasbert.account import Account, quoted, refusal
from kerasbert.checkpoints import sentence_keys as keys
from kerasbert.checkpoints.names import FAMILIES
from kerasbert.checkpoints.sentence_writing import (
    write_sentence_modules as write_sentence_modules,
)
from kerasbert.checkpoints.tensor_files import (
    errors_name,
    read_safetensors,
    read_torch,
)
from kerasbert.files import inside, read_json

ENCODERS = ("Transformer", *(family.title for family in FAMILIES))
TEXT, TOKENS = "sentence_embedding", "token_embeddings"
PLACE_IN, PLACE_OUT = keys.PLACES
# These take the axis of the texts, where the vectors are those of tokens.
OF_AN_AXIS = "softmax", "softmin", "log_softmax"


@dataclasses.dataclass(frozen=True)
class SentenceModules:
    """The settings of an embedding model besides encoder and tokenizer.

    Args:
        encoder: The folder of the encoder in the folder; usually itself.
        poolings: Names of `kerasbert.layers.SentenceHead`.
        projections: As there.
        projection_weights: The arrays of each projection: kernel, bias (or None) and,
            where a residual has one, its kernel; or gamma and beta.
        normalize: Whether the vectors have length 1.
        max_length: The longest sequence in tokens, or None.
        prompts: Texts to put before a text, by their names.
        default_prompt: The name of the prompt that is always put there, or None.
        include_prompt: Whether the tokens of a prompt are pooled.
        similarity_fn_name: How vectors are compared: `"cosine"`, `"dot"`,
            `"euclidean"` or `"manhattan"`.
        truncate_dim: How many values of a vector are kept; None: all.
        lower_case: Whether texts are lower-cased, whatever the tokenizer does.
    """

    encoder: str = ""
    poolings: tuple[str, ...] = ("mean",)
    projections: tuple[dict, ...] = ()
    projection_weights: tuple = ()
    normalize: bool = False
    max_length: int | None = None
    prompts: dict = dataclasses.field(default_factory=dict)
    default_prompt: str | None = None
    include_prompt: bool = True
    similarity_fn_name: str = "cosine"
    truncate_dim: int | None = None
    lower_case: bool = False


def holds_sentence_modules(folder):
    """Whether a folder specifies modules after its encoder."""
    if (folder / "modules.json").is_file():
        return True
    task = folder / "task.json"
    return task.is_file() and _is_embedder(keys.read_settings(task))


def read_sentence_modules(folder, account=None):
    """Reads the modules after the encoder, or returns the default.

    That is the mean of the tokens, not normalised, as sentence-transformers itself
    takes for a folder without `modules.json`.
    """
    account = Account() if account is None else account
    with errors_name(folder, (AttributeError, KeyError, TypeError)):
        if (folder / "modules.json").is_file():
            return _of_modules(folder, account)
        if (folder / "task.json").is_file():
            return _of_keras_hub(folder, account)
    return SentenceModules()


def lower_cased(tokenizer):
    """Returns a tokenizer that also lower-cases text."""
    if tokenizer.lower_case:
        return tokenizer
    strip = bool(tokenizer.strip_accents)
    return dataclasses.replace(tokenizer, lower_case=True, strip_accents=strip)


@dataclasses.dataclass(frozen=True)
class _Step:
    """A module on the way to a vector."""

    description: dict
    weights: tuple = ()


def _of_modules(folder, account):
    file = folder / "modules.json"
    found, made = {}, []  # from the name of vectors to the steps that make them
    encoder = before = ""
    for number, module in enumerate(read_json(file)):
        keys.MODULE.settle(module, file, account, f"{number}.")
        place = inside(folder, module.get("path", ""), file)
        kind = _kind(module["type"], before, file)
        steps = _steps(kind, place, found, account)
        if kind in ENCODERS:
            encoder, found = module.get("path", ""), {TOKENS: ()}
        elif steps is None:
            raise ValueError(
                f"{file} asks for {str(module['type'])[:100]} after {before}, where "
                "there is nothing for it to take. Put it after the Pooling."
            )
        else:
            found |= steps
            made += [(number, module["type"], chain[-1]) for chain in steps.values()]
        before = kind
    chain = found.get(TEXT, ())
    poolings = [step for step in chain if "poolings" in step.description]
    if len(poolings) != 1:
        raise ValueError(
            f"Expected a Pooling module in {file}, got {len(poolings) or 'none'}."
        )
    for number, name, step in made:
        if not any(step is taken for taken in chain):
            account.ignored(file, f"{number}", name, "nothing takes what it makes")
    at = next(i for i, step in enumerate(chain) if step is poolings[0])
    of_tokens = [
        _Step({**step.description, "of": "tokens"}, step.weights) for step in chain[:at]
    ]
    for step in of_tokens:
        if step.description.get("activation") in OF_AN_AXIS:
            raise refusal(
                *(file, "activation_function", step.description["activation"]),
                "an activation of each value before the Pooling",
            )
    of_texts = list(chain[at + 1 :])
    normalize = bool(of_texts) and of_texts[-1].description["kind"] == "normalize"
    layers = [*of_tokens, *(of_texts[:-1] if normalize else of_texts)]
    max_length, lower_case = keys.transformer_settings(folder / encoder, account)
    return SentenceModules(
        encoder=encoder,
        projections=tuple(_projection_of(step.description) for step in layers),
        projection_weights=tuple(step.weights for step in layers),
        normalize=normalize,
        max_length=max_length,
        lower_case=lower_case,
        **poolings[0].description,
        **_settings(folder, account),
    )


def _projection_of(description):
    """Returns a projection; a dense layer needs no kind."""
    dense = description.get("kind") == "dense"
    return {k: v for k, v in description.items() if not (dense and k == "kind")}


def _kind(name, before, file):
    """Returns the class name of a module, if it is supported."""
    known = (*ENCODERS, "Pooling", "Dense", "Dropout", "LayerNorm", "Normalize")
    kind = str(name).rpartition(".")[-1]
    if not str(name).startswith("sentence_transformers."):
        reason = "which is code that comes with the model; kerasbert runs none"
    elif kind in keys.OTHER_MODULES:
        reason = f"which kerasbert does not have: {keys.OTHER_MODULES[kind]}"
    elif kind not in known or (kind in ENCODERS) != (not before):
        reason = "which kerasbert does not have"
    else:
        return kind
    raise ValueError(
        f"{file} asks for {str(name)[:100]} after {before or 'nothing'}, {reason}. It "
        "has a Transformer, then Pooling, Dense, LayerNorm, Dropout and Normalize."
    )


def _steps(kind, place, found, account):
    """Returns the outputs of a module; None if its input is missing."""
    if kind in ENCODERS:
        return None
    file = place / "config.json"
    config = keys.read_settings(file)
    takes = keys.checked(file, PLACE_IN, config.get(PLACE_IN), str, "a name") or TEXT
    makes = keys.checked(file, PLACE_OUT, config.get(PLACE_OUT), str, "a name") or takes
    if kind == "Pooling":
        step = _Step(_pooling(config, file))
        keys.POOLING.settle(config, file, account)
        return {TEXT: (*found[TOKENS], step)}
    if kind == "Normalize":
        keys.NORMALIZE.settle(config, file, account)
        if takes not in found:  # as sentence-transformers
            return {}
        return {makes: (*found[takes], _Step({"kind": "normalize"}))}
    if kind == "Dense":
        if takes not in found:
            return None
        keys.DENSE.settle(config, file, account)
        return {makes: (*found[takes], _dense(config, place, account))}
    if TEXT not in found:
        return None
    if kind == "Dropout":
        keys.DROPOUT.settle(config, file, account)
        return {}
    keys.LAYER_NORM.settle(config, file, account)
    size = config["dimension"]
    stored, file = _stored(place)
    names = {"norm.weight": (size,), "norm.bias": (size,)}
    weights = _read(stored, names, file, account)
    return {TEXT: (*found[TEXT], _Step({"kind": "layer_norm"}, weights))}


def _pooling(config, file):
    modes = config.get("pooling_mode")
    if modes is None:
        old = [key for key in config if key.startswith("pooling_mode_")]
        old.sort(key=[*keys.OLD_POOLING_KEYS, *old].index)
        modes = [keys.OLD_POOLING_KEYS.get(key, key) for key in old if config[key]]
        modes = modes if old else ["mean"]
    modes = [modes] if isinstance(modes, str) else modes
    unknown = [mode for mode in modes if mode not in keys.POOLINGS]
    if unknown or not modes:
        shown = ", ".join(map(str, unknown))[:80]
        raise ValueError(
            f"{file} asks for the pooling {shown or 'of nothing'}, which kerasbert "
            f"does not have; it has {', '.join(keys.POOLINGS)}."
        )
    include = keys.checked(
        file, "include_prompt", config.get("include_prompt", True), bool, "a bool"
    )
    poolings = tuple(keys.POOLINGS[mode] for mode in modes)
    return {"poolings": poolings, "include_prompt": include is not False}


def _dense(config, place, account):
    file = place / "config.json"
    name = config.get("activation_function", "torch.nn.modules.activation.Tanh")
    activation = keys.ACTIVATIONS.get(str(name).rpartition(".")[-1])
    if activation is None or not name.startswith("torch."):
        raise ValueError(
            f"{file} asks for the activation {quoted(name)}, which kerasbert does not "
            f"know; it knows those of torch: {', '.join(keys.ACTIVATIONS)}."
        )
    size, units = config["in_features"], config["out_features"]
    use_bias = bool(config.get("bias", True))
    residual = bool(config.get("use_residual"))
    stored, weights_file = _stored(place)
    if use_bias != ("linear.bias" in stored.shapes):
        raise ValueError(
            f"{file} says bias={str(use_bias).lower()}, but {weights_file} "
            f"{'lacks' if use_bias else 'holds'} linear.bias. Which of them is right?"
        )
    shapes = {"linear.weight": (units, size)}
    if use_bias:
        shapes["linear.bias"] = (units,)
    if residual and units != size:
        shapes["residual.weight"] = (units, size)
    arrays = dict(
        zip(shapes, _read(stored, shapes, weights_file, account), strict=True)
    )
    description = {
        "kind": "dense",
        "units": units,
        "activation": activation,
        "use_bias": use_bias,
    }
    weights = [arrays["linear.weight"].T, arrays.get("linear.bias")]
    if residual:
        description["residual"] = True
    if "residual.weight" in arrays:
        weights.append(arrays["residual.weight"].T)
    return _Step(description, tuple(weights))


def _stored(place):
    """Returns the tensors of a module, and their file."""
    for name, read in {
        "model.safetensors": read_safetensors,
        "pytorch_model.bin": read_torch,
    }.items():
        if (place / name).is_file():
            return read(place / name), place / name
    raise FileNotFoundError(
        f"Expected model.safetensors or pytorch_model.bin in {place}; there is none. "
        "Was the folder fetched whole?"
    )


def _read(stored, shapes, file, account):
    """Reads arrays by name, and reports the others."""
    for name, shape in shapes.items():
        if stored.shapes.get(name) != shape:
            raise ValueError(
                f"Expected {name} {shape} in {file}, got "
                f"{stored.shapes.get(name, 'nothing')}."
            )
        account.used(file, name, shape)
    account.unknown(
        file, {name: s for name, s in stored.shapes.items() if name not in shapes}
    )
    return tuple(stored.read(name) for name in shapes)


def _settings(folder, account):
    """Reads `config_sentence_transformers.json`."""
    file = folder / "config_sentence_transformers.json"
    values = keys.read_settings(file)
    keys.MODEL.settle(values, file, account)
    given = keys.checked(file, "prompts", values.get("prompts"), dict, "an object")
    prompts = {
        name: keys.checked(file, f"prompts.{name}", text, str, "a text") or ""
        for name, text in (given or {}).items()
    }
    default = values.get("default_prompt_name")
    if default in ("query", "document") and default not in prompts:
        default = None  # empty, as sentence-transformers has them
    if default is not None and default not in prompts:
        raise ValueError(
            f"{file} names the default prompt {quoted(default)}, which is none of its "
            f"prompts: {quoted(list(prompts))}. Expected one of them, or null."
        )
    similarity = values.get("similarity_fn_name") or "cosine"
    if similarity not in keys.SIMILARITIES:
        raise refusal(
            *(file, "similarity_fn_name", similarity), " or ".join(keys.SIMILARITIES)
        )
    size = keys.checked(file, "truncate_dim", values.get("truncate_dim"), int, "a size")
    if size is not None and size < 1:
        raise refusal(file, "truncate_dim", size, "a number of values from 1 on")
    return {
        "prompts": prompts,
        "default_prompt": default,
        "similarity_fn_name": similarity,
        "truncate_dim": size,
    }


def _is_embedder(task):
    return str(task.get("class_name")).endswith("TextEmbedder")


def _of_keras_hub(folder, account):
    file = folder / "task.json"
    task = keys.read_settings(file)
    if not _is_embedder(task):
        return SentenceModules()
    keys.KERAS_TASK.settle(task, file, account)
    config = task["config"]
    keys.KERAS_EMBEDDER.settle(config, file, account, "config.")
    if config["pooling_mode"] not in ("mean", "cls", "max"):
        raise refusal(file, "pooling_mode", config["pooling_mode"], "mean, cls or max")
    length = None
    if config.get("preprocessor"):
        preprocessor = config["preprocessor"]["config"]
        prefix = "config.preprocessor.config."
        keys.KERAS_PREPROCESSOR.settle(preprocessor, file, account, prefix)
        length = preprocessor["sequence_length"]
    return SentenceModules(
        poolings=(config["pooling_mode"],),
        normalize=bool(config["normalize"]),
        max_length=keys.checked(file, "sequence_length", length, int, "a number"),
    )
