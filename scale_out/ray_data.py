"""Vectors of many texts, with an exported model, on Ray Data.

It needs `tensorflow`, `tensorflow-text`, `ray[data]` and the folder of the model:
copy it and change it. README.md beside it says how to run it.
"""

import argparse
import glob
import os
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.fs
import ray
import ray.data
from ray.data.checkpoint import CheckpointConfig

READERS = {
    ".txt": ray.data.read_text,  # a text a line; empty lines are left out
    ".jsonl": ray.data.read_json,
    ".parquet": ray.data.read_parquet,
}
ROWS = 64  # texts that the model runs together
PLACES = 3  # for who reads, filters and writes, which hardly takes a processor


class Embedder:
    """A SavedModel in memory: adds the column `embedding` to tables.

    Args:
        model: The folder that holds `saved_model.pb`.
        column: The column of the texts.
        threads: The number of threads that the model computes with.
    """

    def __init__(self, model, column, threads):
        import tensorflow as tf
        import tensorflow_text  # noqa: F401  (the operations of the tokenizer)

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        self.column = column
        self.loaded = tf.saved_model.load(model)  # keeps the signatures alive
        self.signature = self.loaded.signatures["serving_default"]
        self.constant = tf.constant

    def __call__(self, table):
        """Adds the vectors to a table of some rows."""
        texts = self.texts(table[self.column])
        order = np.argsort([len(text) for text in texts])
        vectors = [None] * len(texts)
        for first in range(0, len(texts), ROWS):  # texts of like length together
            rows = order[first : first + ROWS]
            found = self.signature(text=self.constant([texts[row] for row in rows]))
            for row, vector in zip(rows, found["embedding"].numpy(), strict=True):
                vectors[row] = vector
        embedding = pa.array(vectors, pa.list_(pa.float32()))
        return table.append_column("embedding", embedding)

    def texts(self, column):
        """The texts of a column, as a list."""
        if column.null_count:
            raise ValueError(
                f"Expected a text in every row of {self.column!r}, but "
                f"{column.null_count} of {len(column)} rows here have none."
            )
        return column.to_pylist()


def main():
    """Reads, embeds, writes."""
    parser, options = parse()
    checkpoint = options.output + ".checkpoint"
    check_output(parser, options, checkpoint)
    try:
        model = version_folder(options.model)
        reader, files = input_files(options.input)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if "RAY_ADDRESS" not in os.environ:
        places = os.cpu_count() + PLACES
        ray.init("local", num_cpus=places, ignore_reinit_error=True)
    check_columns(parser, options, reader(files).schema().names)
    if options.id:  # which a dataset must know when it is made
        context = ray.data.DataContext.get_current()
        context.checkpoint_config = CheckpointConfig(options.id, checkpoint)
    dataset = reader(files).map_batches(
        Embedder,
        fn_constructor_args=(model, options.column, options.threads),
        batch_size=options.batch_size,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=options.workers),
        num_cpus=options.threads,
    )
    dataset.write_parquet(options.output)
    filesystem, folder = pyarrow.fs.FileSystem.from_uri(options.output)
    with filesystem.open_output_stream(f"{folder}/_SUCCESS"):
        pass  # the folder is complete when this file is there


def parse():
    """The parser of the command line, and what it read."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--model", required=True, help="what `kerasbert export` wrote, or one version"
    )
    parser.add_argument(
        "--input", required=True, help="files: .txt, .jsonl or .parquet; * is any name"
    )
    parser.add_argument("--output", required=True, help="a folder for Parquet files")
    parser.add_argument("--column", default="text", help="the column of the texts")
    parser.add_argument("--id", help="a column that tells rows apart, to resume by")
    parser.add_argument(
        "--workers", type=int, help="the most processes; default: as many as fit"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of each")
    parser.add_argument(
        "--batch-size", type=int, default=1024, help="texts that a process is given"
    )
    options = parser.parse_args()
    options.output = options.output.rstrip("/")
    if "://" not in options.output:
        options.output = str(pathlib.Path(options.output).absolute())
    return parser, options


def version_folder(model):
    """The newest version in the folder of a model; a URL is taken as it is."""
    if "://" in model:
        return model
    folder = pathlib.Path(model).resolve()
    versions = [path.parent for path in folder.glob("[0-9]*/saved_model.pb")]
    if (folder / "saved_model.pb").exists():
        versions = [folder]
    if not versions:
        raise FileNotFoundError(
            f"Expected an exported model in {model}, found none. Export one: "
            f"kerasbert export MODEL {model}"
        )
    return str(max(versions, key=lambda version: int(version.name)))


def input_files(pattern):
    """What reads files of a pattern, and the files; a URL is taken as it is."""
    suffix = pathlib.PurePosixPath(pattern).suffix
    if suffix not in READERS:
        raise ValueError(
            f"Expected files whose names end in {', '.join(READERS)}, got {pattern}."
        )
    files = [pattern] if "://" in pattern else sorted(glob.glob(pattern))
    if not files:
        raise FileNotFoundError(f"There is no file {pattern}.")
    return READERS[suffix], files


def check_columns(parser, options, columns):
    """Refuses columns that are not there, and one that would be there twice."""
    for column in filter(None, (options.column, options.id)):
        if column not in columns:
            parser.error(
                f"Expected the column {column!r} in {options.input}, found "
                f"{', '.join(columns)}. Name one with --column or --id."
            )
    if "embedding" in columns:
        parser.error(f"{options.input} has a column 'embedding' already.")


def check_output(parser, options, checkpoint):
    """Refuses a folder that holds what this run cannot continue."""
    found = files_in(options.output)
    if "_SUCCESS" in found:
        parser.error(f"{options.output} is complete. Name another folder.")
    if found and not (options.id and files_in(checkpoint)):
        parser.error(
            f"{options.output} holds files, and not of a run with --id that can be "
            "continued. Remove them, or name another folder."
        )


def files_in(folder):
    """The names in a folder, or at a place in a bucket."""
    filesystem, path = pyarrow.fs.FileSystem.from_uri(folder)
    selector = pyarrow.fs.FileSelector(path, allow_not_found=True)
    return {file.base_name for file in filesystem.get_file_info(selector)}


if __name__ == "__main__":
    main()
