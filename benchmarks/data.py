"""Where the benchmarks find their data; README.md says where it is public."""

import argparse
import os
import pathlib
import sys

VARIABLE = "KERASBERT_DATA"
_BESIDE = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"
SST2 = "sentiment_en/sst2/dev.tsv"
STSB = "similarity_en/stsb/sts-dev.csv"


class _Chosen(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        os.environ[VARIABLE] = values


def add_argument(parser):
    """Adds `--data` to the arguments of a benchmark.

    Args:
        parser: An `argparse.ArgumentParser`.
    """
    parser.add_argument(
        "--data",
        action=_Chosen,
        help="the folder of data sets that benchmarks/README.md describes (default: "
        f"the environment variable {VARIABLE}, else {_BESIDE})",
    )


def path(name):
    """The path of a data set, or the end of the program with what to do.

    Args:
        name: The path in the folder of data sets.
    """
    found = pathlib.Path(os.environ.get(VARIABLE, _BESIDE)) / name
    if not found.exists():
        sys.exit(
            f"There is no {found}. benchmarks/README.md says where to download it; "
            f"--data or {VARIABLE} names the folder of data sets."
        )
    return found
