"""Embeds with sentence-transformers, for `embed.py` and `serving.py` to compare with.

It loads the model, says `{"ready": ...}`, and then answers every JSON line on
stdin with one on stdout:

    {"texts": "texts.json", "save": "vectors.npy"}  (`save` may be left out)
    {"seconds": 2.81, "sentences": 872}

`texts` is a file that holds a JSON list of strings. It ends with its stdin.
"""

import argparse
import json
import os
import sys
import time


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="a sentence-transformers folder")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=32, help="sentences a batch")
    return parser.parse_args()


def answer(model, command, batch_size):
    import numpy as np

    with open(command["texts"], encoding="utf-8") as file:
        texts = json.load(file)
    start = time.perf_counter()
    vectors = model.encode(texts, batch_size=batch_size, show_progress_bar=False)
    seconds = time.perf_counter() - start
    if command.get("save"):
        np.save(command["save"], vectors)
    return {"seconds": seconds, "sentences": len(texts)}


def main():
    arguments = parse()
    for name in "OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS":
        os.environ[name] = str(arguments.threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true"  # RAYON_NUM_THREADS of them
    import sentence_transformers
    import torch

    torch.set_num_threads(arguments.threads)
    model = sentence_transformers.SentenceTransformer(
        arguments.model,
        device="cpu",
        model_kwargs={"dtype": getattr(torch, arguments.dtype)},
    )
    name = f"sentence-transformers {sentence_transformers.__version__}"
    name += f", torch {torch.__version__}"
    if arguments.dtype != "float32":
        name += f" {arguments.dtype}"
    print(json.dumps({"ready": name}), flush=True)
    for line in sys.stdin:
        try:
            found = answer(model, json.loads(line), arguments.batch_size)
        except (OSError, KeyError, ValueError) as error:
            found = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
