"""The exports beside other engines, in one run: `python benchmarks/serving.py`.

Every row of the table lets its contestants do the same work in turns, on the same
threads, from raw text to vectors of length 1; a figure is a median, and a ratio the
median of the rounds' ratios. An export takes part twice: as Python programs load it,
with `tf.saved_model.load`, and in a C program, which runs it as TF Serving does. The
other projects run in an environment of their own, which is made the first time (`make
-C benchmarks/peers`), or named with `--peers-python`. Results go to
`benchmarks/results/serving-KIND.json` and `.md`, too, two for a kind of processor.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import data
import numpy as np
from contestants.exports import (
    CProgram,
    Export,
    LiteRT,
    Loaded,
    seconds_of_multiplication,
)
from contestants.peers import Peer
from embed import read_stsb, read_texts, spearman
from processors import kind, processor
from report import line, markdown

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "results"
ONE_TEXT = "a quiet film about two brothers, told with great care"  # 13 tokens
LONGEST_PASS = 5.0  # seconds; where one takes longer, fewer texts are taken
LATENCY_CALLS = 200
CALIBRATION = 300  # texts, of OpenVINO's int8
FIRST_ANSWER = """\
import json, logging, pathlib, sys, time
import numpy as np
import tensorflow, tensorflow_text
logging.getLogger("tensorflow").setLevel(logging.ERROR)
from kerasbert.serving.versions import load_version
start = time.perf_counter()
model = load_version(pathlib.Path(sys.argv[1]))
loaded = time.perf_counter() - start
model.run("serving_default", {"text": np.array([sys.argv[2].encode()], object)})
print(json.dumps({"loaded": loaded, "answered": time.perf_counter() - start}))
"""


class Bench:
    """What the rows of the table share: the model, its exports, texts, and peers."""

    def __init__(self, arguments, work):
        from kerasbert import TextEmbedder
        from kerasbert.checkpoints.sources import resolve

        self.arguments, self.work, self.threads = arguments, work, arguments.threads
        self.rounds = arguments.rounds
        self.source = resolve(arguments.model)
        self.embedder = TextEmbedder.from_pretrained(self.source)
        self.texts = read_texts(arguments.texts)
        self._made = {}

    def once(self, key, make):
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def folder(self, precision):
        """The version folder of the SavedModel in a precision."""
        return self.once(
            ("folder", precision),
            lambda: self.embedder.export(self.work / precision, precision=precision),
        )

    def export(self, precision):
        name = f"kerasbert export {precision}"
        return self.once(
            ("export", precision),
            lambda: Export(self.folder(precision), self.threads, name),
        )

    def loaded(self, precision):
        name = f"kerasbert {precision}, Python"
        return self.once(
            ("loaded", precision), lambda: Loaded(self.folder(precision), name)
        )

    def c_program(self, precision, name="C", **options):
        name = f"kerasbert {precision}, {name}"
        return CProgram(
            self.folder(precision), self.threads, name, self.work, **options
        )

    def peer(self, script, *options):
        arguments = ["--model", self.source, "--threads", self.threads, *options]
        return self.once(
            (script, *options),
            lambda: Peer(self.arguments.peers_python, self.work, script, *arguments),
        )

    def onnxruntime(self, precision, requests=1):
        options = ("--precision", precision, "--work", self.work)
        options += ("--requests", requests)
        return self.peer("embed_onnxruntime.py", *options)

    def openvino(self, precision, requests=1):
        texts = self.work / "calibration.json"
        if not texts.exists():
            train = data.path("sentiment_en/sst2/train.tsv")
            texts.write_text(json.dumps(read_texts(train)[:CALIBRATION]), "utf-8")
        options = ("--precision", precision, "--work", self.work)
        options += ("--requests", requests)
        return self.peer("embed_openvino.py", *options, "--calibration", texts)

    def sentence_transformers(self, dtype):
        return self.peer("embed_sentence_transformers.py", "--dtype", dtype)

    def litert(self, precision):
        from kerasbert.export import export_litert

        folder = self.once(
            ("litert", precision),
            lambda: export_litert(
                self.embedder, self.work / f"litert_{precision}", precision=precision
            ),
        )
        return LiteRT(folder, self.threads, f"kerasbert LiteRT {precision}")

    def close(self):
        for made in self._made.values():
            if isinstance(made, Peer):
                made.close()

    def some_texts(self, contestants):
        """Texts of which no contestant embeds longer than `LONGEST_PASS`."""
        trial = self.texts[:: max(len(self.texts) // 64, 1)]
        for contestant in contestants:
            contestant.seconds(trial)  # a warm-up
        slowest = max(contestant.seconds(trial) for contestant in contestants)
        most = int(LONGEST_PASS * len(trial) / slowest)
        return self.texts[:: -(-len(self.texts) // most)]


def alternate(contestants, rounds, measure):
    """From a contestant's place to its measures: in turns, `rounds` times."""
    measures = [[] for _ in contestants]
    for _ in range(rounds):
        for found, contestant in zip(measures, contestants, strict=True):
            found.append(measure(contestant))
    return measures


