"""Vectors of many texts, with an exported model, on Apache Beam.

It needs `tensorflow`, `tensorflow-text`, `apache-beam`, `pyarrow` and the folder of the
model: copy it and change it. README.md beside it says how to run it. Options that it
does not know, such as --runner, are those of the pipeline.
"""

import argparse
import json
import pathlib

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.io.filesystems import FileSystems
from apache_beam.ml.inference.base import KeyedModelHandler, ModelHandler, RunInference
from apache_beam.options.pipeline_options import PipelineOptions

ROWS = 64  # texts that the model runs together
SUFFIXES = (".txt", ".jsonl", ".parquet")


class EmbeddingModel(ModelHandler):
    """A SavedModel that makes vectors of texts.

    Args:
        model: The folder that holds `saved_model.pb`.
        threads: The number of threads that the model computes with.
        batch_size: How many texts it is given at a time, where there are as many.
    """

    def __init__(self, model, threads, batch_size):
        super().__init__(min_batch_size=batch_size, max_batch_size=batch_size)
        self.model = model
        self.threads = threads

    def load_model(self):
        """Called once in every process."""
        import tensorflow as tf
        import tensorflow_text  # noqa: F401  (the operations of the tokenizer)

        tf.config.threading.set_intra_op_parallelism_threads(self.threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        return tf.saved_model.load(self.model)

    def run_inference(self, batch, model, inference_args=None):
        """Gives each text and its vector."""
        import tensorflow as tf

        signature = model.signatures["serving_default"]
        order = np.argsort([len(text) for text in batch])
        answers = [None] * len(batch)
        for first in range(0, len(batch), ROWS):  # texts of like length together
            rows = order[first : first + ROWS]
            found = signature(text=tf.constant([batch[row] for row in rows]))
            for row, vector in zip(rows, found["embedding"].numpy(), strict=True):
                answers[row] = batch[row], vector
        return answers


class KeyedTexts(beam.PTransform):
    """The rows of files: pairs of what tells them apart, and their text."""

    def __init__(self, pattern, column, key):
        super().__init__()
        self.pattern = pattern
        self.column = column
        self.key = key

    def expand(self, pipeline):
        """Reads files by the ends of their names."""
        if self.pattern.endswith(".txt"):
            lines = pipeline | beam.io.ReadFromText(self.pattern)
            return (
                lines
                | "Texts" >> beam.Filter(str.strip)  # empty lines are left out
                | "Keys" >> beam.Map(lambda line: ("", line))
            )
        if self.pattern.endswith(".jsonl"):
            lines = pipeline | beam.io.ReadFromText(self.pattern)
            rows = lines | "Rows" >> beam.Map(json.loads)
        else:
            columns = [column for column in (self.column, self.key) if column]
            rows = pipeline | beam.io.ReadFromParquet(self.pattern, columns=columns)
        return rows | "Keys" >> beam.Map(keyed_text, self.column, self.key)


def keyed_text(row, column, key):
    """What tells a row apart, as a string, and its text."""
    for name in filter(None, (column, key)):
        if name not in row:
            raise ValueError(
                f"Expected the column {name!r} in every row, found {', '.join(row)}. "
                "Name one with --column or --id."
            )
    if not isinstance(row[column], str):
        raise ValueError(f"Expected a text in {column!r}, found {row[column]!r}.")
    return str(row[key]) if key else "", row[column]


def main():
    """Reads, embeds, writes."""
    parser, options, others = parse()
    try:
        model = version_folder(options.model)
    except FileNotFoundError as error:
        parser.error(str(error))
    check_files(parser, options)
    fields = {"text": pa.string(), "embedding": pa.list_(pa.float32())}
    if options.id:
        fields = {"id": pa.string(), **fields}

    def row(element):
        key, (text, vector) = element
        found = {"id": key, "text": text, "embedding": vector.tolist()}
        return {name: found[name] for name in fields}

    handler = EmbeddingModel(model, options.threads, options.batch_size)
    with beam.Pipeline(options=PipelineOptions(others)) as pipeline:
        texts = pipeline | "Read" >> KeyedTexts(
            options.input, options.column, options.id
        )
        spread = texts | "Spread" >> beam.Reshuffle()  # over all processes
        vectors = spread | "Embed" >> RunInference(KeyedModelHandler(handler))
        rows = vectors | "Rows" >> beam.Map(row)
        rows | "Write" >> beam.io.WriteToParquet(
            options.output, pa.schema(fields.items()), file_name_suffix=".parquet"
        )


def parse():
    """The parser of the command line, what it read, and the pipeline's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--model", required=True, help="what `kerasbert export` wrote, or one version"
    )
    parser.add_argument(
        "--input", required=True, help="files: .txt, .jsonl or .parquet; * is any name"
    )
    parser.add_argument(
        "--output", required=True, help="how the names of the Parquet files begin"
    )
    parser.add_argument("--column", default="text", help="the column of the texts")
    parser.add_argument("--id", help="a column that tells rows apart, to be kept")
    parser.add_argument(
        "--threads", type=int, default=1, help="threads of each process"
    )
    parser.add_argument(
        "--batch-size", type=int, default=1024, help="texts that a process is given"
    )
    return parser, *parser.parse_known_args()


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


def check_files(parser, options):
    """Refuses input that is not there, and output that is."""
    if not options.input.endswith(SUFFIXES):
        parser.error(
            f"Expected files whose names end in {', '.join(SUFFIXES)}, got "
            f"{options.input}."
        )
    given, there = FileSystems.match([options.input, options.output + "-*"])
    if not given.metadata_list:
        parser.error(f"There is no file {options.input}.")
    if options.id and options.input.endswith(".txt"):
        parser.error("Expected rows with columns for --id, got lines of text.")
    if there.metadata_list:
        parser.error(
            f"There are files whose names begin with {options.output}. Remove them, or "
            "name others."
        )


if __name__ == "__main__":
    main()
