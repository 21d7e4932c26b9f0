"""Text to ids in the graph, side by side with `tensorflow_text.BertTokenizer`.

    python benchmarks/tokenization.py --text sentences.txt --vocabulary vocab.txt

Both run in turns on the same batches; the figures are medians of MB/s over the turns.
A SentencePiece model (`*.model`) is compared with `SentencepieceTokenizer`.
"""

import argparse
import os
import pathlib
import platform
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))


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
    print(f"{'text':32}{'':22}{'MB/s':>8}{'ratio':>8}{'one text, us':>14}")
    for path in arguments.text:
        lines = path.read_bytes().decode("utf-8", errors="replace").splitlines()
        size = sum(len(line.encode("utf-8")) for line in lines) / 1e6
        batches = [
            tf.constant(lines[i : i + arguments.batch])
            for i in range(0, len(lines), arguments.batch)
        ]
        speeds = {name: [] for name in runs}
        for turn in range(arguments.turns + 1):  # the first one warms up
            for name, run in runs.items():
                begin = time.perf_counter()
                for batch in batches:
                    run(batch)
                if turn:
                    speeds[name].append(size / (time.perf_counter() - begin))
        base = statistics.median(speeds["tensorflow_text"])
        for name, run in runs.items():
            median = statistics.median(speeds[name])
            print(
                f"{path.name[-30:]:32}{name:22}{median:8.1f}{median / base:8.2f}"
                f"{latency(run, lines):14.0f}"
            )


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
