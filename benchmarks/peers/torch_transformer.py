"""The tasks of `benchmarks/seq2seq.py` by `torch.nn.Transformer`; prints JSON."""

import json
import math
import sys
import time

import torch
from torch import nn


class Model(nn.Module):
    """The model of `seq2seq.py`: sinusoidal positions, one table for all embeddings."""

    def __init__(self, s):
        super().__init__()
        self.size, self.start = s["hidden_size"], s["start"]
        self.embedding = nn.Embedding(s["vocab_size"], self.size)
        nn.init.normal_(self.embedding.weight, std=self.size**-0.5)
        self.transformer = nn.Transformer(
            self.size,
            s["heads"],
            s["encoder_layers"],
            s["decoder_layers"],
            s["intermediate_size"],
            dropout=0.1,
            batch_first=True,
            norm_first=True,
        )
        self.dropout = nn.Dropout(0.1)

    def embed(self, ids):
        angles = torch.arange(ids.shape[1])[:, None] / 10000 ** (
            torch.arange(0, self.size, 2) / self.size
        )
        positions = torch.stack([angles.sin(), angles.cos()], -1).flatten(1)
        return self.dropout(self.embedding(ids) * math.sqrt(self.size) + positions)

    def decode(self, states, targets):
        length = targets.shape[1]
        mask = torch.triu(torch.ones(length, length, dtype=torch.bool), 1)
        return self.transformer.decoder(self.embed(targets), states, tgt_mask=mask)

    def forward(self, sources, targets):
        states = self.transformer.encoder(self.embed(sources))
        return self.decode(states, targets) @ self.embedding.weight.T

    @torch.inference_mode()
    def greedy(self, sources, count):
        """Decodes without a cache, which `torch.nn.Transformer` does not have."""
        states = self.transformer.encoder(self.embed(sources))
        tokens = torch.full((len(sources), 1), self.start)
        for _ in range(count):
            last = self.decode(states, tokens)[:, -1]
            best = (last @ self.embedding.weight.T).argmax(-1, keepdim=True)
            tokens = torch.cat([tokens, best], 1)
        return tokens


def main(s):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = Model(s)
    shape = (s["batch_size"], s["length"])
    sources = torch.randint(4, s["vocab_size"], shape)
    targets = torch.randint(4, s["vocab_size"], shape)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.1)

    def step():
        optimizer.zero_grad()
        logits = model(sources, targets)
        loss_of(logits.flatten(0, 1), targets.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    step()
    began = time.process_time()
    for _ in range(s["steps"]):
        step()
    training = (time.process_time() - began) / s["steps"]
    model.eval()
    rows = sources[: s["rows"]]
    model.greedy(rows, 2)
    began = time.process_time()
    model.greedy(rows, s["new_tokens"])
    decoding = time.process_time() - began
    print(json.dumps({"training": training, "decoding": decoding}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