def ratio(first, second):
    """How many times as long the second took, as the median of the rounds."""
    return statistics.median(b / a for a, b in zip(first, second, strict=True))


def throughputs(bench, what, ours, peers):
    """A line for each peer: its rate, and those of our export.

    Args:
        bench: The `Bench`.
        what: What the lines are about.
        ours: From what the table calls a contestant, such as "C", to the contestant.
        peers: Pairs of a contestant and the least ratio, or None.
    """
    contestants = [*ours.values(), *(peer for peer, _ in peers)]
    texts = bench.some_texts(contestants)
    times = alternate(contestants, bench.rounds, lambda one: one.seconds(texts))
    rates = [len(texts) / statistics.median(found) for found in times]
    shown = [f"{name}: {rate:.0f}" for name, rate in zip(ours, rates, strict=False)]
    shown[0] += " texts/s"
    for place, (peer, least) in enumerate(peers, len(ours)):
        shares = [ratio(found, times[place]) for found in times[: len(ours)]]
        yield line(
            what,
            ", ".join(shown),
            f"{peer.name}: {rates[place]:.0f} texts/s",
            ", ".join(
                f"{name} {share:.2f}" for name, share in zip(ours, shares, strict=True)
            ),
            f">= {least}" if least else "",
            min(shares) >= least if least else None,
        )


def one_after_another(bench, precision, peers):
    """Rates of one request at a time, on all threads, as `throughputs` has them."""
    ours = {"Python": bench.loaded(precision), "C": bench.c_program(precision)}
    yield from throughputs(bench, precision, ours, peers)


def at_once(bench, precision, peers):
    """Rates with a request on each thread, as a busy server has them.

    Args:
        bench: The `Bench`.
        precision: That of the export.
        peers: Pairs of a method of `bench` that makes a peer, and the least ratio.
    """
    requests = bench.threads
    if requests > 1:
        ours = {"C": bench.c_program(precision, clients=requests, intra_op=1)}
        peers = [(make(precision, requests), least) for make, least in peers]
        what = f"{precision}, {requests} requests at once"
        yield from throughputs(bench, what, ours, peers)


def cosines(bench, contestant, texts):
    """Cosines to the vectors of the float32 export, text by text."""
    return (contestant.vectors(texts) * bench.export("float32").vectors(texts)).sum(1)


def cosine_line(what, found, least_mean, least_worst):
    figure = f"mean {found.mean():.5f}, worst {found.min():.5f}"
    target = f"mean >= {least_mean}"
    target += f", worst >= {least_worst}" if least_worst else ""
    reached = found.mean() >= least_mean and found.min() >= least_worst
    return line(what, "", "", figure, target, reached)


# === The rows ===


