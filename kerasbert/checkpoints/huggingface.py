"""Hugging Face folders: `config.json` with a safetensors, torch or HDF5 file."""

import dataclasses
import json
import warnings

import numpy as np

from kerasbert.account import Account, listed, quoted
from kerasbert.checkpoints import huggingface_tables as tables
from kerasbert.checkpoints.assemble import assemble
from kerasbert.checkpoints.classifier_head import (
    classifier_settings,
    read_classifier_head,
)
from kerasbert.checkpoints.config_keys import (
    CONFIG_CLASSES,
    activation_of,
    dropout_rate,
    make_config,
    read_object,
)
from kerasbert.checkpoints.foreign import warn_of_other_head
from kerasbert.checkpoints.huggingface_names import (
    ANCHOR,
    canonical_names,
    torch_names,
)
from kerasbert.checkpoints.kept import KEY, read_kept, restore
from kerasbert.checkpoints.tensor_files import (
    read_hdf5,
    read_safetensors,
    read_torch,
    write_safetensors,
)
from kerasbert.config import AlbertConfig
from kerasbert.files import read_json

NAME = "huggingface"
TABLES = {"bert": tables.BERT, "albert": tables.ALBERT}
# In the order of precedence.
WEIGHT_FILES = {
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
    """Whether a folder looks like one of Hugging Face transformers."""
    if _weight_files(folder):
        return _config_file(folder) is not None
    file = folder / "config.json"
    if not file.is_file() or any(folder.glob("*.index")):
        return False
    values = read_json(file)
    return not isinstance(values, dict) or "class_name" not in values


def read(folder, account):
    """Reads a Hugging Face folder.

    Args:
        folder: A `pathlib.Path`.
        account: The `kerasbert.account.Account` of its files.

    Returns:
        A `Checkpoint`.

    Raises:
        ValueError: If the folder is broken or holds another kind of model.
    """
    file = _config_file(folder)
    values = read_object(file)
    kind = _kind(values, file)
    fields = tables.CONFIG_KEYS.read(values, file, account)
    if "hidden_act" in fields:
        fields["hidden_act"] = activation_of(
            fields["hidden_act"], tables.ACTIVATIONS, file
        )
    if kind == "bert":
        albert_fields = {"embedding_size", "num_hidden_groups", "inner_group_num"}
        fields = {key: fields[key] for key in fields if key not in albert_fields}
    config = make_config(CONFIG_CLASSES[kind], fields, file)

    named = _open_weights(folder, account)
    shapes = named.stored.shapes
    classes = _num_classes(shapes)
    checkpoint = assemble(
        NAME,
        folder,
        config,
        named.stored,
        TABLES[kind],
        account,
        ignored=tables.IGNORED,
        num_classes=classes,
        original_names=named.own_names,
        is_encoders=named.is_encoders,
        set_aside=_untied(named.stored, values.get("tie_word_embeddings")),
    )
    if "classification_head" not in checkpoint.heads:
        classes = None
    head = read_classifier_head(values, folder, file, _architecture(values), classes)
    checkpoint = dataclasses.replace(
        checkpoint,
        **vars(head),
        head_dropout=_head_dropout(values, config, file),
    )
    return restore(checkpoint, read_kept(values, file), file)


def write(checkpoint, folder):
    """Writes `config.json` and `model.safetensors`, as transformers reads them.

    Args:
        checkpoint: A `Checkpoint`.
        folder: An empty folder.
    """
    config = checkpoint.config
    kind = "albert" if isinstance(config, AlbertConfig) else "bert"
    architecture = _architecture_of(checkpoint, kind)
    prefix = f"{kind}." if checkpoint.heads else ""
    num_heads = config.num_attention_heads
    tensors = {}
    for row in TABLES[kind].rows(config):
        if row.ours in checkpoint.weights:
            in_encoder = row.group in ("encoder", "pooler")
            name = (prefix if in_encoder else "") + row.theirs
            array = row.transform.save(checkpoint.weights[row.ours](), num_heads)
            tensors[name] = np.ascontiguousarray(array)
    write_safetensors(tensors, folder / "model.safetensors", {"format": "pt"})

    activation = "gelu_new" if config.hidden_act == "gelu_tanh" else config.hidden_act
    values = {
        "architectures": [architecture],
        "model_type": kind,
        **dataclasses.asdict(config),
        "hidden_act": activation,
        "pad_token_id": 0,
        "torch_dtype": "float32",
    }
    if checkpoint.labels:
        labels = dict(enumerate(checkpoint.labels))
        values["id2label"] = labels
        values["label2id"] = {label: index for index, label in labels.items()}
        dropout_key = "classifier_dropout" + ("_prob" if kind == "albert" else "")
        values[dropout_key] = checkpoint.head_dropout
        values |= classifier_settings(checkpoint)
    kept = {}
    if checkpoint.pairs is not None:
        kept["pairs"] = checkpoint.pairs
    if checkpoint.masked_lm:
        warn_of_other_head(checkpoint, "transformers")
        kept["masked_lm"] = dict(checkpoint.masked_lm)
    if kept:
        values[KEY] = kept
    text = json.dumps(values, indent=2, ensure_ascii=False)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")


def _config_file(folder):
    """The configuration; beside a torch file of 2018 it is `bert_config.json`."""
    for name in ("config.json", "bert_config.json"):
        if (folder / name).is_file():
            return folder / name
    return None


def _weight_files(folder):
    """The files of weights, the one that is read first."""
    names = [name for name in WEIGHT_FILES if (folder / name).is_file()]
    if names or any(folder.glob("*.index")):
        return names
    found = [
        file.name
        for file in sorted(folder.iterdir())
        if file.suffix in SUFFIXES and file.is_file()
    ]
    return [name for name in found if not tables.TRAINING_FILES.match(name)]


def _architecture(values):
    """The class of transformers that wrote the folder, or an empty string."""
    names = values.get("architectures")
    is_list = isinstance(names, list) and names and isinstance(names[0], str)
    return names[0] if is_list else ""


def _architecture_of(checkpoint, kind):
    """The class of transformers that reads what is to be written."""
    if checkpoint.other_head:
        return checkpoint.other_head
    if checkpoint.other_head:
        return checkpoint.other_head
    heads = (*checkpoint.heads, *(("tokens",) if checkpoint.token_labels else ()))
    if heads not in tables.ARCHITECTURES[kind]:
        raise ValueError(
            f"No class of transformers holds the heads {', '.join(heads)} together. "
            "Load one of them, as with MaskedLMModel.from_pretrained, and save that."
        )
    return tables.ARCHITECTURES[kind][heads]


def _kind(values, file):
    kind = values.get("model_type")
    if kind is None:
        is_albert = _architecture(values).startswith("Albert")
        is_albert = is_albert or "num_hidden_groups" in values
        kind = "albert" if is_albert else "bert"
    if not isinstance(kind, str) or kind not in CONFIG_CLASSES:
        raise ValueError(
            f"Expected a model_type of 'bert' or 'albert' in {file}, got "
            f"{quoted(kind)}. kerasbert computes these two alone."
        )
    return kind


def _open_weights(folder, account):
    """The tensors that are read, as `NamedTensors`; books which files hold some."""
    adapter = folder / "adapter_config.json"
    if adapter.is_file():
        raise ValueError(
            f"{adapter} asks for an adapter on top of the weights, which kerasbert "
            "does not compute. Merge it into them (peft's merge_and_unload) and save "
            "that; or remove the file to load the weights without it."
        )
    names = _weight_files(folder)
    if not names:
        others = [name for name in tables.OTHER_WEIGHTS if (folder / name).is_file()]
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
    named = _open_file(folder / name, account)
    file = folder / name
    account.used(file, "(file)", len(named.own_names), "number of tensors; read")
    for other in others:
        account.ignored(folder / other, "(file)", None, f"{name} is read instead")
    if named.prefix:
        account.used(file, "(prefix)", named.prefix, "what the encoder stands under")
    return named


def compare_files(folder, account):
    """Compares the files of weights of a folder with the one that is read.

    Args:
        folder: A `pathlib.Path`.
        account: The `kerasbert.account.Account` that books what was found.
    """
    name, *others = _weight_files(folder)
    for other in others:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                stored = _open_file(folder / name, Account()).stored
                found = _difference(
                    stored, _open_file(folder / other, Account()).stored
                )
            except ValueError as error:
                found = f"it cannot be compared: {error}"
        note = f"{name} is read instead; {found}"
        account.ignored(folder / other, "(file)", None, note)


def _difference(stored, others):
    """What differs between the tensors of two files, in words."""
    names = [
        {n for n in tensors if not any(p.search(n) for p, _ in tables.IGNORED)}
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


def _open_file(file, account):
    """The tensors of a file of weights, as `NamedTensors`."""
    reader = WEIGHT_FILES.get(file.name) or SUFFIXES[file.suffix]
    if reader is not read_hdf5:
        return canonical_names(reader(file, account), file, account)
    stored, paths = torch_names(reader(file, account), file)
    named = canonical_names(stored, file, account)
    own_names = {name: paths[theirs] for name, theirs in named.own_names.items()}
    return dataclasses.replace(named, own_names=own_names)


def _untied(stored, tie_word_embeddings):
    """Why a masked LM head cannot be computed: ours ends in the token embedding."""
    found = {}
    for prefix in ("cls.predictions.", "predictions."):
        ties = {
            f"{prefix}decoder.weight": ANCHOR,
            f"{prefix}decoder.bias": f"{prefix}bias",
        }
        for name, twin in ties.items():
            if name not in stored.shapes or twin not in stored.shapes:
                continue
            same = stored.shapes[name] == stored.shapes[twin]
            if not same or not np.array_equal(stored.read(name), stored.read(twin)):
                found["masked_lm_head"] = (
                    f"{name} differs from {twin}, and kerasbert ties the output of the "
                    "masked language model to the token embedding, as BERT does"
                )
        untied = tie_word_embeddings is False and f"{prefix}bias" in stored.shapes
        if untied and f"{prefix}decoder.weight" not in stored.shapes:
            found["masked_lm_head"] = (
                f"tie_word_embeddings is false, and {prefix}decoder.weight is missing"
            )
    return found


def _num_classes(shapes):
    shape = shapes.get("classifier.weight", ())
    return shape[0] if len(shape) == 2 and shape[0] else None


def _head_dropout(values, config, file):
    keys = ("classifier_dropout", "classifier_dropout_prob")
    given = [values[key] for key in keys if values.get(key) is not None]
    return dropout_rate(given[0] if given else config.hidden_dropout_prob, file)
