"""kerasbert's exports, run as a server runs them: in a session, without Keras."""

import os
import pathlib
import re
import shutil
import statistics
import subprocess
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
C_SOURCE = HERE.parents[1] / "tests" / "serving" / "embed.c"
BATCH = 32  # texts


class Export:
    """An exported SavedModel in a TensorFlow session of this process.

    Args:
        folder: The version folder.
        threads: Threads of TensorFlow.
        name: What the table calls it.
    """

    def __init__(self, folder, threads, name):
        import tensorflow as tf
        import tensorflow_text  # noqa: F401  registers its operations

        self.name = name
        config = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=threads, inter_op_parallelism_threads=1
        )
        with tf.Graph().as_default() as graph:
            session = tf.compat.v1.Session(graph=graph, config=config)
            meta_graph = tf.compat.v1.saved_model.loader.load(
                session, ["serve"], str(folder)
            )
        signature = meta_graph.signature_def["serving_default"]
        self._run = session.make_callable(
            signature.outputs["embedding"].name, [signature.inputs["text"].name]
        )

    def vectors(self, texts, sort=True):
        """The vectors of texts, in batches of neighbours in length."""
        encoded = [text.encode() for text in texts]
        order = np.argsort([len(text) for text in encoded], kind="stable")
        order = order if sort else np.arange(len(texts))
        vectors = [
            self._run(np.array([encoded[i] for i in order[begin : begin + BATCH]], "O"))
            for begin in range(0, len(texts), BATCH)
        ]
        return np.concatenate(vectors)[np.argsort(order)]

    def seconds(self, texts, sort=True):
        start = time.perf_counter()
        self.vectors(texts, sort)
        return time.perf_counter() - start


class Loaded(Export):
    """An exported SavedModel as Python programs load it, with `tf.saved_model.load`.

    Its threads are those of TensorFlow in this process.
    """

    def __init__(self, folder, name):
        import tensorflow as tf
        import tensorflow_text  # noqa: F401  registers its operations

        self.name = name
        self._model = tf.saved_model.load(str(folder))
        signature = self._model.signatures["serving_default"]
        self._run = lambda texts: signature(text=tf.constant(texts))[
            "embedding"
        ].numpy()

    def seconds_of_one(self, text, repeat):
        """The median time of a call with one text."""
        return median_time(lambda: self.vectors([text]), repeat)


class LiteRT:
    """A LiteRT export, through `kerasbert.LiteRTEmbedder`."""

    def __init__(self, folder, threads, name):
        import kerasbert

        self.name = name
        self._embedder = kerasbert.LiteRTEmbedder(folder, threads=threads)

    def seconds_of_one(self, text, repeat):
        """The median time of a call with one text."""
        return median_time(lambda: self._embedder.encode([text]), repeat)


class CProgram:
    """The C program of `tests/serving`, which knows TensorFlow's library alone.

    Args:
        folder: A version folder.
        threads: Threads of TensorFlow.
        name: What the table calls it.
        work: A folder to build in.
        clients: Requests that it answers at once.
        intra_op: Threads of an operation; None: all.
    """

    def __init__(self, folder, threads, name, work, clients=1, intra_op=None):
        import tensorflow as tf
        import tensorflow_text

        self.name = name
        tensorflow = pathlib.Path(tf.sysconfig.get_lib())
        libraries = pathlib.Path(tensorflow_text.__file__).parent / "python" / "ops"
        program = pathlib.Path(work) / "embed"
        if not program.exists():
            subprocess.run(
                [
                    *(shutil.which("gcc") or "gcc", "-O2", "-pthread"),
                    *(C_SOURCE, "-o", program),
                    *(f"-I{tensorflow / 'include'}", f"-L{tensorflow}"),
                    *("-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2"),
                    f"-Wl,-rpath,{tensorflow}",
                ],
                check=True,
            )
        self._command = [program, "--threads", str(threads), "--clients", str(clients)]
        self._command += ["--intra-op", str(intra_op or threads), folder]
        self._command += sorted(libraries.glob("*_fast_*.so"))
        self._command += [libraries / "_whitespace_tokenizer_v2.so"]

    def seconds_of_one(self, text, repeat):
        """The median time of a request with one text."""
        return self._told("median_s", [text], "--repeat", str(repeat))

    def seconds(self, texts):
        """The time of all texts, in batches of neighbours in length."""
        texts = sorted(texts, key=lambda text: -len(text.encode()))
        options = ("--repeat", "1", "--batch", str(BATCH))
        return len(texts) / self._told("texts_per_s", texts, *options)

    def _told(self, what, texts, *options):
        """A figure that the program tells of its requests."""
        done = subprocess.run(
            [*self._command[:1], *options, *self._command[1:]],
            input="".join(" ".join(text.split()) + "\n" for text in texts).encode(),
            capture_output=True,
            check=True,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"},
        )
        return float(re.search(rf"{what} ([\d.]+)".encode(), done.stderr)[1])


def median_time(call, repeat):
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def seconds_of_multiplication(flops, threads):
    """How long TensorFlow takes for products of matrices alone, float32.

    Args:
        flops: How many operations the products are.
        threads: Threads of TensorFlow.

    Returns:
        Seconds, from the time of products of `[1024, 384]` and `[384, 1536]`.
    """
    import tensorflow as tf

    rows, inner, columns = 1024, 384, 1536
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=threads, inter_op_parallelism_threads=1
    )
    with tf.Graph().as_default() as graph:
        rng = np.random.default_rng(0)
        kernel = tf.constant(rng.normal(size=(inner, columns)), tf.float32)
        inputs = tf.compat.v1.placeholder(tf.float32, [rows, inner])
        product = tf.matmul(inputs, kernel)[0, 0]  # little is copied out
        with tf.compat.v1.Session(graph=graph, config=config) as session:
            run = session.make_callable(product, [inputs])
            values = rng.normal(size=(rows, inner)).astype("float32")
            times = []
            for _ in range(40):
                start = time.perf_counter()
                run(values)
                times.append(time.perf_counter() - start)
    return flops * statistics.median(times[5:]) / (2 * rows * inner * columns)
