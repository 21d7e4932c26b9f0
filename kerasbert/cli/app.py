"""The commands."""

from typing import Annotated

import typer
import typer.core

from kerasbert.cli.attention import attention
from kerasbert.cli.chat import chat
from kerasbert.cli.convert import convert
from kerasbert.cli.distill import distill
from kerasbert.cli.embed import embed
from kerasbert.cli.evaluate import evaluate
from kerasbert.cli.export import export
from kerasbert.cli.finetune import finetune
from kerasbert.cli.flags import SEVERAL_FILES
from kerasbert.cli.inspect import inspect
from kerasbert.cli.predict import predict
from kerasbert.cli.pretrain import pretrain
from kerasbert.cli.serve import serve
from kerasbert.cli.zoo import zoo
from kerasbert.version import __version__

__all__ = ["PipeClosed", "app"]


class PipeClosed(Exception):
    """The reader of standard output has exited."""


class _Commands(typer.core.TyperGroup):
    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:  # of which Typer would make an exit code
            raise PipeClosed from error


class _Command(typer.core.TyperCommand):
    """A command whose options for files take several, as a shell expands `*.txt`."""

    def parse_args(self, ctx, args):
        if not any(
            parameter.param_type_name == "argument" for parameter in self.params
        ):
            args = list(self._one_by_one(args))
        return super().parse_args(ctx, args)

    def _one_by_one(self, words):
        """Repeats such an option before every file that follows it."""
        options = {
            name
            for parameter in self.params
            if parameter.multiple and parameter.metavar == SEVERAL_FILES
            for name in parameter.opts
        }
        option = before = None
        for word in words:
            if word.startswith("-"):
                name = word.partition("=")[0]
                option = name if name in options else None
            elif option is not None and before != option:
                yield option
            yield word
            before = word


app = typer.Typer(
    cls=_Commands,
    name="kerasbert",
    help="BERT and ALBERT for TensorFlow and Keras 3.",
    epilog=(
        "SRC is a folder with a model in any container, hf://organisation/name, "
        "kaggle://..., https://tfhub.dev/..., or a name that `kerasbert zoo` lists."
    ),
    add_completion=False,
    rich_markup_mode=None,  # plain help: it shows at once
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool):
    if wanted:
        print(__version__)
        raise typer.Exit()


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version."
        ),
    ] = False,
):
    pass


def _add(command, example):
    epilog = f"Example: {example}"
    app.command(command.__name__, cls=_Command, epilog=epilog)(command)


_add(embed, "kerasbert embed 'hello world' 'good morning'")
_add(inspect, "kerasbert inspect minilm")
_add(convert, "kerasbert convert ./tfhub_model ./out --to huggingface")
_add(
    finetune,
    "kerasbert finetune classify --model minilm --train train.tsv --validation dev.tsv "
    "--output runs/sentiment",
)
_add(
    distill,
    "kerasbert distill --teacher minilm --config small.yaml --corpus texts.txt "
    "--output runs/small",
)
_add(
    pretrain,
    "kerasbert pretrain --config bert_tiny --vocabulary bert_base_uncased "
    "--corpus texts/*.txt --output runs/tiny",
)
_add(evaluate, "kerasbert evaluate runs/sentiment --input dev.tsv")
_add(predict, "kerasbert predict runs/sentiment --input texts.txt")
_add(export, "kerasbert export minilm saved_models/minilm")
_add(attention, "kerasbert attention minilm 'They fished from the bank' -o maps.html")
_add(serve, "kerasbert serve saved_models/minilm")
_add(chat, "kerasbert chat runs/chat")
_add(zoo, "kerasbert zoo --language zh")
