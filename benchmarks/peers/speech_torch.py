"""A CTC recognizer in torch, for `benchmarks/speech.py`, which says what it does.

    python speech_torch.py JOB.npz OPTIONS

JOB has the samples and units of training and test examples; OPTIONS is JSON. What it
finds is printed as one line of JSON.
"""

import json
import math
import sys
import time

import numpy as np
import torch
from torch import nn


def log_mel(waveforms, lengths, rate, bands=40):
    """Log mel bands relative to the mean, and their mask."""
    frame, stride = round(0.025 * rate), round(0.01 * rate)
    size = 1 << (frame - 1).bit_length()
    edges = np.linspace(0, 2595 * math.log10(1 + rate / 1400), bands + 2)
    mels = 2595 * np.log10(1 + np.linspace(0, rate / 2, size // 2 + 1) / 700)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (mels[:, None] - low) / (centre - low)
    falling = (high - mels[:, None]) / (high - centre)
    weights = torch.tensor(np.maximum(0, np.minimum(rising, falling))).float()
    spectrum = torch.stft(
        nn.functional.pad(waveforms, (0, size)),
        size,
        stride,
        frame,
        torch.hann_window(frame),
        center=False,
        return_complex=True,
    )
    found = (spectrum.abs() ** 2).transpose(1, 2) @ weights  # [B, F, M]
    starts = torch.arange(found.shape[1]) * stride
    mask = (starts[None] < lengths[:, None]).float()[..., None]
    mean = (found * mask).sum((1, 2), True) / (mask.sum((1, 2), True) * bands)
    features = torch.log1p(found / (1e-4 * mean).clamp(min=1e-20)) * mask
    return features / math.log1p(1e4), mask[..., 0]


class Recognizer(nn.Module):
    def __init__(self, options):
        super().__init__()
        self.options, width = options, options["width"]
        count = options["subsampling"].bit_length() - 1
        self.convolutions = nn.ModuleList(
            nn.Conv1d(width if number else 40, width, 9, stride=2, padding=4)
            for number in range(count)
        )
        self.projection = nn.Sequential(nn.Linear(width, width), nn.LayerNorm(width))
        layer = nn.TransformerEncoderLayer(
            *(width, options["heads"], 4 * width, 0.1),
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.encoder = nn.TransformerEncoder(
            layer, options["layers"], nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(width, options["vocab_size"])

    def forward(self, waveforms, lengths):
        states, mask = log_mel(waveforms, lengths, self.options["rate"])
        if self.training:
            states = self.augment(states, mask)
        for convolution in self.convolutions:
            states = (states * mask[..., None]).transpose(1, 2)
            states = nn.functional.gelu(convolution(states)).transpose(1, 2)
            mask = mask[:, ::2]
        states = self.projection(states)
        width = states.shape[-1]
        angles = torch.arange(states.shape[1])[:, None] / 10000 ** (
            torch.arange(0, width, 2) / width
        )
        positions = torch.stack([angles.sin(), angles.cos()], -1).reshape(-1, width)
        states = self.dropout(states + positions)
        states = self.encoder(states, src_key_padding_mask=mask == 0)
        return self.head(states).log_softmax(-1), mask.sum(1).long()

    def augment(self, features, mask):
        for axis, most in ((1, "time_mask"), (2, "frequency_mask")):
            size = features.shape[axis]
            shape = [len(features), 1, 1]
            limit = mask.sum(1).reshape(shape) if axis == 1 else torch.full(shape, size)
            places = torch.arange(size).reshape([-1, 1] if axis == 1 else [1, -1])[None]
            for _ in range(2):
                width = (torch.rand(shape) * (self.options[most] + 1)).floor()
                width = torch.minimum(width, limit / 2)
                start = (torch.rand(shape) * (limit - width + 1)).floor()
                inside = (places >= start) & (places < start + width)
                features = features * ~inside
        return features


def varied(samples, speed, random):
    """A recording that is a little faster or slower."""
    size = -(-len(samples) // 128) * 128
    count = max(1, round(size / random.uniform(1 - speed, 1 + speed) / 128)) * 128
    spectrum = np.fft.rfft(np.pad(samples, (0, size - len(samples))))
    spectrum = np.resize(spectrum, count // 2 + 1) * (
        np.arange(count // 2 + 1) < len(spectrum)
    )
    found = np.fft.irfft(spectrum, count) * count / size
    return found[: round(len(samples) * count / size)].astype("float32")


def batch_of(examples):
    lengths = torch.tensor([len(x) for x, _ in examples])
    waveforms = torch.zeros(len(examples), int(lengths.max()))
    for row, (samples, _) in zip(waveforms, examples, strict=True):
        row[: len(samples)] = torch.tensor(samples)
    return waveforms, lengths


def batches(examples, size, random):
    """Batches of like length in random order, as kerasbert makes them."""
    order = random.permutation(len(examples))
    lengths = np.array([len(x) for x, _ in examples])
    found = []
    for start in range(0, len(order), 50 * size):
        pool = order[start : start + 50 * size]
        pool = pool[np.argsort(-lengths[pool], kind="stable")]
        found += [pool[first : first + size] for first in range(0, len(pool), size)]
    return [found[number] for number in random.permutation(len(found))]


def main():
    job, options = np.load(sys.argv[1]), json.loads(sys.argv[2])
    parts = {}
    for key in job.files:
        part, number, kind = key.split("_")
        parts.setdefault(int(part), {}).setdefault(int(number), {})[kind] = job[key]
    parts = [
        [(row["x"], row["y"]) for _, row in sorted(parts[part].items())]
        for part in sorted(parts)
    ]
    torch.set_num_threads(1)
    torch.manual_seed(options["seed"])
    random = np.random.default_rng(options["seed"])
    model, size = Recognizer(options), options["batch_size"]
    steps = options["epochs"] * -(-len(parts[0]) // size)
    warmup = int(0.1 * steps)
    decay = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": decay}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, options["learning_rate"], weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: (
            step / max(1, warmup)
            if step < warmup
            else 0.5
            * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))
        ),
    )
    loss_of = nn.CTCLoss(reduction="sum")
    start = time.process_time()
    for epoch in range(options["epochs"]):
        total = 0.0
        for rows in batches(parts[0], size, random):
            examples = [
                (varied(x, options["speed"], random), y)
                for x, y in (parts[0][row] for row in rows)
            ]
            log_probs, lengths = model(*batch_of(examples))
            units = [torch.tensor(y) for _, y in examples]
            counts = torch.tensor([len(y) for y in units])
            loss = loss_of(log_probs.transpose(0, 1), torch.cat(units), lengths, counts)
            loss = loss / len(examples)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: {total * size / len(parts[0]):.4f}", file=sys.stderr)
    seconds = time.process_time() - start
    model.eval()
    found = []
    with torch.no_grad():
        for part in parts[1:]:
            rows = []
            for first in range(0, len(part), size):
                examples = part[first : first + size]
                log_probs, lengths = model(*batch_of(examples))
                for path, length in zip(log_probs.argmax(-1), lengths, strict=True):
                    path = torch.unique_consecutive(path[:length]).tolist()
                    rows.append([unit for unit in path if unit])
            found.append(rows)
    weights = sum(p.numel() for p in model.parameters())
    print(json.dumps({"seconds": seconds, "weights": weights, "units": found}))


if __name__ == "__main__":
    main()
