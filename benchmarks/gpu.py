"""BERT base and large on an accelerator, by JAX: throughput, and the part of its peak.

    python benchmarks/gpu.py                             inference and training
    python benchmarks/gpu.py --torch PYTHON              beside transformers on torch
    python benchmarks/gpu.py --device cpu --size tiny    whether it runs, in little time

Rows are full, all of `length` tokens, as in the published figures, or mixed, of 1/4 to
all of them, evenly: these padded, and packed so that only attention computes padding.
The part of the peak counts the multiplications of real tokens, of matrices and of
attention, three times as many in training, against the dense peak of the device in
bfloat16. Weights are random. Training is a classifier of two classes with AdamW, its
weights in float32. PYTHON is that of an environment with transformers and torch with
CUDA; there attention is `scaled_dot_product_attention`, with and without
`torch.compile`. Where there is no accelerator, it says so and measures nothing.
"""

import argparse
import functools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

os.environ["KERAS_BACKEND"] = "jax"

HERE = pathlib.Path(__file__).resolve().parent
SIZES = {  # layers, width, heads, inner width
    "tiny": (2, 128, 2, 512),
    "base": (12, 768, 12, 3072),
    "large": (24, 1024, 16, 4096),
}
VOCABULARY = 30522
# Dense peak in bfloat16 (float16 where there is none), TFLOPS, from the data sheets.
PEAKS = {
    "V100": 125,
    "T4": 65,
    "A10": 125,
    "L4": 121,
    "A100": 312,
    "H100": 989,
    "H200": 989,
    "TPU v4": 275,
    "TPU v5 lite": 197,
    "TPU v5p": 459,
    "TPU v6 lite": 918,
}
# TensorRT 8 on an A100, float16: sequences/s and the part of the peak.
PUBLISHED = {("base", 128): (7931, 0.57), ("large", 128): (2480, 0.63)}
KINDS = ("inference", "training")
ROWS = ("full", "mixed, padded", "mixed, packed")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", choices=("accelerator", "cpu"))
    parser.add_argument("--size", nargs="+", choices=SIZES, default=["base", "large"])
    parser.add_argument("--length", nargs="+", type=int, default=[128, 512])
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--inference-tokens", type=int, default=65536, help="a batch")
    parser.add_argument("--training-tokens", type=int, default=16384, help="a batch")
    parser.add_argument("--steps", type=int, default=20, help="of a repetition")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--peak", type=float, help="TFLOPS, of a device that is new")
    parser.add_argument("--torch", metavar="PYTHON", help="python with torch")
    parser.add_argument("--results", type=pathlib.Path, default=HERE / "results")
    return parser.parse_args()


def flops(size, lengths, kind):
    """Multiplications and additions of real tokens."""
    layers, width, _, inner = SIZES[size]
    dense = 2 * layers * (4 * width**2 + 2 * width * inner)
    attention = 4 * layers * width
    found = sum(dense * n + attention * n**2 for n in lengths)
    return 3 * found if kind == "training" else found


def lengths_of(rows, count, length):
    """The number of tokens of each row."""
    import numpy as np

    if rows == "full":
        return np.full(count, length)
    return np.linspace(length / 4, length, count).round().astype(int)


def batch_of(rows, count, length):
    """Random tokens as padded rows, or packed, with how many tokens each has."""
    import numpy as np

    lengths = lengths_of(rows, count, length)
    random = np.random.default_rng(0)
    if rows.endswith("packed"):
        ids = random.integers(5, VOCABULARY, lengths.sum(), "int32")
        return {"token_ids": ids, "row_lengths": lengths.astype("int32")}
    mask = (np.arange(length) < lengths[:, None]).astype("int32")
    ids = random.integers(5, VOCABULARY, mask.shape, "int32") * mask
    return {"token_ids": ids, "segment_ids": ids * 0, "padding_mask": mask}


def pooled_of(encoder, inputs, length):
    """The pooled output of padded rows, or of packed tokens."""
    from keras import ops

    from kerasbert.layers import packing_of

    if "row_lengths" not in inputs:
        return encoder(inputs)["pooled_output"]
    ids, lengths = inputs["token_ids"], inputs["row_lengths"]
    packing, positions, mask = packing_of(lengths, ids.shape[0], length)
    states = encoder.compute_packed(ids, ids * 0, positions, mask, packing)[-1]
    first = ops.take(states, ops.cumsum(lengths) - lengths, axis=0)
    return encoder.pooler(first[:, None])


def step_of(kind, size, length, dtype):
    """A function of a batch that computes a step, on the device."""
    import jax
    import keras

    import kerasbert

    layers, width, heads, inner = SIZES[size]
    config = kerasbert.BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
        max_position_embeddings=max(512, length),
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    if kind == "training" and dtype != "float32":
        dtype = f"mixed_{dtype}"
    keras.utils.set_random_seed(0)
    encoder = kerasbert.BertEncoder(config, dtype=dtype)
    variables = encoder.trainable_variables

    def outputs(values, inputs):
        with keras.StatelessScope(zip(variables, values, strict=True)):
            return pooled_of(encoder, inputs, length)

    values = [variable.value for variable in variables]
    if kind == "inference":
        run = jax.jit(outputs)
        return lambda inputs: run(values, inputs)

    optimizer = kerasbert.training.AdamW(1e-5)
    optimizer.build(variables)

    def loss(values, inputs):
        pooled = outputs(values, inputs)
        logits = keras.ops.cast(pooled[:, :2], "float32")
        return -keras.ops.log_softmax(logits)[:, 0].mean()

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def update(values, state, inputs):
        found, gradients = jax.value_and_grad(loss)(values, inputs)
        values, state = optimizer.stateless_apply(state, gradients, values)
        return values, state, found

    held = [values, [variable.value for variable in optimizer.variables]]

    def run(inputs):
        *held[:], found = update(*held, inputs)
        return found

    return run


