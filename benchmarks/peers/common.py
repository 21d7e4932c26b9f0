"""What `embed_onnxruntime.py` and `embed_openvino.py` share.

A script loads a model, says `{"ready": ...}`, and then answers every JSON line on
stdin with one on stdout:

    {"texts": "texts.json", "save": "vectors.npy", "repeat": 1}  (the last two may miss)
    {"seconds": 2.81, "sentences": 872}

`texts` is a file that holds a JSON list of strings; `seconds` is the median of the
repetitions. It ends with its stdin.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import statistics
import sys
import time

import numpy as np

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def parser(description, precisions):
    found = argparse.ArgumentParser(description=description.splitlines()[0])
    found.add_argument("--model", required=True, help="a sentence-transformers folder")
    found.add_argument("--precision", choices=precisions, default="float32")
    found.add_argument("--work", type=pathlib.Path, required=True, help="for models")
    found.add_argument("--threads", type=int, default=2)
    found.add_argument("--requests", type=int, default=1, help="batches at once")
    found.add_argument("--max-length", type=int, default=256, help="tokens")
    # Smaller batches suit these runtimes better than larger ones.
    found.add_argument("--batch-size", type=int, default=8, help="sentences a batch")
    return found


def sentences(folder):
    """The torch module from token ids to vectors of length 1, and its encoder."""
    import torch
    import transformers

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
    return Sentences(encoder), encoder.config


class Batches:
    """Texts as arrays, by `tokenizers`: sorted, padded to the longest of a batch."""

    def __init__(self, arguments):
        import tokenizers

        file = pathlib.Path(arguments.model) / "tokenizer.json"
        self.tokenizer = tokenizers.Tokenizer.from_file(str(file))
        self.tokenizer.enable_truncation(arguments.max_length)
        self.tokenizer.no_padding()
        self.batch_size = arguments.batch_size
        self.each = map
        if arguments.requests > 1:
            self.each = concurrent.futures.ThreadPoolExecutor(arguments.requests).map

    def map(self, function, texts, dtype="int64"):
        """The rows that a function gives for ids, mask and segments `[B, S]`."""
        rows = [row.ids for row in self.tokenizer.encode_batch(texts)]
        order = np.argsort([len(row) for row in rows], kind="stable")

        def of_batch(begin):
            batch = [rows[i] for i in order[begin : begin + self.batch_size]]
            shape = (len(batch), max(map(len, batch)))
            ids, mask = np.zeros(shape, dtype), np.zeros(shape, dtype)
            for i, row in enumerate(batch):
                ids[i, : len(row)], mask[i, : len(row)] = row, 1
            return function(ids, mask, np.zeros_like(ids))

        vectors = self.each(of_batch, range(0, len(rows), self.batch_size))
        return np.concatenate(list(vectors))[np.argsort(order)]


def at_once(arguments):
    """What a name says of several requests at once."""
    return f", {arguments.requests} at once" if arguments.requests > 1 else ""


def set_threads(threads):
    """Limits the tokenizer's threads; before anything is imported."""
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true"


def answer_commands(make):
    """Runs the protocol with what `make` gives: a name, and a function of texts."""
    # What the libraries print of their own is not part of the protocol.
    protocol, sys.stdout = sys.stdout, sys.stderr
    name, encode = make()
    print(json.dumps({"ready": name}), file=protocol, flush=True)
    for line in sys.stdin:
        try:
            found = _answer(encode, json.loads(line))
        except (OSError, KeyError, ValueError) as error:
            found = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(found), file=protocol, flush=True)


def _answer(encode, command):
    with open(command["texts"], encoding="utf-8") as file:
        texts = json.load(file)
    times = []
    for _ in range(command.get("repeat", 1)):
        start = time.perf_counter()
        vectors = encode(texts)
        times.append(time.perf_counter() - start)
    if command.get("save"):
        np.save(command["save"], vectors)
    return {"seconds": statistics.median(times), "sentences": len(texts)}
