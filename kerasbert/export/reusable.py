"""Reusable SavedModels with the interface of TF Hub, for fine-tuning.

Reference:
    Common SavedModel APIs for text tasks,
    https://www.tensorflow.org/hub/common_saved_model_apis/text
"""

import os
import pathlib
import tempfile
from typing import Any

import keras
import tensorflow as tf

from kerasbert.checkpoints import tf_hub
from kerasbert.checkpoints.names import rows_in
from kerasbert.checkpoints.vocabulary import write_tokenizer
from kerasbert.export.cards import POOLED, REUSABLE, card
from kerasbert.export.saved_model import checked_length, model_name
from kerasbert.files import new_folder
from kerasbert.models.loading import checkpoint_of, variables_of
from kerasbert.models.model import check_exports
from kerasbert.tasks.embedding.files import write_modules
from kerasbert.tasks.embedding.serving import vector_of

# Their inputs, by ours.
INPUTS = {
    "token_ids": "input_word_ids",
    "padding_mask": "input_mask",
    "segment_ids": "input_type_ids",
}


def export_reusable(
    embedder: Any,
    folder: str | os.PathLike,
    max_length: int | None = None,
    overwrite: bool = False,
) -> pathlib.Path:
    """Exports a `TextEmbedder` as a reusable SavedModel of TF Hub.

    `folder` is an encoder: from `input_word_ids`, `input_mask` and `input_type_ids`,
    int32 `[B, S]` each, to `sequence_output`, `encoder_outputs` (of every layer),
    `pooled_output` (where the model has a pooler that was trained) and `default`, the
    embedding of the text. `folder/preprocessor` makes its inputs of texts, before each
    of which it puts the embedder's default prompt, where it has one.

    Both load with `hub.load`, `hub.KerasLayer` (in tf_keras) and, in Keras 3,
    `keras.layers.TFSMLayer(folder, call_endpoint="__call__",
    call_training_endpoint="train")`. (There, `fit` takes optimizers without moments
    alone, such as SGD: Keras gives moments names that TensorFlow refuses.)

    The variables have the names of TF Hub's encoders, and kerasbert reads the folder
    as one of them. It holds a page about it, and what `TextEmbedder.from_pretrained`
    is to know besides: pooling, lengths, prompts.

    Args:
        embedder: A `kerasbert.TextEmbedder`.
        folder: The folder to make.
        max_length: The longest text of the preprocessor in tokens; by default the
            embedder's.
        overwrite: Whether a folder that exists is replaced.

    Returns:
        The folder, a `pathlib.Path`.

    Raises:
        FileExistsError: If the folder exists and `overwrite` is not given.
        ValueError: If TF Hub's form has no place for the model.
    """
    check_exports()
    max_length = checked_length(embedder, max_length)
    folder = pathlib.Path(folder)
    with new_folder(folder, overwrite=overwrite) as partial:
        root = _encoder(embedder, max_length)
        with tempfile.TemporaryDirectory() as vocabulary:
            _add_vocabulary(root, embedder.tokenizer.config, pathlib.Path(vocabulary))
            tf.saved_model.save(
                root, str(partial), signatures={"serving_default": root.serve}
            )
        prompt = embedder.prompt_of()
        preprocessor = _preprocessor(embedder.tokenizer, max_length, prompt)
        tf.saved_model.save(
            preprocessor,
            str(partial / "preprocessor"),
            signatures={"serving_default": preprocessor.serve},
        )
        write_modules(embedder, partial, max_length)
        has_pooler = checkpoint_of(embedder.encoder).has_pooler
        config = embedder.encoder.config
        page = card(
            *(REUSABLE, model_name(folder)),
            {**embedder.facts(), "longest text": f"{max_length} tokens"},
            size=embedder.size,
            hidden=config.hidden_size,
            layers=config.num_hidden_layers,
            pooled=POOLED.format(hidden=config.hidden_size) if has_pooler else "",
        )
        (partial / "README.md").write_text(page, "utf-8")
    return folder


