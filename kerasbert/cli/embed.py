"""`kerasbert embed`: texts to vectors, a line each."""

import collections
import enum
import itertools
import sys
from typing import Annotated

import typer

from kerasbert import shipped
from kerasbert.cli.flags import with_flags
from kerasbert.cli.reading import ReaderOptions

__all__ = ["embed"]

Pooling = enum.Enum(
    "Pooling",
    {
        name: name
        for name in "mean cls max sqrt_length weighted_mean last_token".split()
    },
)
LongTexts = enum.Enum("LongTexts", {name: name for name in ("truncate", "windows")})
Combine = enum.Enum(
    "Combine", {name: name for name in ("concat", "sum", "mean", "stack")}
)
TOKEN_CHUNK = 64  # texts whose tokens' vectors are held at once
LITERT_CHUNK = 1024  # texts that LiteRT embeds at once


@with_flags(
    *(ReaderOptions, "text_column", "format", "header", "delimiter", "encoding")
)
def embed(
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT", help="Texts to embed.")
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            *("--model", "-m"),
            metavar="SRC",
            help="The model; by default the one that comes with kerasbert.",
        ),
    ] = shipped.NAME,
    input_file: Annotated[
        str | None,
        typer.Option(
            *("--input", "-i"),
            metavar="FILE",
            help="Texts, a line each (.txt), or a table (.csv, .tsv, .jsonl); - is "
            "standard input. What is read is shown in a line.",
        ),
    ] = None,
    output_file: Annotated[
        str | None,
        typer.Option(
            *("--output", "-o"),
            metavar="FILE",
            help="Where to write: JSON lines, or an array if it ends in .npy.",
        ),
    ] = None,
    pooling: Annotated[
        list[Pooling] | None,
        typer.Option(
            "--pooling",
            help="How tokens become one vector; several are joined. "
            "By default as the model says, else mean.",
        ),
    ] = None,
    normalize: Annotated[
        bool | None,
        typer.Option(
            "--normalize/--no-normalize",
            help="Scale vectors to length 1. By default as the model says.",
        ),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", help="What to put before every text, or its name."),
    ] = None,
    prompt_name: Annotated[
        str | None,
        typer.Option("--prompt-name", help="The name of a prompt of the model."),
    ] = None,
    truncate_dim: Annotated[
        int | None,
        typer.Option(
            "--truncate-dim",
            min=1,
            help="How many values of a vector to keep; --normalize scales these.",
        ),
    ] = None,
    max_length: Annotated[
        int | None, typer.Option("--max-length", help="Most tokens of a text.")
    ] = None,
    long_texts: Annotated[
        LongTexts,
        typer.Option(
            "--long-texts",
            help="Cut texts that are too long, or take the mean of windows.",
        ),
    ] = LongTexts.truncate,
    batch_tokens: Annotated[
        int, typer.Option("--batch-tokens", min=1, help="Tokens computed at once.")
    ] = 4096,
    tokens: Annotated[
        bool,
        typer.Option("--tokens", help="A vector for each token, with its place."),
    ] = False,
    layers: Annotated[
        str | None,
        typer.Option(
            "--layers",
            help="With --tokens: which layers, such as -1 (the last), -4,-3,-2,-1 or "
            "all.",
        ),
    ] = None,
    combine: Annotated[
        Combine | None,
        typer.Option("--combine", help="With --tokens: how layers become one vector."),
    ] = None,
    given=None,
):
    """Embed texts: a JSON line each, or a row of an array.

    Input of any length is read, embedded and written in a memory of fixed size. The
    output file appears when it is complete, or not at all.
    """
    _check(texts, input_file, output_file, tokens, layers, combine)
    layers = _layers(layers)
    from kerasbert.cli.text_input import read_texts

    stream = read_texts(texts, input_file, ReaderOptions(**given))
    first = list(itertools.islice(stream, 1))  # bad input shows before a model loads
    stream = itertools.chain(first, stream)

    from kerasbert.cli.vector_output import open_json_lines, open_npy
    from kerasbert.litert import (
        LiteRTEmbedder,
        is_installed,
        is_litert_folder,
        is_task_folder,
    )

    choices = (pooling or None, normalize, prompt, max_length, tokens or None)
    choices = (*choices, prompt_name, truncate_dim)
    as_it_is = long_texts is LongTexts.truncate and not any(
        choice is not None for choice in choices
    )
    folder = shipped.model_folder() if model == shipped.NAME else model
    on_litert = is_litert_folder(folder)
    if on_litert and is_task_folder(folder):  # either will do
        on_litert = as_it_is and is_installed()
    if on_litert:
        _check_litert(as_it_is)
        embedder = LiteRTEmbedder(folder)
    else:
        from kerasbert.tasks import TextEmbedder

        cut = {} if truncate_dim is None else {"truncate_dim": truncate_dim}
        after_cut = bool(cut and normalize)  # what is written has length 1
        embedder = TextEmbedder.from_pretrained(
            model,
            pooling=[way.value for way in pooling] if pooling else None,
            normalize=None if after_cut else normalize,
            max_length=max_length,
            **cut,
        )
    if on_litert:
        rows = _litert_rows(embedder, stream)
    elif tokens:
        combine = combine.value if combine else "concat"
        rows = _token_rows(embedder, stream, layers, combine)
    else:
        rows = _text_rows(
            embedder,
            stream,
            prompt=prompt,
            **({} if prompt_name is None else {"prompt_name": prompt_name}),
            **({"normalize": True} if after_cut else {}),
            long_texts=long_texts.value,
            batch_tokens=batch_tokens,
            show_progress=None if output_file or not sys.stdout.isatty() else False,
        )
    if output_file is not None and output_file.endswith(".npy"):
        with open_npy(output_file, embedder.size) as write:
            for row in rows:
                write(row["embedding"])
    else:
        with open_json_lines(output_file) as write:
            for row in rows:
                write(row)


