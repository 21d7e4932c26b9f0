"""Multi30k, English to German: the same model and recipe here and in torch.

    python benchmarks/multi30k.py --data FOLDER --torch PYTHON [--epochs N]

FOLDER holds `translation/multi30k/{train,val,test_2016_flickr}.{en,de}.gz`
(https://github.com/multi30k/dataset), PYTHON is that of an environment with torch.
`torch.nn.Transformer` begins with random weights; kerasbert begins with the same ones,
and both see the same batches in the same order, with the same optimizer and schedule:
what differs is dropout's random numbers, and the implementation. Both train at the
same time, with one thread each; seconds are those of the processor. Both decode
greedily, 100 sentences of like length at a time, kerasbert by its export after a first
round (torch without one, it compiles nothing), and with 5 beams, too.
"""

import argparse
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "results"
RECIPE = {"learning_rate": 2e-3, "warmup": 0.1, "weight_decay": 1e-4}
SIZE = {"hidden_size": 128, "num_hidden_layers": 6, "intermediate_size": 512}
SMOOTHING, DROPOUT, BATCH, VOCABULARY, BEAMS = 0.1, 0.1, 128, 5000, 5


def read(folder):
    """The texts of each part: English, German."""
    found = {}
    for part in ("train", "val", "test_2016_flickr"):
        found[part] = [
            gzip.decompress((folder / f"{part}.{language}.gz").read_bytes())
            .decode("utf-8")
            .splitlines()
            for language in ("en", "de")
        ]
    return found


def batches(features, epochs):
    """The batches of `fit` in order, and arrays of the examples."""
    from kerasbert.training.batches import epoch_batches

    for epoch in range(epochs):
        for rows in epoch_batches(features.lengths, BATCH, 0, epoch):
            yield features.batch(rows)


def arrays_of(batch):
    inputs, targets, _ = batch
    return inputs["token_ids"], inputs["decoder_token_ids"], targets["logits"]


def start_torch(python, translator, train, val, test, epochs, folder):
    """Starts `peers/torch_multi30k.py`, and waits for its initial weights."""
    jobs = {
        "train": map(arrays_of, batches(train, epochs)),
        "val": map(arrays_of, batches(val, 1)),
        "test": ((test.batch([n])[0]["token_ids"],) for n in range(len(test))),
    }
    arrays = {
        f"{part}_{number}_{kind}": array
        for part, rows in jobs.items()
        for number, row in enumerate(rows)
        for kind, array in enumerate(row)
    }
    np.savez(folder / "job.npz", **arrays)
    config = translator.model.config
    options = {
        "vocab_size": translator.vocab_size,
        "hidden_size": config.hidden_size,
        "heads": config.num_attention_heads,
        "intermediate_size": config.intermediate_size,
        "encoder_layers": len(translator.model.encoder.layer_blocks),
        "decoder_layers": len(translator.model.decoder.blocks),
        "dropout": DROPOUT,
        "smoothing": SMOOTHING,
        "start": translator.preprocessor.start_token_id,
        "end": translator.preprocessor.end_token_id,
        **RECIPE,
    }
    script = HERE / "peers" / "torch_multi30k.py"
    run = subprocess.Popen(
        [python, str(script), str(folder), json.dumps(options)],
        stdout=subprocess.PIPE,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        text=True,
    )
    while not (folder / "initial.npz").exists():
        if run.poll() is not None:
            sys.exit(f"{script.name} ended with status {run.returncode}.")
        time.sleep(0.5)
    return run


def end_torch(run, translator):
    """Waits for torch: its figures and its translations."""
    output, _ = run.communicate()
    if run.returncode:
        sys.exit(f"torch ended with status {run.returncode}.")
    found = json.loads(output.splitlines()[-1])
    rows = found.pop("tokens")
    size = max(map(len, rows))
    table = np.array([row + [0] * (size - len(row)) for row in rows], "int32")
    lengths = [len(row) for row in rows]
    texts = translator.preprocessor.texts_of(table, lengths).numpy()
    return found, [text.decode("utf-8", "replace") for text in texts]