def hub_variables(encoder):
    """Returns the weights of an encoder in TF Hub's layout."""
    config = encoder.config
    ours = variables_of(encoder)
    weights = checkpoint_of(encoder).weights
    pairs = []
    for row in rows_in(config, tf_hub.NAME):
        if row.ours in weights:
            value = weights[row.ours]()
            value = row.transform.save(value, config.num_attention_heads)
            pairs.append((ours[row.ours], tf.Variable(value, name=row.theirs)))
    return pairs


def _encoder(embedder, max_length):
    encoder, head = embedder.encoder, embedder.model.head
    compute = vector_of(embedder, embedder.model, max_length)
    pairs = hub_variables(encoder)
    has_pooler = checkpoint_of(encoder).has_pooler
    seeds = {id(v): v for layer in (encoder, head) for v in layer.variables}
    for variable in (*encoder.weights, *head.weights):
        seeds.pop(id(variable), None)
    constants = [(weight, tf.constant(weight.numpy())) for weight in head.weights]

    def outputs(inputs, training):
        # Their kernels have an axis for the heads, and are ours but for that.
        values = [(ours, tf.reshape(theirs, ours.shape)) for ours, theirs in pairs]
        values += constants
        values += [(seed, _random_seed(seed)) for seed in seeds.values()]
        with keras.StatelessScope(values):
            found = encoder(
                {ours: inputs[theirs] for ours, theirs in INPUTS.items()},
                training=training,
            )
            default = compute(found["hidden_states"], inputs["input_mask"])
        answer = {
            "sequence_output": found["sequence_output"],
            "encoder_outputs": found["hidden_states"][1:],
            "default": default,
        }
        return answer | (
            {"pooled_output": found["pooled_output"]} if has_pooler else {}
        )

    rows = {
        name: tf.TensorSpec([None, None], tf.int32, name) for name in INPUTS.values()
    }

    @tf.function(autograph=False)
    def call(inputs, training=False):
        return outputs(inputs, training)

    @tf.function(input_signature=[rows], autograph=False)
    def train(inputs):
        return call(inputs, training=True)

    @tf.function(
        input_signature=[rows[name] for name in INPUTS.values()], autograph=False
    )
    def serve(input_word_ids, input_mask, input_type_ids):
        inputs = {
            "input_word_ids": input_word_ids,
            "input_mask": input_mask,
            "input_type_ids": input_type_ids,
        }
        answer = dict(call(inputs, training=False))
        del answer["encoder_outputs"]  # a list, which a signature cannot give
        return answer

    for training in (False, True):
        call.get_concrete_function(rows, training=training)
    root = tf.train.Checkpoint()
    root.variables = [variable for _, variable in pairs]
    root.trainable_variables = list(root.variables)
    root.regularization_losses = []
    root.__call__, root.train, root.serve = call, train, serve
    return root


def _random_seed(seed):
    """Returns a new seed whenever the graph runs."""
    bits = tf.random.uniform(seed.shape, maxval=tf.int32.max, dtype=tf.int32)
    return tf.cast(bits, seed.dtype)


def _add_vocabulary(root, config, folder):
    """Adds the vocabulary and casing, like TF Hub's encoders."""
    write_tokenizer(config, folder, "google_tf1")
    name = "vocab_file" if config.kind == "wordpiece" else "sp_model_file"
    suffix = ".txt" if config.kind == "wordpiece" else ".model"
    [file] = folder.glob(f"*{suffix}")
    setattr(root, name, tf.saved_model.Asset(str(file)))
    root.do_lower_case = tf.Variable(config.lower_case, trainable=False)


def _preprocessor(tokenizer, max_length, prompt):
    """Returns a function from texts to encoder inputs of `max_length`."""

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, "text")], autograph=False
    )
    def call(text):
        rows = tokenizer.tokenize(tf.strings.join([prompt, text]))
        token_ids, segment_ids = tokenizer.pack(rows, None, max_length)
        shape = [None, max_length]
        inputs = {
            "token_ids": token_ids.to_tensor(tokenizer.pad_token_id, shape=shape),
            "padding_mask": tf.ones_like(token_ids).to_tensor(0, shape=shape),
            "segment_ids": segment_ids.to_tensor(0, shape=shape),
        }
        return {theirs: inputs[ours] for ours, theirs in INPUTS.items()}

    root = tf.train.Checkpoint()
    root.__call__ = root.serve = call
    return root
