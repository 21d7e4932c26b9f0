"""Embeds with ONNX Runtime, for `benchmarks/serving.py` to compare with.

The model is exported from transformers with mean pooling and length 1, fused by ONNX
Runtime's own optimizer for BERT, and for int8 quantized by its `quantize_dynamic`, a
scale a channel. Texts go through `tokenizers`, are sorted by their number of tokens,
and padded to the longest of a batch.

It loads the model, says `{"ready": ...}`, and then answers every JSON line on stdin
with one on stdout:

    {"texts": "texts.json", "save": "vectors.npy", "repeat": 1}  (the last two may miss)
    {"seconds": 2.81, "sentences": 872}

`texts` is a file that holds a JSON list of strings; `seconds` is the median of the
repetitions. It ends with its stdin.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
import time

import numpy as np

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="a sentence-transformers folder")
    parser.add_argument("--precision", choices=["float32", "int8"], default="float32")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="for models")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--max-length", type=int, default=256, help="tokens")
    # Smaller batches suit it better than larger ones on processors of today.
    parser.add_argument("--batch-size", type=int, default=8, help="sentences a batch")
    return parser.parse_args()


def export(folder, file):
    """Writes the fused model, from token ids to vectors of length 1."""
    import torch
    import transformers
    from onnxruntime.transformers import optimizer

    class Sentences(torch.nn.Module):
        def __init__(self, encoder):
            super().__init__()
            self.encoder = encoder

        def forward(self, *inputs):
            inputs = dict(zip(INPUTS, inputs, strict=True))
            states = self.encoder(**inputs).last_hidden_state
            mask = inputs["attention_mask"][..., None].to(states.dtype)
            means = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(means)

    encoder = transformers.AutoModel.from_pretrained(
        folder, attn_implementation="eager"
    ).eval()
    ones = torch.ones(2, 8, dtype=torch.long)
    plain = file.with_suffix(".plain.onnx")
    torch.onnx.export(
        Sentences(encoder),
        (ones, ones, ones * 0),
        str(plain),
        input_names=list(INPUTS),
        output_names=["embedding"],
        dynamic_axes={name: {0: "batch", 1: "length"} for name in INPUTS},
        opset_version=17,
        dynamo=False,
    )
    fused = optimizer.optimize_model(
        str(plain),
        model_type="bert",
        num_heads=encoder.config.num_attention_heads,
        hidden_size=encoder.config.hidden_size,
        opt_level=0,
    )
    counts = fused.get_fused_operator_statistics()
    layers = encoder.config.num_hidden_layers
    if counts["Attention"] != layers or counts["SkipLayerNormalization"] != 2 * layers:
        raise RuntimeError(f"ONNX Runtime did not fuse the model: {counts}")
    fused.save_model_to_file(str(file))


def quantize(file, target):
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        str(file),
        str(target),
        weight_type=QuantType.QInt8,
        per_channel=True,
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )


def model_file(arguments):
    fused = arguments.work / "float32.onnx"
    if not fused.exists():
        export(arguments.model, fused)
    if arguments.precision == "float32":
        return fused
    quantized = arguments.work / "int8.onnx"
    if not quantized.exists():
        quantize(fused, quantized)
    return quantized


class Embedder:
    def __init__(self, arguments):
        import onnxruntime
        import tokenizers

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = arguments.threads
        self.session = onnxruntime.InferenceSession(
            str(model_file(arguments)), options, providers=["CPUExecutionProvider"]
        )
        file = pathlib.Path(arguments.model) / "tokenizer.json"
        self.tokenizer = tokenizers.Tokenizer.from_file(str(file))
        self.tokenizer.enable_truncation(arguments.max_length)
        self.tokenizer.no_padding()
        self.batch_size = arguments.batch_size
        types = {"tensor(int32)": "int32", "tensor(int64)": "int64"}
        self.dtype = types[self.session.get_inputs()[0].type]

    def encode(self, texts):
        rows = [row.ids for row in self.tokenizer.encode_batch(texts)]
        order = np.argsort([len(row) for row in rows], kind="stable")
        vectors = []
        for begin in range(0, len(rows), self.batch_size):
            batch = [rows[i] for i in order[begin : begin + self.batch_size]]
            shape = (len(batch), max(map(len, batch)))
            ids, mask = np.zeros(shape, self.dtype), np.zeros(shape, self.dtype)
            for i, row in enumerate(batch):
                ids[i, : len(row)], mask[i, : len(row)] = row, 1
            inputs = dict(zip(INPUTS, (ids, mask, np.zeros_like(ids)), strict=True))
            vectors.append(self.session.run(None, inputs)[0])
        return np.concatenate(vectors)[np.argsort(order)]


def answer(embedder, command):
    with open(command["texts"], encoding="utf-8") as file:
        texts = json.load(file)
    times = []
    for _ in range(command.get("repeat", 1)):
        start = time.perf_counter()
        vectors = embedder.encode(texts)
        times.append(time.perf_counter() - start)
    if command.get("save"):
        np.save(command["save"], vectors)
    return {"seconds": statistics.median(times), "sentences": len(texts)}


def main():
    arguments = parse()
    os.environ["RAYON_NUM_THREADS"] = str(arguments.threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    # What the libraries print of their own is not part of the protocol.
    protocol, sys.stdout = sys.stdout, sys.stderr
    import onnxruntime

    embedder = Embedder(arguments)
    name = f"onnxruntime {onnxruntime.__version__} {arguments.precision}"
    print(json.dumps({"ready": name}), file=protocol, flush=True)
    for line in sys.stdin:
        try:
            found = answer(embedder, json.loads(line))
        except (OSError, KeyError, ValueError) as error:
            found = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(found), file=protocol, flush=True)


if __name__ == "__main__":
    main()