def _check(texts, input_file, output_file, tokens, layers, combine):
    if texts and input_file is not None:
        raise ValueError("Expected texts or --input, got both. Leave one of them out.")
    if not texts and input_file is None:
        raise ValueError(
            "Expected texts to embed, got none. Write them behind the command, name a "
            "file with --input, or pipe them in with --input -."
        )
    if not tokens and (layers is not None or combine is not None):
        raise ValueError("--layers and --combine choose vectors of --tokens: add it.")
    if tokens and output_file is not None and output_file.endswith(".npy"):
        raise ValueError(
            "Expected a file of JSON lines for --tokens, got an .npy file: texts have "
            "different numbers of tokens. Write to a file that ends in .jsonl."
        )


def _check_litert(as_it_is):
    if not as_it_is:
        raise ValueError(
            "A model for LiteRT is as it was exported: leave out --pooling, "
            "--normalize, --prompt, --prompt-name, --truncate-dim, --max-length, "
            "--long-texts and --tokens."
        )


def _layers(layers):
    if layers is None or layers.strip() == "all":
        return "all" if layers else (-1,)
    try:
        return tuple(int(layer) for layer in layers.split(","))
    except ValueError:
        raise ValueError(
            f"Expected --layers to be numbers such as -1 or -4,-3,-2,-1, or all; got "
            f"{layers!r}."
        ) from None


def _text_rows(embedder, texts, **options):
    waiting = collections.deque()

    def keep(texts):
        for text in texts:
            waiting.append(text)
            yield text

    for vector in embedder.encode_stream(keep(texts), **options):
        yield {"text": waiting.popleft(), "embedding": vector}


def _litert_rows(embedder, texts):
    while chunk := list(itertools.islice(texts, LITERT_CHUNK)):
        for text, vector in zip(chunk, embedder.encode(chunk), strict=True):
            yield {"text": text, "embedding": vector}


def _token_rows(embedder, texts, layers, combine):
    while chunk := list(itertools.islice(texts, TOKEN_CHUNK)):
        found = embedder.encode_tokens(chunk, layers=layers, combine=combine)
        for text, embeddings in zip(chunk, found, strict=True):
            yield {
                "text": text,
                "tokens": embeddings.tokens,
                "offsets": embeddings.offsets,
                "embeddings": embeddings.vectors,
            }