def float32(bench):
    peers = [(bench.openvino("float32"), 1.1), (bench.onnxruntime("float32"), 1.15)]
    peers.append((bench.sentence_transformers("float32"), None))
    yield from one_after_another(bench, "float32", peers)
    peers = [(bench.openvino, 1.1), (bench.onnxruntime, None)]
    yield from at_once(bench, "float32", peers)

    ours, flops = bench.export("float32"), operations(bench, bench.texts)
    pairs = []
    for _ in range(bench.rounds):
        ceiling = seconds_of_multiplication(flops, bench.threads)
        pairs.append((ours.seconds(bench.texts), ceiling))
    share = statistics.median(ceiling / taken for taken, ceiling in pairs)
    rates = [len(bench.texts) / statistics.median(x) for x in zip(*pairs, strict=True)]
    yield line(
        "float32, of the rate of matrix products",
        f"{ours.name}: {rates[0]:.0f} texts/s",
        f"products alone: {rates[1]:.0f} texts/s",
        f"{share:.2f}",
        ">= 0.8",
        share >= 0.8,
    )


def operations(bench, texts):
    """Operations of the products of matrices that texts need, attention's included."""
    config = bench.embedder.encoder.config
    lengths = np.array([len(row) for row in bench.embedder.tokenizer.encode(texts)])
    lengths = np.minimum(lengths, bench.embedder.max_length).astype("float64")
    width, inner = config.hidden_size, config.intermediate_size
    dense = 2 * lengths.sum() * (4 * width**2 + 2 * width * inner)
    attention = 2 * (lengths**2).sum() * 2 * width
    return config.num_hidden_layers * (dense + attention)


def bfloat16(bench):
    peers = [(bench.openvino("bfloat16"), 1.4)]
    peers.append((bench.sentence_transformers("bfloat16"), 1.5))
    yield from one_after_another(bench, "bfloat16", peers)
    yield from at_once(bench, "bfloat16", [(bench.openvino, 1.4)])
    texts = bench.some_texts([bench.export("bfloat16")])
    found = cosines(bench, bench.export("bfloat16"), texts)
    yield cosine_line("bfloat16, cosine to float32", found, 0.9999, 0)
    yield cosine_of_peer(bench, bench.openvino("bfloat16"), texts)


def cosine_of_peer(bench, peer, texts):
    found = cosines(bench, peer, texts)
    figure = f"mean {found.mean():.5f}, worst {found.min():.5f}"
    return line("the same of a peer", "", peer.name, figure, "", None)


def int8(bench):
    peers = [(bench.openvino("int8"), 1.2), (bench.onnxruntime("int8"), 1.0)]
    yield from one_after_another(bench, "int8", peers)
    streams = [(bench.openvino, 1.2), (bench.onnxruntime, None)]
    yield from at_once(bench, "int8", streams)
    found = cosines(bench, bench.export("int8"), bench.texts)
    yield cosine_line("int8, cosine to float32", found, 0.997, 0.985)
    for peer, _ in peers:
        yield cosine_of_peer(bench, peer, bench.texts)
    sentences, scores = read_stsb(data.path(data.STSB))
    found = [
        spearman(bench.export(precision).vectors(sentences), scores)
        for precision in ("float32", "int8")
    ]
    yield line(
        "int8, STS-B dev Spearman",
        f"int8: {found[1]:.5f}",
        f"float32: {found[0]:.5f}",
        f"{found[1] - found[0]:+.5f}",
        "within 0.005",
        abs(found[1] - found[0]) <= 0.005,
    )


def one_text(bench):
    """One short text, again and again."""
    for precision, most in (("float32", 1.3), ("bfloat16", 1.2), ("int8", 1.2)):
        theirs = bench.openvino(precision)
        yield latency(bench, bench.c_program(precision), theirs, most)
        one_thread = bench.c_program(precision, "C, one thread", intra_op=1)
        yield latency(bench, one_thread, theirs, most)
        yield latency(bench, bench.loaded(precision), theirs, None)
    for precision in ("float32", "int8"):
        theirs = bench.onnxruntime(precision)
        yield latency(bench, bench.c_program(precision), theirs, None)
        yield latency(bench, bench.litert(precision), theirs, 1.0)


