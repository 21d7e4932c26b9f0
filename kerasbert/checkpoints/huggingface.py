"""Hugging Face folders: `config.json` with a safetensors, torch or HDF5 file."""

import dataclasses
import re
import warnings

import numpy as np

from kerasbert.account import Account, listed, quoted
from kerasbert.checkpoints import huggingface_keys as keys
from kerasbert.checkpoints.assemble import assemble
from kerasbert.checkpoints.classifier_head import (
    classifier_settings,
    read_classifier_head,
)
from kerasbert.checkpoints.config_keys import (
    activation_of,
    dropout_rate,
    make_config,
    read_object,
)
from kerasbert.checkpoints.foreign import warn_of_other_head
from kerasbert.checkpoints.huggingface_names import (
    canonical_names,
    torch_names,
)
from kerasbert.checkpoints.kept import KEY, read_kept, restore
from kerasbert.checkpoints.names import (
    FAMILIES,
    family_by_marks,
    family_of,
    names_of,
    rows_in,
    titles,
)
from kerasbert.checkpoints.tensor_files import (
    read_hdf5,
    read_safetensors,
    read_torch,
    write_safetensors,
)
from kerasbert.files import read_json, write_json

NAME = "huggingface"
# In the order of precedence.
WEIGHT_FILES = {
    "packed.safetensors": read_safetensors,  # see `pack_folder`
    "model.safetensors": read_safetensors,
    "model.safetensors.index.json": read_safetensors,
    "pytorch_model.bin": read_torch,
    "pytorch_model.bin.index.json": read_torch,
    "tf_model.h5": read_hdf5,
    "tf_model.h5.index.json": read_hdf5,
}
# Where none of them is there, the one file with such a suffix.
SUFFIXES = {
    ".safetensors": read_safetensors,
    ".bin": read_torch,
    ".pt": read_torch,
    ".pth": read_torch,
    ".ckpt": read_torch,
}


def recognises(folder):
    """Whether a folder looks like a Hugging Face model."""
    if weight_files(folder):
        return _config_file(folder) is not None
    file = folder / "config.json"
    if not file.is_file() or any(folder.glob("*.index")):
        return False
    values = read_json(file)
    return not isinstance(values, dict) or "class_name" not in values


def read(folder, account):
    """Reads a Hugging Face folder."""
    file = _config_file(folder)
    values = read_object(file)
    family = _family(values, file)
    names = family.huggingface
    config = config_of(values, file, account, family)

    named = _open_weights(folder, account, family)
    shapes = named.stored.shapes
    classes = _num_classes(shapes)
    checkpoint = assemble(
        NAME,
        folder,
        config,
        named.stored,
        account,
        ignored=ignored_names(names),
        num_classes=classes,
        original_names=named.own_names,
        is_encoders=named.is_encoders,
        set_aside=untied(named.stored, values, names),
    )
    if "classification_head" not in checkpoint.heads:
        classes = None
    head = read_classifier_head(values, folder, file, _architecture(values), classes)
    checkpoint = dataclasses.replace(
        checkpoint,
        **vars(head),
        head_dropout=_head_dropout(values, head, config, names, file),
    )
    return restore(checkpoint, read_kept(values, file), file)


def config_of(values, file, account, family, prefix=""):
    """Converts a config of transformers; `prefix` begins the names of its keys."""
    names = family.huggingface
    own = dict.fromkeys((names.text_dropout, names.token_dropout), "of the head")
    known = keys.CONFIG_KEYS.with_names(
        names.config, {**own, **names.ignored}, names.required
    )
    fields = known.read(values, file, account, prefix)
    if "hidden_act" in fields:
        fields["hidden_act"] = activation_of(
            fields["hidden_act"], keys.ACTIVATIONS, file
        )
    return make_config(family.config_class, fields, file)


