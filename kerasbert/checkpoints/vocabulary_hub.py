"""Tokenizers of TF Hub SavedModels and of KerasHub presets.

Nothing in a SavedModel is run: its assets are files, and its graph is data.
"""

import pathlib

from kerasbert.account import KeyTable
from kerasbert.checkpoints.vocabulary_files import (
    find_vocabulary,
    read_settings,
    read_vocabulary,
    sentencepiece_config,
    wordpiece_config,
)
from kerasbert.text.tokenizer_config import TokenizerConfig


def read_saved_model(folder: pathlib.Path) -> TokenizerConfig:
    """Reads the tokenizer of a TF Hub encoder or preprocessor."""
    graph = _read_graph(folder / "saved_model.pb")
    lower_case = _lower_case_variable(folder)
    names = {node.op for node in _nodes(graph)}
    if lower_case is None and "CaseFoldUTF8" in names:
        lower_case = True  # a preprocessor that folds case
    elif lower_case is None and any("Tokenize" in name for name in names):
        lower_case = False
    for asset in graph.asset_file_def:
        path = folder / "assets" / pathlib.PurePosixPath(asset.filename).name
        if path.suffix in (".txt", ".model", ".spm") and path.is_file():
            return _read_asset(path, lower_case)
    for node in _nodes(graph):
        if node.op == "SentencepieceOp" and node.attr["model"].s:
            where = f"{folder / 'saved_model.pb'} (node {node.name})"
            return sentencepiece_config(node.attr["model"].s, where, lower_case)
    return _read_asset(find_vocabulary(folder), lower_case)


def _read_asset(path: pathlib.Path, lower_case: bool | None) -> TokenizerConfig:
    if path.suffix == ".txt":
        return wordpiece_config(read_vocabulary(path), lower_case)
    return sentencepiece_config(path.read_bytes(), path, lower_case)


def _read_graph(path: pathlib.Path):
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    message = saved_model_pb2.SavedModel()
    try:
        message.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise ValueError(
            f"Expected a SavedModel in {path}, but it cannot be read ({error}). Is the "
            "file complete?"
        ) from None
    if not message.meta_graphs:
        raise ValueError(f"Expected a SavedModel in {path}, but it holds no graph.")
    return message.meta_graphs[0]


def _nodes(graph):
    yield from graph.graph_def.node
    for function in graph.graph_def.library.function:
        yield from function.node_def


def _lower_case_variable(folder: pathlib.Path) -> bool | None:
    """Returns the variable `do_lower_case` of a TF Hub encoder."""
    if not (folder / "variables" / "variables.index").is_file():
        return None
    import tensorflow as tf

    try:
        reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    except tf.errors.OpError:
        return None  # whoever reads the weights says what is wrong with them
    for name in reader.get_variable_to_shape_map():
        if name.split("/")[0] == "do_lower_case":
            return bool(reader.get_tensor(name))
    return None


_KERAS_HUB = KeyTable(
    {
        "lowercase": "lower-casing",
        "strip_accents": "accents, where it is true",
    },
    {
        "add_bos": "the models' preprocessor says it",
        "add_eos": "the models' preprocessor says it",
        "config_file": "the file's own name",
        "dtype": "ids are int32",
        "name": "a name of Keras",
        "oov_token": "BERT's unknown token is known",
        "proto": "the model lies beside it",
        "registered_name": "a name of Keras",
        "sequence_length": "calls say what is too long",
        "special_tokens": "those of BERT and ALBERT are known",
        "special_tokens_in_strings": "an argument of kerasbert's tokenizers",
        "trainable": "a tokenizer is not trained",
        "vocabulary": "the file lies beside it",
        "build_config": "a tokenizer has no weights",
    },
    {"split": (True,), "suffix_indicator": ("##",), "split_on_cjk": (True,)},
)


def read_keras_hub(folder: pathlib.Path, account) -> TokenizerConfig:
    """Reads the tokenizer of a KerasHub preset."""
    settings = read_settings(folder / "tokenizer.json").get("config") or {}
    _KERAS_HUB.settle(settings, folder / "tokenizer.json", account, "config.")
    path = find_vocabulary(folder / "assets" / "tokenizer")
    if path.suffix != ".txt":
        # KerasHub leaves the cleaning of text to the user; the pieces tell.
        return sentencepiece_config(path.read_bytes(), path)
    return wordpiece_config(
        read_vocabulary(path),
        settings.get("lowercase"),
        # False is KerasHub's default for uncased weights, too, which were trained
        # without accents: it says nothing.
        strip_accents=settings.get("strip_accents") or None,
    )
