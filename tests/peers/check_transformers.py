"""Loads what kerasbert writes in Hugging Face transformers, and compares the numbers.

Not of the suite: it needs two environments, that of kerasbert and one with torch and
transformers (`benchmarks` says which).

    python tests/peers/check_transformers.py write FOLDER
    PEERS/bin/python tests/peers/check_transformers.py check FOLDER

The first converts the tiny models of every container and notes what kerasbert
answers; the second loads each with the class that its configuration names and prints
the largest difference of each output, and whether the tokens are kerasbert's. It ends
with 1 where one is above 3e-6 that kerasbert did not warn about when it wrote it.
"""

import json
import pathlib
import sys

import numpy as np

LIMIT = 3e-6
INPUTS = {
    "input_ids": "token_ids",
    "token_type_ids": "segment_ids",
    "attention_mask": "padding_mask",
}
# The outputs of transformers' classes under the names of kerasbert's.
OUTPUTS = {
    "logits": ("logits", "mlm_logits", "pair_logits"),
    "prediction_logits": ("mlm_logits",),
    "seq_relationship_logits": ("pair_logits",),
    "sop_logits": ("pair_logits",),
    "start_logits": ("start_logits",),
    "end_logits": ("end_logits",),
    "last_hidden_state": ("sequence_output",),
    "pooler_output": ("pooled_output",),
}
SENTENCE = "the film is good, isn't it?"


def write(target):
    """Converts every tiny model, and notes what kerasbert answers."""
    sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))
    from kerasbert.checkpoints import convert
    from kerasbert.models import load_model
    from kerasbert.text import Tokenizer
    from tests.checkpoints.on_disk import FOLDERS, expected, outputs, quiet

    for folder in FOLDERS:
        if folder.name == "sentence_transformers":
            continue
        name = f"{folder.parent.name}-{folder.name}"
        with quiet():
            convert(folder, target / name, "huggingface")
            model = load_model(folder)
        batch = expected(folder)
        found = outputs(model, batch)
        inputs = {ours: batch[ours] for ours in INPUTS.values()}
        ids = Tokenizer.from_pretrained(folder).encode([SENTENCE])[0]
        np.savez(target / f"{name}.npz", ids=ids, **inputs, **found)
        print("written", name, flush=True)


def check(target):
    """Loads each in transformers, and tells whether all agree."""
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    worst, all_agree = 0.0, True
    for file in sorted(target.glob("*.npz")):
        ours = dict(np.load(file))
        folder = file.with_suffix("")
        config = json.loads((folder / "config.json").read_text("utf-8"))
        architecture = config["architectures"][0]
        model, loading = getattr(transformers, architecture).from_pretrained(
            folder, output_loading_info=True
        )
        missing = sorted(loading["missing_keys"])
        inputs = {k: torch.tensor(ours[v]).long() for k, v in INPUTS.items()}
        with torch.no_grad():
            theirs = model.eval()(**inputs, output_hidden_states=True)
        differences = {}
        for name, value in theirs.items():
            if name == "hidden_states":
                # transformers lists the inner blocks of a layer, too.
                states = np.stack(value[:: config.get("inner_group_num", 1)])
                difference = np.abs(states - ours["hidden_states"]).max()
                differences["hidden_states"] = difference
            for our_name in OUTPUTS.get(name, ()):
                if our_name in ours and value is not None:
                    wanted = ours[our_name]
                    value = value.numpy()
                    if our_name == "mlm_logits":
                        value = value[:, : wanted.shape[1]]
                    differences[our_name] = np.abs(value - wanted).max()
                    break
        if missing:  # a pooler that the model never had is random on both sides
            differences.pop("pooled_output", None)
        agrees = max(differences.values()) <= LIMIT
        agrees = agrees and not [name for name in missing if "pooler" not in name]
        verdict = "ok  " if agrees else "FAIL"
        if not agrees and "kerasbert" in config:  # warned about when it was written
            verdict, agrees = "warned", True
        else:
            worst = max(worst, *differences.values())
        all_agree = all_agree and agrees
        shown = [f"{name} {value:.1e}" for name, value in differences.items()]
        shown += [
            tokens(folder, transformers, ours["ids"]),
            *(f"missing {n}" for n in missing),
        ]
        print(verdict, file.stem, architecture, ", ".join(shown))
    print(f"largest difference, but for those: {worst:.1e}")
    return all_agree


def tokens(folder, transformers, wanted):
    """Whether AutoTokenizer makes the same tokens of a sentence."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(SENTENCE)["input_ids"]
    return "same tokens" if ids == list(wanted) else f"OTHER TOKENS: {ids}"


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("write", "check"):
        sys.exit(__doc__)
    step, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    if step == "write":
        write(folder)
    elif not check(folder):
        sys.exit(1)
