"""Masked LM by transformers' Trainer, for `benchmarks/pretraining.py`; prints JSON."""

import json
import sys
import tempfile
import time

import numpy as np
import torch
import transformers

NAMES = {"pad": "[PAD]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}


class Times(transformers.TrainerCallback):
    def __init__(self):
        self.ends = []

    def on_step_end(self, *arguments, **options):
        self.ends.append(time.perf_counter())


class Counted:
    """A collator that also counts the tokens that are no padding."""

    def __init__(self, collator):
        self.collator = collator
        self.counts = []

    def __call__(self, rows):
        batch = self.collator(rows)
        self.counts.append(int(batch["attention_mask"].sum()))
        return batch


def tokenizer_of(folder, special, vocab_size):
    """The tokens of the ids, for padding and masking; text never passes it."""
    words = [f"token{number}" for number in range(vocab_size)]
    for name, token in {**NAMES, "unk": "[UNK]"}.items():
        words[special[name]] = token
    file = f"{folder}/vocab.txt"
    with open(file, "w") as target:
        target.write("\n".join(words) + "\n")
    return transformers.BertTokenizer(file)


def main(job):
    torch.set_num_threads(job["threads"])
    transformers.set_seed(0)
    with np.load(job["rows"]) as arrays:
        rows = [{"input_ids": arrays[name].tolist()} for name in arrays.files]
    config = transformers.BertConfig(vocab_size=job["vocab_size"], **job["shape"])
    model = transformers.BertForMaskedLM(config)
    times = Times()
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = tokenizer_of(folder, job["special"], job["vocab_size"])
        collator = Counted(transformers.DataCollatorForLanguageModeling(tokenizer))
        arguments = transformers.TrainingArguments(
            folder,
            per_device_train_batch_size=job["batch_size"],
            max_steps=job["steps"],
            learning_rate=1e-4,
            weight_decay=0.01,
            warmup_steps=max(1, job["steps"] // 10),
            max_grad_norm=1.0,
            use_cpu=True,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        transformers.Trainer(
            model, arguments, collator, train_dataset=rows, callbacks=[times]
        ).train()
    skipped = job["skipped"]
    tokens = sum(collator.counts[skipped : job["steps"]])
    elapsed = times.ends[-1] - times.ends[skipped - 1]
    print(json.dumps({"tokens_per_second": tokens / elapsed}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