def latency(bench, ours, theirs, most):
    def seconds(contestant):
        return contestant.seconds_of_one(ONE_TEXT, LATENCY_CALLS)

    seconds(theirs)  # a warm-up
    times = alternate([ours, theirs], min(bench.rounds, 3), seconds)
    shown = [
        f"{one.name}: {1e3 * statistics.median(found):.2f} ms"
        for one, found in zip((ours, theirs), times, strict=True)
    ]
    longer = ratio(*times[::-1])
    target, reached = (f"<= {most}", longer <= most) if most else ("", None)
    return line("one text of 13 tokens", *shown, f"{longer:.2f}", target, reached)


def mixed(bench):
    """Tokens a second of a mixed, unsorted batch, beside equal lengths."""
    model = bench.export("float32")
    lengths = np.random.default_rng(0).integers(4, 257, 64)
    equal = np.full(64, round(lengths.mean()))
    texts = [
        [" ".join(["film"] * (count - 2)) for count in counts]
        for counts in (lengths, equal)
    ]
    for batch in texts:
        model.seconds(batch, sort=False)  # a warm-up
    times = alternate(texts, bench.rounds, lambda t: model.seconds(t, sort=False))
    rates = [
        counts.sum() / statistics.median(found)
        for counts, found in zip((lengths, equal), times, strict=True)
    ]
    tokens = equal.sum() / lengths.sum()
    share = ratio(*times) / tokens
    yield line(
        "lengths 4 to 256 in a batch, unsorted",
        f"mixed: {rates[0]:.0f} tokens/s",
        f"all of {equal[0]}: {rates[1]:.0f} tokens/s",
        f"{share:.2f}",
        ">= 0.85",
        share >= 0.85,
    )


def first_answer(bench):
    """From a folder to the first answer, warm-up requests played, in a new process."""
    layers = bench.embedder.encoder.config.num_hidden_layers
    for precision, target in (("float32", 5.0), ("int8", None)):
        command = [sys.executable, "-c", FIRST_ANSWER]
        command += [bench.folder(precision), ONE_TEXT]
        found = [
            json.loads(subprocess.check_output(command, stderr=subprocess.DEVNULL))
            for _ in range(3)
        ]
        answered = statistics.median(one["answered"] for one in found)
        yield line(
            f"first answer after load, {layers} layers, {precision}",
            f"warm-up included: {answered:.2f} s",
            "",
            f"{answered:.2f} s",
            f"< {target:g} s" if target else "",
            answered < target if target else None,
        )


ROWS = {
    row.__name__: row
    for row in (float32, bfloat16, int8, one_text, mixed, first_answer)
}


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="minilm", help="a source (default: minilm)")
    parser.add_argument("--texts", type=pathlib.Path, help="default: SST-2 dev")
    data.add_argument(parser)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--output", type=pathlib.Path, default=RESULTS)
    parser.add_argument(
        "--peers-python",
        default=os.environ.get("KERASBERT_PEERS_PYTHON"),
        help="Python of the peers' environment (default: benchmarks/peers/.venv)",
    )
    arguments = parser.parse_args()
    arguments.texts = arguments.texts or data.path(data.SST2)
    return arguments


def main():
    arguments = parse()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    begin, lines = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(arguments, pathlib.Path(work))
        for name in arguments.only:
            for found in ROWS[name](bench):
                lines.append(found)
                print(found["what"], found["figure"], sep=": ", file=sys.stderr)
        bench.close()
    about = f"{processor()}, {arguments.threads} threads; "
    about += f"{arguments.rounds} rounds; Python "
    about += f"{platform.python_version()}, TensorFlow {tf.__version__}; "
    about += f"{arguments.model} on {arguments.texts.name} ({len(bench.texts)} texts)"
    page = markdown(lines, about)
    print(f"\n{page}\n{time.perf_counter() - begin:.0f} s in all")
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / f"serving-{kind()}.md").write_text(page, "utf-8")
    record = json.dumps({"machine": about, "lines": lines}, indent=1) + "\n"
    (arguments.output / f"serving-{kind()}.json").write_text(record, "utf-8")


if __name__ == "__main__":
    main()
