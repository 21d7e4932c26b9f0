"""Per-class metrics as files in the folder of a run."""

import csv
import importlib.util

from kerasbert.files import write_atomically, write_json

__all__ = ["FILES", "write_class_report"]

FILES = ("report.json", "confusion_matrix.csv", "confusion_matrix.png")


def write_class_report(report, folder):
    """Writes a report as JSON, and its confusion matrix as table and figure.

    The picture is left out where matplotlib is not installed.
    """
    as_json, as_table, as_picture = (folder / name for name in FILES)
    write_json(as_json, report)
    if "confusion_matrix" not in report:
        return
    labels, matrix = report["labels"], report["confusion_matrix"]
    with (
        write_atomically(as_table) as partial,
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(["expected \\ predicted", *labels])
        for label, counts in zip(labels, matrix, strict=True):
            writer.writerow([label, *counts])
    if importlib.util.find_spec("matplotlib") is None:
        return
    from kerasbert.visualize.confusion import confusion_figure

    with write_atomically(as_picture) as partial:
        confusion_figure(matrix, labels).savefig(partial, format="png", dpi=120)
