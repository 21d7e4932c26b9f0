"""The page that goes with an exported model."""

from kerasbert.export.batching import most_rows
from kerasbert.tasks.embedding.prompts import prompt_text

CARD = """\
# {name}

A SavedModel that takes raw text and gives vectors of {size} values. It needs nothing
but TensorFlow and the operations of TF Text, which TF Serving links.

| | |
| --- | --- |
| encoder | {layers} layers, {hidden} wide, {heads} heads; {parameters:.1f} M weights |
| precision | {precision} |
| servers | {servers} |
| longest text | {max_length} tokens; `token_count` tells how many a text has |
| pooling | {pooling} |
| similarity | {similarity} |{prompt}

{signatures}

    docker run -p 8501:8501 -v "$PWD/{name}:/models/{name}" -e MODEL_NAME={name} \\
      tensorflow/serving
    curl -d '{{"instances": ["hello world"]}}' \\
      http://localhost:8501/v1/models/{name}:predict

Batching on the server (`--enable_batching` and `--enable_per_model_batching_parameters`
with `batching_params.pbtxt`) is for the signatures that take text: texts of any lengths
make one batch, and are padded in the graph. `tokens` needs rows of one length there. A
request may have up to {most_rows} rows there.
"""


SERVERS = "TF Serving 2.12.1 and later"
SERVERS_OF_INT8 = (
    "TensorFlow and TF Serving 2.18 and later, on Linux and x86-64 (fast with AVX-512 "
    "VNNI); others do not load it"
)


def model_card(embedder, name, precision, max_length, signatures):
    """The model card of an exported embedder.

    Args:
        embedder: The `TextEmbedder`.
        name: The name that it is served under.
        precision: The precision of its encoder.
        max_length: The longest text, in tokens.
        signatures: From a signature's name to a `tf.function`.

    Returns:
        Markdown.
    """
    prompt = prompt_text(None, embedder.prompts, embedder.default_prompt)
    return CARD.format(
        **facts_of(embedder),
        name=name,
        prompt=prompt_row(prompt),
        precision=precision,
        servers=servers_of(precision),
        max_length=max_length,
        signatures=signature_table(signatures),
        most_rows=most_rows(signatures),
    )


def facts_of(embedder):
    """What every card of an embedder says of it, by the names in the cards.

    Args:
        embedder: The `TextEmbedder`.
    """
    config = embedder.encoder.config
    return {
        "size": embedder.size,
        "layers": config.num_hidden_layers,
        "hidden": config.hidden_size,
        "heads": config.num_attention_heads,
        "parameters": embedder.encoder.count_params() / 1e6,
        "pooling": _pooling(embedder),
        "similarity": embedder.similarity_fn_name,
    }


def _pooling(embedder):
    """From the tokens to the vector, in words."""
    head = embedder.model.head
    said = [" and ".join(head.poolings)]
    if not head.include_prompt:
        said[0] += " of all but the prompt"
    for projection in head.projections:
        place = "before, " if projection.get("of") == "tokens" else ""
        if projection.get("kind", "dense") == "dense":
            said.append(
                f"{place}dense to {projection['units']}, {projection['activation']}"
            )
        else:
            said.append(place + projection["kind"].replace("_", " "))
    if head.normalize:
        said.append("length 1")
    if embedder.truncate_dim:
        said.append(f"the first {embedder.truncate_dim} values")
    return ", ".join(said)


def prompt_row(prompt):
    """The row of a card for what is put before every text, where that is something.

    Args:
        prompt: A string.
    """
    return f"\n| put before every text | `{prompt}` |" if prompt else ""


def servers_of(precision):
    """Which servers load a model of a precision."""
    return SERVERS_OF_INT8 if precision == "int8" else SERVERS


def signature_table(signatures):
    """The signatures of a model with their inputs and outputs.

    Args:
        signatures: From a signature's name to a `tf.function`.

    Returns:
        A Markdown table.
    """
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