def write(checkpoint, folder):
    """Writes `config.json` and `model.safetensors` for transformers."""
    config = checkpoint.config
    family = family_of(config)
    names = names_of(family, NAME)
    architecture = _architecture_of(checkpoint, names)
    prefix = f"{family.name}." if checkpoint.heads else ""
    num_heads = config.num_attention_heads
    tensors = {}
    for row in rows_in(config, NAME):
        if row.ours in checkpoint.weights:
            inside = row.theirs.startswith(names.parts)
            name = (prefix if inside else "") + row.theirs
            array = row.transform.save(checkpoint.weights[row.ours](), num_heads)
            tensors[name] = np.ascontiguousarray(array)
    write_safetensors(tensors, folder / "model.safetensors", {"format": "pt"})

    activation = "gelu_new" if config.hidden_act == "gelu_tanh" else config.hidden_act
    fields = {**dataclasses.asdict(config), "hidden_act": activation}
    values = {
        "architectures": [architecture],
        "model_type": family.name,
        **{theirs: fields[ours] for theirs, ours in names.config.items()},
        **{key: values[0] for key, values in names.required.items()},
        **({"pad_token_id": 0} if config.vocab_size else {}),
        "torch_dtype": "float32",
    }
    kept = {}
    if checkpoint.labels:
        labels = dict(enumerate(checkpoint.labels))
        values["id2label"] = labels
        values["label2id"] = {label: index for index, label in labels.items()}
        of_tokens = checkpoint.token_labels
        key = names.token_dropout if of_tokens else names.text_dropout
        if key not in names.config:
            values[key] = checkpoint.head_dropout
        elif values[key] != checkpoint.head_dropout:
            kept["head_dropout"] = checkpoint.head_dropout
        values |= classifier_settings(checkpoint)
    if checkpoint.pairs is not None:
        kept["pairs"] = checkpoint.pairs
    if checkpoint.masked_lm:
        warn_of_other_head(checkpoint, "transformers")
        kept["masked_lm"] = dict(checkpoint.masked_lm)
    if kept:
        values[KEY] = kept
    write_json(folder / "config.json", values)


def _config_file(folder):
    """Returns the config file, which is `bert_config.json` in folders of 2018."""
    for name in ("config.json", "bert_config.json"):
        if (folder / name).is_file():
            return folder / name
    return None


def weight_files(folder):
    """Returns the weight files; the first one is read."""
    names = [name for name in WEIGHT_FILES if (folder / name).is_file()]
    if names or any(folder.glob("*.index")):
        return names
    found = [
        file.name
        for file in sorted(folder.iterdir())
        if file.suffix in SUFFIXES and file.is_file()
    ]
    return [name for name in found if not keys.TRAINING_FILES.match(name)]


def _architecture(values):
    """Returns the transformers class that wrote the folder, or ""."""
    names = values.get("architectures")
    is_list = isinstance(names, list) and names and isinstance(names[0], str)
    return names[0] if is_list else ""


def _architecture_of(checkpoint, names):
    """Returns the transformers class for a checkpoint."""
    if checkpoint.other_head:
        return checkpoint.other_head
    heads = (*checkpoint.heads, *(("tokens",) if checkpoint.token_labels else ()))
    if heads not in names.architectures:
        raise ValueError(
            f"No class of transformers holds the heads {', '.join(heads)} together. "
            "Load one of them, as with MaskedLMModel.from_pretrained, and save that."
        )
    return names.architectures[heads]


def _family(values, file):
    """Returns the family of a config, by its type, class or keys."""
    kind = values.get("model_type")
    if kind is None:
        written = _architecture(values)
        for family in FAMILIES:
            prefix = family.huggingface.architectures[()].removesuffix("Model")
            if written.startswith(prefix):
                return family
        return family_by_marks(values)
    family = next((family for family in FAMILIES if family.name == kind), None)
    if family is None:
        expected = " or ".join(repr(family.name) for family in FAMILIES)
        raise ValueError(
            f"Expected a model_type of {expected} in {file}, got {quoted(kind)}. "
            f"kerasbert computes {titles()} alone."
        )
    return family


def ignored_names(names):
    """Returns patterns of ignored tensor names, with reasons."""
    tied = (re.compile(rf"^{re.escape(name)}$") for name in names.tied)
    return [*keys.IGNORED, *((name, "tied, checked to be equal") for name in tied)]


