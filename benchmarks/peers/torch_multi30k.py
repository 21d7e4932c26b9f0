"""The task of `benchmarks/multi30k.py` by `torch.nn.Transformer`; prints JSON."""

import json
import math
import pathlib
import sys
import time

import numpy as np
import torch
from torch import nn


class Model(nn.Module):
    """Sinusoidal positions, pre-norm, one table for all embeddings."""

    def __init__(self, options):
        super().__init__()
        self.size = options["hidden_size"]
        self.embedding = nn.Embedding(options["vocab_size"], self.size)
        nn.init.normal_(self.embedding.weight, std=0.05)
        self.transformer = nn.Transformer(
            self.size,
            options["heads"],
            options["encoder_layers"],
            options["decoder_layers"],
            options["intermediate_size"],
            dropout=options["dropout"],
            batch_first=True,
            norm_first=True,
        )
        for name, module in self.transformer.named_modules():
            if isinstance(module, nn.MultiheadAttention):
                module.dropout = 0.0  # dropout where kerasbert has it: of the
            elif name.endswith(".dropout"):  # embeddings and the sub-layers
                module.p = 0.0
        self.dropout = nn.Dropout(options["dropout"])

    def embed(self, ids):
        angles = torch.arange(ids.shape[1])[:, None] / 10000 ** (
            torch.arange(0, self.size, 2) / self.size
        )
        positions = torch.stack([angles.sin(), angles.cos()], -1).flatten(1)
        return self.dropout(self.embedding(ids) * math.sqrt(self.size) + positions)

    def encode(self, sources):
        padding = sources == 0
        states = self.transformer.encoder(
            self.embed(sources), src_key_padding_mask=padding
        )
        return states, padding

    def decode(self, states, padding, targets):
        length = targets.shape[1]
        return self.transformer.decoder(
            self.embed(targets),
            states,
            tgt_mask=torch.triu(torch.ones(length, length, dtype=torch.bool), 1),
            memory_key_padding_mask=padding,
        )

    def forward(self, sources, targets):
        states = self.decode(*self.encode(sources), targets)
        return states @ self.embedding.weight.T

    @torch.inference_mode()
    def greedy(self, sources, options):
        states, padding = self.encode(sources)
        tokens = torch.full((len(sources), 1), options["start"])
        ended = torch.zeros(len(sources), dtype=torch.bool)
        while tokens.shape[1] <= 2 * sources.shape[1] + 16 and not ended.all():
            last = self.decode(states, padding, tokens)[:, -1]
            best = (last @ self.embedding.weight.T).argmax(-1)
            ended |= best == options["end"]
            tokens = torch.cat([tokens, best[:, None]], 1)
        return [
            row[: row.index(options["end"])] if options["end"] in row else row
            for row in tokens[:, 1:].tolist()
        ]


def main(folder, options):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    job = np.load(folder / "job.npz")
    parts = {}
    for key in job.files:
        part, number, kind = key.split("_")
        row = parts.setdefault(part, {}).setdefault(int(number), {})
        row[kind] = torch.tensor(job[key]).long()
    model = Model(options)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    np.savez(folder / "weights.npz", **weights)
    (folder / "weights.npz").rename(folder / "initial.npz")
    steps = len(parts["train"])
    warmup = int(options["warmup"] * steps)
    decay = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decay}, {"params": rest, "weight_decay": 0.0}],
        options["learning_rate"],
        weight_decay=options["weight_decay"],
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: (
            step / max(1, warmup)
            if step < warmup
            else (steps - step) / max(1, steps - warmup)
        ),
    )
    loss_of = nn.CrossEntropyLoss(ignore_index=-1, label_smoothing=options["smoothing"])
    start, losses = time.process_time(), []
    for number, row in sorted(parts["train"].items()):
        logits = model(row["0"], row["1"])
        loss = loss_of(logits.flatten(0, 1), row["2"].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if number % 50 == 49:
            print(number + 1, np.mean(losses[-50:]), file=sys.stderr, flush=True)
    training = time.process_time() - start
    model.eval()
    plain = nn.CrossEntropyLoss(ignore_index=-1, reduction="sum")
    total = count = 0
    with torch.no_grad():
        for row in parts["val"].values():
            logits = model(row["0"], row["1"])
            total += plain(logits.flatten(0, 1), row["2"].flatten()).item()
            count += (row["2"] >= 0).sum().item()
    start = time.process_time()
    rows = [row["0"][0] for _, row in sorted(parts["test"].items())]
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    tokens = [None] * len(rows)
    for first in range(0, len(order), 100):
        batch = order[first : first + 100]
        sources = nn.utils.rnn.pad_sequence([rows[n] for n in batch], True)
        for n, found in zip(batch, model.greedy(sources, options), strict=True):
            tokens[n] = found
    found = {
        "training": training,
        "decoding": time.process_time() - start,
        "losses": [float(np.mean(losses[-100:]))],
        "val": total / count,
        "tokens": tokens,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), json.loads(sys.argv[2]))
