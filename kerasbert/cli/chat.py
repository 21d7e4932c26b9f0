"""`kerasbert chat`: a conversation in a terminal."""

import sys
from typing import Annotated

import typer

__all__ = ["chat"]


def chat(
    folder: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER",
            help="A saved Chatbot, RetrievalChatbot or TextGenerator, or a run of one.",
        ),
    ],
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature",
            help="Draw the words of a reply at random; below 1 likely ones are "
            "likelier. By default the likeliest ones. Such as --temperature 0.8.",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Of these draws; default: another.")
    ] = None,
):
    """Talk to a chatbot: a line is what you say, an empty line or Ctrl-D ends it.

    The reply is shown as it is written. On a pipe, each line of the input gets a line
    of the output.
    """
    reply = _replier(folder, temperature, seed)
    history = []
    while True:
        said = _next_line()
        if not said:
            return
        history.append(said)
        words = []
        for piece in reply(history):
            words.append(piece)
            print(piece, end="", flush=True)
        print(flush=True)
        history.append("".join(words))


def _next_line():
    if sys.stdin.isatty():
        print("> ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def _replier(folder, temperature, seed):
    """Returns a function from a history to the pieces of a reply."""
    from kerasbert.checkpoints.sources import resolve
    from kerasbert.decoding import Sampling
    from kerasbert.tasks import load, task_class
    from kerasbert.tasks.chat import RetrievalChatbot
    from kerasbert.tasks.chat.retrieval import DIALOGUES_FILE

    path = resolve(folder)
    if (path / DIALOGUES_FILE).exists():
        if temperature is not None:
            raise ValueError(
                "Expected no --temperature: this chatbot finds its replies, and does "
                "not write them."
            )
        found = RetrievalChatbot.from_pretrained(path)
        return lambda history: [found.reply(history)]
    task = load(path)
    strategy = None if temperature is None else Sampling(temperature)
    if isinstance(task, task_class("chat")):
        return lambda history: task.stream(history, strategy, seed=seed)
    if isinstance(task, task_class("generate")):
        return lambda history: task.stream("\n".join(history), strategy, seed=seed)
    raise ValueError(
        f"Expected a Chatbot, a RetrievalChatbot or a TextGenerator in {folder}, got "
        f"the task {task.kind!r}. `kerasbert predict` runs it on a file."
    )
