"""Training and decoding of an encoder-decoder, beside `torch.nn.Transformer`.

    python benchmarks/seq2seq.py [--torch PYTHON]

The same model with random weights on random tokens: a deep encoder, one decoder layer,
one table for all embeddings. PYTHON is that of an environment with torch; without it
kerasbert is measured alone. `torch.nn.Transformer` has no key-value cache, so that it
computes every prefix anew. Seconds are those of the processor, of one thread, so that
other work on the machine does not count.
"""

import argparse
import json
import os
import pathlib
import subprocess
import time

SETTINGS = {
    "vocab_size": 8000,
    "hidden_size": 256,
    "heads": 4,
    "intermediate_size": 1024,
    "encoder_layers": 6,
    "decoder_layers": 1,
    "batch_size": 64,
    "length": 20,  # tokens of a source, and of a target
    "steps": 4,
    "rows": 32,  # that are decoded together
    "new_tokens": 64,
    "start": 1,
}
END = 2


def measured(settings):
    """Measures kerasbert: seconds of a step, and of decoding a batch."""
    import numpy as np
    import tensorflow as tf

    import kerasbert
    from kerasbert.decoding import BeamSearch, Greedy, Limits
    from kerasbert.inference.frozen_model import frozen_model
    from kerasbert.tasks.class_losses import ClassCrossentropy

    s = settings
    config = kerasbert.Seq2SeqConfig(
        vocab_size=s["vocab_size"],
        hidden_size=s["hidden_size"],
        num_attention_heads=s["heads"],
        intermediate_size=s["intermediate_size"],
        num_hidden_layers=s["encoder_layers"],
        num_decoder_layers=s["decoder_layers"],
    )
    model = kerasbert.Seq2SeqTransformer(config)
    random = np.random.default_rng(0)
    shape = (s["batch_size"], s["length"])
    sources, targets = random.integers(4, s["vocab_size"], (2, *shape), "int32")
    mask = np.ones_like(sources)
    batch = {"token_ids": sources, "padding_mask": mask, "decoder_token_ids": targets}
    optimizer = kerasbert.training.AdamW(1e-4, global_clipnorm=1.0)
    loss = ClassCrossentropy(0.1, ignore_class=-1)
    model.compile(optimizer, loss={"logits": loss})
    data = tf.data.Dataset.from_tensors((batch, {"logits": targets}))
    model.fit(data, shuffle=False, verbose=0)
    began = time.process_time()
    model.fit(data.repeat(s["steps"]), shuffle=False, verbose=0)
    found = {"training": (time.process_time() - began) / s["steps"]}

    frozen, weights = frozen_model(model, "float32")
    limits = Limits(END, min_length=s["new_tokens"])
    rows = tf.constant(sources[: s["rows"]])

    def decoder(strategy):
        @tf.function(autograph=False)
        def decode(token_ids):
            with weights():
                begun = frozen.continuation(
                    token_ids, tf.ones_like(token_ids), s["start"], s["new_tokens"]
                )
                return strategy(begun, limits).token_ids

        return decode

    table = tf.TensorSpec([None, None], tf.int32)
    states = tf.TensorSpec([None, None, s["hidden_size"]])

    @tf.function(input_signature=[table, states], autograph=False)
    def logits_after(tokens, states):
        mask = tf.ones(tf.shape(states)[:2], tf.int32)
        inputs = {"token_ids": tokens, "encoder_states": states, "encoder_mask": mask}
        return model.decoder(inputs)["logits"][:, -1]

    def without_cache(count):
        states = model.encode(rows, tf.ones_like(rows))
        tokens = tf.fill([s["rows"], 1], s["start"])
        for _ in range(count):
            logits = logits_after(tokens, states)
            ends = tf.one_hot([END], s["vocab_size"]) * 1e9
            best = tf.argmax(logits - ends, -1, tf.int32)[:, None]
            tokens = tf.concat([tokens, best], 1)
        return tokens

    for name, strategy in {"decoding": Greedy(), "beams": BeamSearch(5)}.items():
        decode = decoder(strategy)
        tokens = decode(rows)
        began = time.process_time()
        decode(rows)
        found[name] = time.process_time() - began
        if name == "decoding":
            greedy = tokens[:, 0].numpy()
    without_cache(2)
    began = time.process_time()
    whole = without_cache(s["new_tokens"])[:, 1:].numpy()
    found["without a cache"] = time.process_time() - began
    found["same tokens"] = float((greedy == whole).mean())
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", help="the Python of an environment with torch")
    arguments = parser.parse_args()
    os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
    settings = SETTINGS
    found = {"kerasbert": measured(settings)}
    if arguments.torch:
        script = pathlib.Path(__file__).parent / "peers" / "torch_transformer.py"
        command = [arguments.torch, str(script), json.dumps(settings)]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        found["torch.nn.Transformer"] = json.loads(run.stdout)
    tokens = 2 * settings["batch_size"] * settings["length"]
    print(settings)
    print("| | tokens/s, training | sentences/s, greedy | sentences/s, 5 beams |")
    print("| --- | --- | --- | --- |")
    for name, seconds in found.items():
        rates = [tokens / seconds["training"], settings["rows"] / seconds["decoding"]]
        beams = settings["rows"] / seconds["beams"] if "beams" in seconds else None
        shown = [f"{rates[0]:,.0f}", f"{rates[1]:.1f}", f"{beams:.1f}" if beams else ""]
        print(f"| {name} | {' | '.join(shown)} |")
    ours = found["kerasbert"]
    print(
        f"with a cache {ours['without a cache'] / ours['decoding']:.1f} times as fast "
        f"as without at {settings['new_tokens']} tokens; "
        f"{100 * ours['same tokens']:.1f} % of the tokens are the same"
    )


if __name__ == "__main__":
    main()
