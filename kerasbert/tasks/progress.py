"""Progress bars: on stderr, on a terminal, for work that takes a while."""

import contextlib
import sys


@contextlib.contextmanager
def track(total, show=None, threshold=0, description="Embedding"):
    """A progress bar for a block of work.

    Yields:
        A function to call with the number of steps done since.
    """
    if show is None:
        show = sys.stderr.isatty() and (total is None or total > threshold)
    if not show:
        yield lambda steps: None
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(description, total=total)
        yield lambda steps: bar.update(task, advance=int(steps))