def _open_weights(folder, account, family):
    """Opens the weight files as `NamedTensors`, and records them."""
    adapter = folder / "adapter_config.json"
    if adapter.is_file():
        raise ValueError(
            f"{adapter} asks for an adapter on top of the weights, which kerasbert "
            "does not compute. Merge it into them (peft's merge_and_unload) and save "
            "that; or remove the file to load the weights without it."
        )
    names = weight_files(folder)
    if not names:
        others = [name for name in keys.OTHER_WEIGHTS if (folder / name).is_file()]
        found = f"there is only {others[0]}" if others else "there are none"
        raise FileNotFoundError(
            f"Expected weights in {folder}, one of {', '.join(WEIGHT_FILES)}; {found}. "
            + (
                "Load it with the framework that wrote it, and save it as safetensors."
                if others
                else "Was the folder fetched whole (git lfs pull)?"
            )
        )
    name, *others = names
    if name not in WEIGHT_FILES and others:
        raise FileNotFoundError(
            f"Expected one file of weights in {folder}, found {listed(names)}. Name "
            "the one to load model.safetensors or pytorch_model.bin."
        )
    named = _open_file(folder / name, account, family)
    file = folder / name
    account.used(file, "(file)", len(named.own_names), "number of tensors; read")
    for other in others:
        account.ignored(folder / other, "(file)", None, f"{name} is read instead")
    if named.prefix:
        account.used(file, "(prefix)", named.prefix, "what the encoder stands under")
    return named


def compare_files(folder, account, config):
    """Compares the other weight files of a folder with the one that is read."""
    family = family_of(config)
    name, *others = weight_files(folder)
    for other in others:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                files = (folder / name, folder / other)
                named = (_open_file(file, Account(), family) for file in files)
                found = _difference(*named, ignored_names(family.huggingface))
            except ValueError as error:
                found = f"it cannot be compared: {error}"
        note = f"{name} is read instead; {found}"
        account.ignored(folder / other, "(file)", None, note)


def _difference(first, second, ignored):
    """Describes the differences between the tensors of two files."""
    stored, others = first.stored, second.stored
    names = [
        {n for n in tensors if not any(p.search(n) for p, _ in ignored)}
        for tensors in (stored.shapes, others.shapes)
    ]
    differing = sorted(names[0] ^ names[1])
    for name in sorted(names[0] & names[1]):
        same = stored.shapes[name] == others.shapes[name]
        if not same or not np.array_equal(stored.read(name), others.read(name)):
            differing.append(name)
    if not differing:
        return "it holds the same weights"
    return f"it differs in {listed(differing)}"


def _open_file(file, account, family):
    """Opens a weight file as `NamedTensors`."""
    reader = WEIGHT_FILES.get(file.name) or SUFFIXES[file.suffix]
    if reader is not read_hdf5:
        return canonical_names(reader(file, account), file, account, family)
    stored, paths = torch_names(reader(file, account), file)
    named = canonical_names(stored, file, account, family)
    own_names = {name: paths[theirs] for name, theirs in named.own_names.items()}
    return dataclasses.replace(named, own_names=own_names)


def untied(stored, values, names):
    """Returns why a masked LM head with an untied output cannot be loaded."""
    found = {}
    for name, twin in names.tied.items():
        if name not in stored.shapes or twin not in stored.shapes:
            continue
        same = stored.shapes[name] == stored.shapes[twin]
        if not same or not np.array_equal(stored.read(name), stored.read(twin)):
            found["masked_lm_head"] = (
                f"{name} differs from {twin}, and kerasbert ties the output of the "
                "masked language model to the token embedding, as BERT does"
            )
    if not names.tied:
        return {}
    matrix = next(iter(names.tied))
    untied = values.get("tie_word_embeddings") is False
    has_head = names.table["masked_lm_head/bias"] in stored.shapes
    if untied and has_head and matrix not in stored.shapes:
        found["masked_lm_head"] = (
            f"tie_word_embeddings is false, and {matrix} is missing"
        )
    return found


def _num_classes(shapes):
    shape = shapes.get("classifier.weight", ())
    return shape[0] if len(shape) == 2 and shape[0] else None


def _head_dropout(values, head, config, names, file):
    own = names.token_dropout if head.token_labels else names.text_dropout
    candidates = (own, "classifier_dropout", "classifier_dropout_prob")
    given = [values[key] for key in candidates if values.get(key) is not None]
    return dropout_rate(given[0] if given else config.hidden_dropout_prob, file)