def seconds_of(step, inputs, steps):
    """The median seconds of a step, of three repetitions."""
    import jax

    inputs = jax.device_put(inputs)
    jax.block_until_ready(step(inputs))
    jax.block_until_ready(step(inputs))
    found = []
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(steps):
            last = step(inputs)
        jax.block_until_ready(last)
        found.append((time.perf_counter() - began) / steps)
    return statistics.median(found)


def measure(arguments, kind, size, length, rows, peak):
    """The figures of one line."""
    tokens = getattr(arguments, f"{kind}_tokens")
    count = max(1, tokens // length)
    step = step_of(kind, size, length, arguments.dtype)
    seconds = seconds_of(step, batch_of(rows, count, length), arguments.steps)
    work = flops(size, lengths_of(rows, count, length).tolist(), kind)
    return {
        "kind": kind,
        "size": size,
        "length": length,
        "rows": rows,
        "batch": count,
        "sequences_per_second": count / seconds,
        "tflops": work / seconds / 1e12,
        "part_of_peak": work / seconds / 1e12 / peak if peak else None,
    }


def torch_figures(arguments, kind, size, length, rows):
    """Sequences/s of transformers, from `peers/gpu_torch.py`; None: it has no GPU."""
    count = max(1, getattr(arguments, f"{kind}_tokens") // length)
    job = {
        "kind": kind,
        "shape": SIZES[size],
        "vocab_size": VOCABULARY,
        "length": length,
        "lengths": lengths_of(rows, count, length).tolist(),
        "steps": arguments.steps,
        "device": arguments.device,
        "dtype": arguments.dtype,
    }
    answer = subprocess.run(
        [arguments.torch, str(HERE / "peers" / "gpu_torch.py"), json.dumps(job)],
        stdout=subprocess.PIPE,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        check=True,
        text=True,
    )
    return json.loads(answer.stdout.splitlines()[-1])


def table(found):
    """The figures as Markdown."""
    names = ("torch", "torch, compiled")
    lines = [
        "| | size | length | rows | sequences/s | of peak | torch, SDPA | compiled | "
        "published (A100) |",
        "| --- | --- | --: | --- | --: | --: | --: | --: | --: |",
    ]
    for row in found["rows"]:
        part = row["part_of_peak"]
        peers = [f"{row[n]:,.0f}" if row.get(n) else "" for n in names]
        known = PUBLISHED.get((row["size"], row["length"]))
        shown = row["kind"] == "inference" and row["rows"] == "full" and known
        lines.append(
            f"| {row['kind']} | {row['size']} | {row['length']} | {row['rows']} | "
            f"{row['sequences_per_second']:,.0f} | "
            f"{'' if part is None else f'{part:.0%}'} | {' | '.join(peers)} | "
            f"{f'{known[0]:,}, {known[1]:.0%}' if shown else ''} |"
        )
    return "\n".join([f"{found['device']}, {found['dtype']}", "", *lines])


def main():
    arguments = parse()
    try:
        import jax
    except ModuleNotFoundError:
        sys.exit("Expected JAX. Install: pip install 'kerasbert[jax]'")
    device = jax.devices()[0]
    if arguments.device is None and device.platform == "cpu":
        print(
            "There is no accelerator that JAX sees: nothing is measured. --device cpu "
            "--size tiny shows whether the benchmark runs."
        )
        return
    if arguments.device == "cpu":
        jax.config.update("jax_default_device", jax.devices("cpu")[0])
        device = jax.devices("cpu")[0]
    arguments.device = "cpu" if device.platform == "cpu" else "cuda"
    kind_of_device = device.device_kind
    known = [peak for name, peak in PEAKS.items() if name in kind_of_device]
    peak = arguments.peak or (known[-1] if known else None)
    found = {"device": kind_of_device, "dtype": arguments.dtype, "rows": []}
    name = f"gpu-{kind_of_device.lower().replace(' ', '-')}"
    for size in arguments.size:
        for length in arguments.length:
            for kind in arguments.kind:
                for rows in ROWS:
                    row = measure(arguments, kind, size, length, rows, peak)
                    if arguments.torch and not rows.endswith("packed"):
                        options = (kind, size, length, rows)
                        row |= torch_figures(arguments, *options)
                    found["rows"].append(row)
                    print(table(found).splitlines()[-1], flush=True)
    arguments.results.mkdir(parents=True, exist_ok=True)
    file = arguments.results / f"{name}.json"
    file.write_text(json.dumps(found, indent=2) + "\n")
    file.with_suffix(".md").write_text(table(found) + "\n")
    print(table(found))


if __name__ == "__main__":
    main()