def by_export(translator, sources, folder):
    """Decodes greedily by the SavedModel: translations and seconds."""
    import tensorflow as tf

    translator.num_beams = 1
    version = translator.export(folder / "served")
    serve = tf.saved_model.load(str(version)).signatures["serving_default"]
    order = sorted(range(len(sources)), key=lambda n: len(sources[n]))
    batches = [order[first : first + 100] for first in range(0, len(order), 100)]
    found = [None] * len(sources)
    for _ in range(2):
        start = time.process_time()
        for batch in batches:
            answers = serve(text=tf.constant([sources[n] for n in batch]))
            for n, text in zip(batch, answers["translation"].numpy(), strict=True):
                found[n] = text.decode("utf-8", "replace")
        seconds = time.process_time() - start
    return found, seconds


def by_kerasbert(translator, texts, val, epochs, initial, folder):
    """Trains from the same weights, and decodes."""
    import tensorflow as tf

    import kerasbert
    from kerasbert.decoding import BeamSearch
    from kerasbert.metrics.text import translation_scores

    sys.path.insert(0, str(HERE.parent))
    from tests.models.test_seq2seq_transformer import pairs_with_torch

    pairs = list(pairs_with_torch(translator.model, initial))
    assert len(pairs) == len(translator.model.trainable_variables)
    for variable, array in pairs:
        variable.assign(array)
    translator.compile(
        kerasbert.Recipe(**RECIPE), label_smoothing=SMOOTHING, jit_compile=False
    )
    start = time.process_time()
    options = {"epochs": epochs, "batch_size": BATCH, "seed": 0, "verbose": 2}
    history = translator.fit(*texts["train"], **options)
    seconds = time.process_time() - start
    total = count = 0
    for batch in batches(val, 1):
        inputs, targets, _ = batch
        after = targets["logits"]
        logits = translator.model(inputs)["logits"]
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            np.maximum(after, 0), logits
        )
        total += float(tf.reduce_sum(losses * (after >= 0)))
        count += int((after >= 0).sum())
    sources, references = texts["test_2016_flickr"]
    found, decoding = by_export(translator, sources, folder)
    best = translator.translate(sources, strategy=BeamSearch(BEAMS))
    return {
        "training": seconds,
        "decoding": decoding,
        "beams": translation_scores(best, references),
        "losses": history.history["loss"],
        "val": total / count,
    }, found


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("KERASBERT_DATA"))
    parser.add_argument("--torch", metavar="PYTHON", required=True)
    parser.add_argument("--epochs", type=int, default=13)
    arguments = parser.parse_args()
    if arguments.data is None:
        sys.exit("Expected --data FOLDER, or the environment variable KERASBERT_DATA.")
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    import kerasbert
    from kerasbert.metrics.text import translation_scores

    texts = read(pathlib.Path(arguments.data) / "translation" / "multi30k")
    translator = kerasbert.Translator.for_texts(
        *texts["train"], kerasbert.Seq2SeqConfig(**SIZE), VOCABULARY, dropout=DROPOUT
    )
    parts = [translator.features(*texts[part]) for part in texts]
    results = {"epochs": arguments.epochs, "weights": translator.model.count_params()}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run = start_torch(
            *(arguments.torch, translator, *parts, arguments.epochs, folder)
        )
        with np.load(folder / "initial.npz") as arrays:
            initial = dict(arrays)
        found = {
            "kerasbert": by_kerasbert(
                *(translator, texts, parts[1], arguments.epochs, initial),
                folder,
            ),
            "torch.nn.Transformer": end_torch(run, translator),
        }
    references = texts["test_2016_flickr"][1]
    rows = [
        "| | BLEU | with beams | validation loss | s of training | s of decoding |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    for name in ("kerasbert", "torch.nn.Transformer"):
        figures, answers = found[name]
        figures |= translation_scores(answers, references)
        results[name] = figures
        beams = f"{figures['beams']['bleu']:.2f}" if "beams" in figures else ""
        rows.append(
            f"| {name} | {figures['bleu']:.2f} | {beams} | {figures['val']:.3f} | "
            f"{figures['training']:.0f} | {figures['decoding']:.0f} |"
        )
    rows += [
        "",
        f"{len(texts['train'][0]):,} pairs, {arguments.epochs} epochs of batches of "
        f"{BATCH}; {translator.model.count_params():,} weights, {BEAMS} beams; seconds "
        "of the processor, one thread.",
    ]
    (RESULTS / "multi30k.json").write_text(json.dumps(results, indent=2) + "\n")
    (RESULTS / "multi30k.md").write_text("\n".join(rows) + "\n")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
