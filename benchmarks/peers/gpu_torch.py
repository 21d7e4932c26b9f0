"""The tasks of `benchmarks/gpu.py` by transformers on torch; prints JSON."""

import json
import statistics
import sys
import time

import torch
import transformers


def model_of(job):
    layers, width, heads, inner = job["shape"]
    config = transformers.BertConfig(
        vocab_size=job["vocab_size"],
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
        max_position_embeddings=max(512, job["length"]),
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation="sdpa",
    )
    torch.manual_seed(0)
    return transformers.BertModel(config).to(job["device"])


def step_of(job, model):
    """A function of a batch that computes a step."""
    dtype = getattr(torch, job["dtype"])
    if job["kind"] == "inference":
        model = model.to(dtype).eval()

        @torch.inference_mode()
        def infer(ids, mask):
            return model(input_ids=ids, attention_mask=mask).pooler_output

        return infer
    model.train()
    fused = job["device"] == "cuda"
    optimizer = torch.optim.AdamW(model.parameters(), 1e-5, fused=fused)

    def train(ids, mask):
        enabled = dtype != torch.float32
        with torch.autocast(job["device"], dtype, enabled=enabled):
            pooled = model(input_ids=ids, attention_mask=mask).pooler_output
        loss = -torch.log_softmax(pooled[:, :2].float(), -1)[:, 0].mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss

    return train


def sequences_per_second(job, compiled):
    lengths = torch.tensor(job["lengths"])
    mask = (torch.arange(job["length"]) < lengths[:, None]).long()
    ids = torch.randint(5, job["vocab_size"], mask.shape) * mask
    ids, mask = ids.to(job["device"]), mask.to(job["device"])
    model = model_of(job)
    step = step_of(job, torch.compile(model) if compiled else model)
    wait = torch.cuda.synchronize if job["device"] == "cuda" else lambda: None
    for _ in range(3):
        step(ids, mask)
    found = []
    for _ in range(3):
        wait()
        began = time.perf_counter()
        for _ in range(job["steps"]):
            step(ids, mask)
        wait()
        found.append((time.perf_counter() - began) / job["steps"])
    return len(lengths) / statistics.median(found)


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    if job["device"] == "cuda" and not torch.cuda.is_available():
        sys.exit("Expected torch with CUDA, which sees the GPU.")
    figures = {"torch": sequences_per_second(job, compiled=False)}
    if job["device"] == "cuda":
        figures["torch, compiled"] = sequences_per_second(job, compiled=True)
    print(json.dumps(figures))
