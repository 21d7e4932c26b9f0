"""`make quickstart`: embeds sentences, compares them, and exports the model."""

import time

from kerasbert.cli import process
from kerasbert.shipped import NAME

__all__ = ["main"]

SENTENCES = (
    "How do I reset my password?",
    "I cannot log in any more, what can I do?",
    "The bank raised its interest rates.",
    "Borrowing money has become more expensive.",
    "We had a picnic on the bank of the river.",
    "They ate outdoors, by the water.",
)
NEXT = """\
What to type next:

  source .venv/bin/activate
  kerasbert embed "a text of yours"               # its vector, as a line of JSON
  kerasbert embed --input FILE --output out.npy   # a text a line, a row a text
  kerasbert inspect {source}                        # what the model is made of
  kerasbert zoo                                   # other models, other languages
  make test

in Python:

  import kerasbert
  embedder = kerasbert.TextEmbedder.from_pretrained()  # or a name, a folder, hf://...
  embedder.encode(["a text of yours", "and another"])   # float32 [2, {size}]

and over HTTP, as TF Serving would; the second line is for another terminal:

  kerasbert serve {folder}
  {curl}
"""


def main(source=NAME, folder=f"saved_models/{NAME}"):
    """Embeds `SENTENCES`, prints their similarities, and exports the model."""
    from rich.console import Console

    import kerasbert
    from kerasbert.export import curl_line, model_name

    console = Console(highlight=False)
    console.print(f"Loading {source} ...")
    embedder = kerasbert.TextEmbedder.from_pretrained(source)
    vectors = embedder.encode(SENTENCES)  # [B, D]
    console.print()
    console.print(f"{len(vectors)} sentences, {vectors.shape[1]} numbers each")
    console.print(_vector_table(vectors))
    console.print("Cosine similarities: 1 is identical, 0 is unrelated")
    console.print(_similarity_table(_cosines(vectors)))
    begin = time.monotonic()
    version = embedder.export(folder, overwrite=True)
    took = time.monotonic() - begin
    print(f"Exported to {version}, which takes raw text, in {took:.1f} s.\n")
    print(
        NEXT.format(
            source=source,
            size=embedder.size,
            folder=folder,
            curl=curl_line(model_name(folder)),
        ),
        end="",
    )


def _cosines(vectors):
    unit = vectors / (vectors**2).sum(axis=1, keepdims=True) ** 0.5
    return unit @ unit.T  # [B, B]


def _table():
    import rich.box
    from rich.table import Table

    return Table(box=rich.box.SIMPLE)


def _vector_table(vectors):
    table = _table()
    table.add_column("")
    table.add_column("sentence", min_width=max(map(len, SENTENCES)))
    table.add_column("embedding", no_wrap=True)
    for number, (sentence, vector) in enumerate(zip(SENTENCES, vectors, strict=True)):
        first = " ".join(f"{value:+.3f}" for value in vector[:3])
        table.add_row(str(number + 1), sentence, f"{first} ...")
    return table


def _similarity_table(cosines):
    table = _table()
    table.add_column("")
    for number in range(len(cosines)):
        table.add_column(str(number + 1), justify="right")
    for number, row in enumerate(cosines):
        table.add_row(str(number + 1), *map(_cell, row))
    return table


def _cell(cosine):
    style = "bold green" if cosine > 0.3 else "dim"
    return f"[{style}]{cosine:.2f}[/]"


if __name__ == "__main__":
    process.prepare()
    main()
