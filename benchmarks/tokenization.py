"""Text to ids in the graph, side by side with `tensorflow_text.BertTokenizer`.

    python benchmarks/tokenization.py --text sentences.txt --vocabulary vocab.txt

Both run in turns on the same batches, one after the other, and then on as many at once
as there are threads, in `tf.data`; the figures are medians of MB/s over the turns.
A SentencePiece model (`*.model`) is compared with `SentencepieceTokenizer`.
"""

import argparse
import math
import os
import pathlib
import platform
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

LEAST = 8  # MB that go through `tf.data`, which takes some 50 ms to begin


def peer(vocabulary: pathlib.Path, lower_case: bool):
    import tensorflow as tf
    import tensorflow_text as tf_text

    if vocabulary.suffix != ".txt":
        model = vocabulary.read_bytes()
        return tf_text.SentencepieceTokenizer(model, tf.int32).tokenize
    tokens = tf.constant(vocabulary.read_text("utf-8").removesuffix("\n").split("\n"))
    ids = tf.range(tf.size(tokens, tf.int64), dtype=tf.int64)
    table = tf.lookup.StaticVocabularyTable(
        tf.lookup.KeyValueTensorInitializer(tokens, ids), 1
    )
    tokenizer = tf_text.BertTokenizer(table, lower_case=lower_case)
    return lambda texts: tokenizer.tokenize(texts).merge_dims(1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", type=pathlib.Path, action="append", required=True)
    parser.add_argument("--vocabulary", type=pathlib.Path, required=True)
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()

    import tensorflow as tf

    import kerasbert

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tokenizer = kerasbert.Tokenizer.from_pretrained(arguments.vocabulary)
    theirs = peer(arguments.vocabulary, tokenizer.config.lower_case)
    strings = [tf.TensorSpec([None], tf.string)]
    runs = {
        "kerasbert": tf.function(
            tokenizer.tokenize, input_signature=strings, autograph=False
        ),
        "kerasbert, offsets": tf.function(
            tokenizer.tokenize_with_offsets, input_signature=strings, autograph=False
        ),
        "tensorflow_text": tf.function(
            theirs, input_signature=strings, autograph=False
        ),
    }
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {arguments.threads} threads, "
        f"TensorFlow {tf.__version__}, batches of {arguments.batch}"
    )
    print(
        f"{'text':32}{'':22}{'MB/s':>8}{'ratio':>8}{'at once':>10}{'ratio':>8}"
        f"{'one text, us':>14}"
    )
    for path in arguments.text:
        lines = path.read_bytes().decode("utf-8", errors="replace").splitlines()
        size = sum(len(line.encode("utf-8")) for line in lines) / 1e6
        batches = [
            tf.constant(lines[i : i + arguments.batch])
            for i in range(0, len(lines), arguments.batch)
        ]
        repeats = math.ceil(LEAST / size)
        data = tf.data.Dataset.from_tensor_slices(lines).batch(arguments.batch)
        data = data.cache().repeat(repeats)
        several = {
            name: data.map(run, num_parallel_calls=arguments.threads)
            for name, run in runs.items()
        }
        turns = range(arguments.turns + 1)  # the first one warms up
        alone = {name: [] for name in runs}
        at_once = {name: [] for name in runs}
        for _ in turns:
            for name, run in runs.items():
                alone[name].append(size / seconds(run, batches))
        for _ in turns:
            for name, dataset in several.items():
                taken = seconds(lambda ids: None, dataset)
                at_once[name].append(repeats * size / taken)
        figures = {
            name: [statistics.median(found[name][1:]) for found in (alone, at_once)]
            for name in runs
        }
        base = figures["tensorflow_text"]
        for name, run in runs.items():
            first, second = figures[name]
            print(
                f"{path.name[-30:]:32}{name:22}{first:8.1f}{first / base[0]:8.2f}"
                f"{second:10.1f}{second / base[1]:8.2f}{latency(run, lines):14.0f}"
            )


def seconds(run, batches) -> float:
    """Time that all batches take."""
    begin = time.perf_counter()
    for batch in batches:
        run(batch)
    return time.perf_counter() - begin


def latency(run, lines) -> float:
    """Median microseconds for one text."""
    import tensorflow as tf

    times = []
    for line in (lines * 200)[:200]:
        text = tf.constant([line])
        begin = time.perf_counter()
        run(text)
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e6


if __name__ == "__main__":
    main()
