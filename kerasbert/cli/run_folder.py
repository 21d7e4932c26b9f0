"""The folder of a run: settings, state and results."""

import contextlib
import csv
import dataclasses
import pathlib
import shutil
import sys

from kerasbert.checkpoints.sources import RUN_FILE
from kerasbert.cli.class_report import FILES
from kerasbert.cli.reading import DATA_FILE, read_config
from kerasbert.cli.run_config import write_config
from kerasbert.files import write_atomically, write_json
from kerasbert.training.state import read_history, read_step, state_file

__all__ = ["RunFolder"]

# What may change when a run goes on.
FREE = ("save_every", "tensorboard", "devices", "rematerialize")


class RunFolder:
    """The folder of a run.

    `config.yaml` is written first and `metrics.json` last: a folder with the one and
    without the other is a run that goes on.

    Args:
        path: The folder.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.config = self.path / RUN_FILE
        self.data = self.path / DATA_FILE
        self.model = self.path / "model"
        self.checkpoints = self.path / "checkpoints"
        self.log = self.path / "log.csv"
        self.tensorboard = self.path / "tensorboard"
        self.card = self.path / "README.md"
        self.metrics = self.path / "metrics.json"
        self.plan = self.path / "plan.json"
        self.has_begun = False

    def check(self, overwrite=False, config=None):
        """Raises an error if a run cannot start or resume in the folder."""
        if self.path.exists() and not self.path.is_dir():
            raise FileExistsError(
                f"Expected a folder for the run at {self.path}, but a file is there."
            )
        if self.metrics.exists() and not overwrite:
            raise FileExistsError(
                f"The run in {self.path} has ended. Name another folder with --output, "
                "or replace it with --overwrite."
            )
        if self._holds_files() and not self.config.exists():
            raise FileExistsError(
                f"Expected no folder or an empty one at {self.path}, or one of a run, "
                "but it holds other files. Name another folder with --output."
            )
        if config is not None and self.config.exists() and not overwrite:
            self._check_same(config)

    def begin(self, config, overwrite=False, accounts=None):
        """Writes the settings of the run, replacing an earlier run."""
        self.check(overwrite, config)
        self.has_begun = True
        if overwrite:
            self._remove()
        write_config(config, self.config)
        write_json(self.data, accounts or {})
        self._restore_log()

    def announce(self, plan):
        """Prints and writes the plan of the run."""
        print(f"run: {plan.line()}", file=sys.stderr)
        write_json(self.plan, dataclasses.asdict(plan))

    def finish(self, metrics, card, keep_checkpoints=False):
        """Writes the results of the run, and marks it as finished."""
        with write_atomically(self.card) as partial:
            partial.write_text(card, "utf-8")
        write_json(self.metrics, metrics)
        if not keep_checkpoints:
            shutil.rmtree(self.checkpoints, ignore_errors=True)

    def forget(self):
        """Removes what `begin` wrote, unless a state was saved since."""
        if self.has_begun and not state_file(self.checkpoints).exists():
            self._remove()
            with contextlib.suppress(OSError):  # it is there no more, or holds files
                self.path.rmdir()

    def says_how_it_goes_on(self):
        """Returns a sentence on how to resume the run."""
        state = state_file(self.checkpoints)
        if state.exists():
            return (
                f"{self.path} holds the state of step {read_step(state)}; the same "
                "command goes on from there."
            )
        return (
            f"No state was saved in {self.path} yet; the same command begins anew. "
            "A state is saved after every epoch, and sooner with save_every."
        )

    def _holds_files(self):
        return self.path.is_dir() and any(self.path.iterdir())

    def _remove(self):
        for folder in (self.model, self.checkpoints, self.tensorboard):
            shutil.rmtree(folder, ignore_errors=True)
        reports = [self.path / name for name in FILES]
        files = (self.metrics, self.card, self.log, self.data, self.plan, self.config)
        for file in (*files, *reports):
            file.unlink(missing_ok=True)

    def _check_same(self, config):
        before, now = read_config(self.config), config.values()
        changed = [
            name
            for name, value in now.items()
            if name not in FREE and before.get(name, value) != value
        ]
        if changed:
            raise ValueError(
                f"The run in {self.path} has not ended, and was told otherwise: "
                + "; ".join(f"{n} {before[n]!r}, not {now[n]!r}" for n in changed)
                + ". Say the same to go on, or begin anew with --overwrite."
            )

    def _restore_log(self):
        """Truncates the log to the epochs of the state."""
        state = state_file(self.checkpoints)
        history = read_history(state) if state.exists() else []
        if not history:
            self.log.unlink(missing_ok=True)
            return
        names = sorted(history[0])
        if not any(name.startswith("val_") for name in names):
            names += [f"val_{name}" for name in names]  # as CSVLogger has them
        with (
            write_atomically(self.log) as partial,
            partial.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(["epoch", *names])
            for epoch, logs in enumerate(history):
                writer.writerow([epoch, *(logs.get(name, "NA") for name in names)])
