"""Progress bars on stderr, if it is a terminal, for long work."""

import contextlib
import sys


@contextlib.contextmanager
def track(total, show=None, threshold=0, description="Embedding"):
    """Shows a progress bar for a block."""
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
