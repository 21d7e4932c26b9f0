"""Model cards of exported models."""

from kerasbert.export.serving_files import most_rows

SERVERS = "TF Serving 2.12.1 and later"
SERVERS_OF_INT8 = (
    "TensorFlow and TF Serving 2.18 and later, on Linux and x86-64 (fast with AVX-512 "
    "VNNI); others do not load it"
)
SERVING = """\
A SavedModel that takes {takes}. It needs nothing but TensorFlow and the operations of
TF Text, which TF Serving links.

{facts}

{signatures}

    docker run -p 8501:8501 -v "$PWD/{name}:/models/{name}" -e MODEL_NAME={name} \\
      tensorflow/serving
    {curl}

Batching on the server (`--enable_batching` and `--enable_per_model_batching_parameters`
with `batching_params.pbtxt`) {batching} A request may have
up to {most_rows} rows there.
"""
BATCHING_OF_TEXT = """\
is for the signatures that take text: texts of any lengths
make one batch, and are padded in the graph. A signature of token ids needs rows of one
length there."""
BATCHING = "joins requests whose inputs have one shape."
REUSABLE = """\
An encoder in TF Hub's form, to be used and fine-tuned: its weights are variables. It
needs TensorFlow and TF Text, and no kerasbert:

    import tensorflow as tf
    import tensorflow_hub as hub
    import tensorflow_text  # the operations of the preprocessor

    preprocessor = hub.load("{name}/preprocessor")
    encoder = hub.load("{name}")
    inputs = preprocessor(tf.constant(["hello world"]))
    encoder(inputs)["default"]  # float32 [1, {size}]

In a model of tf_keras it is `hub.KerasLayer("{name}", trainable=True)`, in one of
Keras 3 `keras.layers.TFSMLayer("{name}", call_endpoint="__call__",
call_training_endpoint="train")`. kerasbert reads the folder like any other source.

{facts}

| outputs | |
| --- | --- |
| `default` | the vector of a text, float32 [B, {size}] |
| `sequence_output` | vectors of the tokens, float32 [B, S, {hidden}] |
| `encoder_outputs` | those after each layer, {layers} of [B, S, {hidden}] |{pooled}
"""
POOLED = "\n| `pooled_output` | the pooler's vector of a text, float32 [B, {hidden}] |"
LITERT = """\
A LiteRT model that gives vectors of {size} values for texts. It needs `ai-edge-litert`
and `tokenizers`, and no TensorFlow:

    pip install kerasbert[litert]

    import kerasbert
    embedder = kerasbert.LiteRTEmbedder("{name}")
    embedder.encode(["hello world"])  # float32 [1, {size}]

{facts}

`model.tflite` takes one text: `token_ids`, `segment_ids` (zeros, for a single text) and
`padding_mask` (ones), int32 `[1, S]` each, where S is the number of its tokens: the
inputs are resized to it. It gives `embedding`, float32 `[1, {size}]`. An accelerator
that wants shapes to be fixed gets them from one resize to a length, and texts padded to
it with zeros in `padding_mask`. `tokenizer.json` is for the library `tokenizers`, in
any of its languages; it adds the special tokens.
"""


def card(template, name, facts, **values):
    """Returns a model card."""
    rows = ["| | |", "| --- | --- |"]
    rows += [f"| {key} | {value} |" for key, value in facts.items()]
    return f"# {name}\n\n" + template.format(name=name, facts="\n".join(rows), **values)


def serving_card(task, name, precision, max_length, signatures, curl):
    """Returns the model card of a SavedModel for serving."""
    facts = {
        **task.facts(),
        "precision": precision,
        "servers": SERVERS_OF_INT8 if precision == "int8" else SERVERS,
    }
    if max_length is not None:
        facts["longest text"] = f"{max_length} tokens"
    return card(
        *(SERVING, name, facts),
        signatures=signature_table(signatures),
        takes="raw text" if task.takes_text else f"{task.input_noun}s",
        batching=BATCHING_OF_TEXT if task.takes_text else BATCHING,
        curl=curl.replace(" http", " \\\n      http"),
        most_rows=most_rows(signatures),
    )


def signature_table(signatures):
    """Returns a table of the signatures."""
    rows = ["| signature | inputs | outputs |", "| --- | --- | --- |"]
    for signature, function in signatures.items():
        concrete = function.get_concrete_function()
        inputs = function.input_signature
        outputs = concrete.structured_outputs
        rows.append(
            f"| `{signature}` | {', '.join(_tensor(x.name, x) for x in inputs)} | "
            f"{', '.join(_tensor(name, x) for name, x in outputs.items())} |"
        )
    return "\n".join(rows)


def _tensor(name, spec):
    letters = ("B", "S", "D") if spec.shape.rank != 2 or spec.shape[1] is None else "BD"
    sizes = [
        str(size or letter) for size, letter in zip(spec.shape, letters, strict=False)
    ]
    return f"`{name}` {spec.dtype.name} [{', '.join(sizes)}]"
