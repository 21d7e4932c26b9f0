"""Trains transformers on a job of `../finetune.py`: JOB.json in, ANSWER.json out.

The loop is that of transformers' own examples: AdamW with decay groups, a linear warm-
up of a tenth and decay, clipping at 1, batches padded to their longest row.
"""

import json
import pathlib
import random
import sys
import time

import torch
import transformers

POOL = 50  # batches among which examples are sorted, as in transformers' samplers


def classify_rows(job, rows, tokenizer):
    encoded = tokenizer(
        [row["text"] for row in rows], truncation=True, max_length=job["max_length"]
    )
    labels = [row.get("label", 0) for row in rows]
    return [
        {"input_ids": ids, "token_type_ids": segments, "labels": label}
        for ids, segments, label in zip(
            encoded["input_ids"], encoded["token_type_ids"], labels, strict=True
        )
    ]


def pair_rows(job, rows, tokenizer):
    encoded = tokenizer(
        [row["text"] for row in rows],
        [row["pair"] for row in rows],
        truncation=True,
        max_length=job["max_length"],
    )
    return [
        {"input_ids": ids, "token_type_ids": segments, "labels": row["score"]}
        for ids, segments, row in zip(
            encoded["input_ids"], encoded["token_type_ids"], rows, strict=True
        )
    ]


def tag_rows(job, rows, tokenizer, names):
    encoded = tokenizer(
        [row["words"] for row in rows],
        is_split_into_words=True,
        truncation=True,
        max_length=job["max_length"],
    )
    features = []
    for number, row in enumerate(rows):
        words = encoded.word_ids(number)
        labels, firsts, before = [], [], None
        for word in words:
            first = word is not None and word != before
            labels.append(names.get(row["tags"][word], -100) if first else -100)
            firsts.append(word if first else -1)
            before = word
        features.append(
            {
                "input_ids": encoded["input_ids"][number],
                "token_type_ids": encoded["token_type_ids"][number],
                "labels": labels,
                "firsts": firsts,
            }
        )
    return features


def answer_rows(job, rows, tokenizer):
    encoded = tokenizer(
        [row["question"].strip() for row in rows],
        [row["context"] for row in rows],
        truncation="only_second",
        max_length=job["max_length"],
        stride=128,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    features = []
    for number, offsets in enumerate(encoded["offset_mapping"]):
        example = encoded["overflow_to_sample_mapping"][number]
        parts = encoded.sequence_ids(number)
        inside = [place for place, part in enumerate(parts) if part == 1]
        answer = rows[example]["answers"][0]
        start, end = (
            answer["answer_start"],
            answer["answer_start"] + len(answer["text"]),
        )
        first = last = 0
        if offsets[inside[0]][0] <= start and offsets[inside[-1]][1] >= end:
            first = max(p for p in inside if offsets[p][0] <= start)
            last = min(p for p in inside if offsets[p][1] >= end)
        features.append(
            {
                "input_ids": encoded["input_ids"][number],
                "token_type_ids": encoded["token_type_ids"][number],
                "labels": [first, last],
                "example": example,
                "offsets": offsets,
                "inside": inside,
            }
        )
    return features


def batches(lengths, job, shuffle):
    order = list(range(len(lengths)))
    if not shuffle:
        order.sort(key=lambda row: -lengths[row])
    else:
        random.shuffle(order)
    size = job["batch_size"]
    if shuffle and job["padding"] == "sorted":
        pools = [order[i : i + POOL * size] for i in range(0, len(order), POOL * size)]
        order = [row for p in pools for row in sorted(p, key=lambda r: -lengths[r])]
    found = [order[i : i + size] for i in range(0, len(order), size)]
    if shuffle:
        random.shuffle(found)
    return found


def tensors(features, rows, dtype=torch.long):
    longest = max(len(features[row]["input_ids"]) for row in rows)

    def padded(name, filler):
        return torch.tensor(
            [
                features[row][name]
                + [filler] * (longest - len(features[row]["input_ids"]))
                for row in rows
            ]
        )

    inputs = {
        "input_ids": padded("input_ids", 0),
        "token_type_ids": padded("token_type_ids", 0),
        "attention_mask": torch.tensor(
            [
                [1] * len(features[row]["input_ids"])
                + [0] * (longest - len(features[row]["input_ids"]))
                for row in rows
            ]
        ),
    }
    first = features[rows[0]]["labels"]
    if isinstance(first, list) and "firsts" in features[rows[0]]:
        return inputs, padded("labels", -100)
    return inputs, torch.tensor([features[row]["labels"] for row in rows], dtype=dtype)


class Embedder(torch.nn.Module):
    """Two towers with one encoder, the mean of the tokens, and the cosine."""

    def __init__(self, source):
        super().__init__()
        self.encoder = transformers.AutoModel.from_pretrained(source)

    def embed(self, inputs):
        states = self.encoder(**inputs).last_hidden_state
        mask = inputs["attention_mask"][..., None].float()
        return (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)


def model_of(job, names):
    source = job["model"]
    auto = transformers
    if job["kind"] == "classify":
        count = len({row["label"] for row in job["train"]})
        return auto.AutoModelForSequenceClassification.from_pretrained(
            source, num_labels=count
        )
    if job["kind"] == "regress":
        return auto.AutoModelForSequenceClassification.from_pretrained(
            source, num_labels=1
        )
    if job["kind"] == "tag":
        return auto.AutoModelForTokenClassification.from_pretrained(
            source, num_labels=len(names)
        )
    if job["kind"] == "answer":
        return auto.AutoModelForQuestionAnswering.from_pretrained(source)
    return Embedder(source)


def loss_of(job, model, features, rows):
    functional = torch.nn.functional
    if job["kind"] == "embed":
        first, second = features
        vectors = [model.embed(tensors(f, rows)[0]) for f in (first, second)]
        cosines = functional.cosine_similarity(*vectors)
        scores = torch.tensor([first[row]["labels"] for row in rows])
        return functional.mse_loss(cosines, scores)
    if job["kind"] == "regress":
        inputs, scores = tensors(features, rows, torch.float32)
        logits = model(**inputs).logits[:, 0]
        return functional.binary_cross_entropy_with_logits(logits, scores)
    inputs, labels = tensors(features, rows)
    if job["kind"] == "answer" and job.get("without_padding"):
        outputs, padding = model(**inputs), inputs["attention_mask"] == 0
        sides = zip((outputs.start_logits, outputs.end_logits), labels.T, strict=True)
        return sum(
            functional.cross_entropy(logits.masked_fill(padding, -1e9), slots) / 2
            for logits, slots in sides
        )
    if job["kind"] == "answer":
        return model(
            **inputs, start_positions=labels[:, 0], end_positions=labels[:, 1]
        ).loss
    return model(**inputs, labels=labels).loss


def features_of(job, rows, tokenizer, names):
    if job["kind"] == "classify":
        return classify_rows(job, rows, tokenizer)
    if job["kind"] == "regress":
        return pair_rows(job, rows, tokenizer)
    if job["kind"] == "tag":
        return tag_rows(job, rows, tokenizer, names)
    if job["kind"] == "answer":
        return answer_rows(job, rows, tokenizer)
    return [
        classify_rows(
            job,
            [{"text": row[side], "label": row["score"]} for row in rows],
            tokenizer,
        )
        for side in ("text", "pair")
    ]


def lengths_of(job, features):
    if job["kind"] == "embed":
        return [
            max(len(a["input_ids"]), len(b["input_ids"]))
            for a, b in zip(*features, strict=True)
        ]
    return [len(one["input_ids"]) for one in features]


@torch.no_grad()
def predictions(job, model, features, tag_names):
    model.eval()
    lengths = lengths_of(job, features)
    found = [None] * len(lengths)
    for rows in batches(lengths, job, shuffle=False):
        if job["kind"] == "embed":
            vectors = [model.embed(tensors(f, rows)[0]) for f in features]
            values = torch.nn.functional.cosine_similarity(*vectors).tolist()
        elif job["kind"] == "answer":
            outputs = model(**tensors(features, rows)[0])
            values = list(zip(outputs.start_logits, outputs.end_logits, strict=True))
        else:
            inputs, _ = tensors(features, rows, torch.float32)
            logits = model(**inputs).logits
            values = logits if job["kind"] == "tag" else logits.tolist()
        for row, value in zip(rows, values, strict=True):
            found[row] = value
    if job["kind"] == "classify":
        return [max(range(len(v)), key=v.__getitem__) for v in found]
    if job["kind"] == "regress":
        return [value[0] for value in found]
    if job["kind"] == "tag":
        return tags_of(job, features, found, tag_names)
    if job["kind"] == "answer":
        return answers_of(job, features, found)
    return found


def tags_of(job, features, logits, tag_names):
    rows = []
    for row, feature, values in zip(job["dev"], features, logits, strict=True):
        tags = ["O"] * len(row["words"])
        best = values.argmax(-1).tolist()
        for word, label in zip(feature["firsts"], best, strict=False):
            if word >= 0:
                tags[word] = tag_names[label]
        rows.append(tags)
    return rows


def answers_of(job, features, logits):
    best = {}
    for feature, (starts, ends) in zip(features, logits, strict=True):
        inside = set(feature["inside"])
        starts, ends = starts.tolist(), ends.tolist()
        first = sorted(range(len(starts)), key=lambda p: -starts[p])[:20]
        last = sorted(range(len(ends)), key=lambda p: -ends[p])[:20]
        for i in first:
            for j in last:
                if i not in inside or j not in inside or not i <= j < i + 30:
                    continue
                score = starts[i] + ends[j]
                span = (feature["offsets"][i][0], feature["offsets"][j][1])
                example = feature["example"]
                if example not in best or score > best[example][0]:
                    best[example] = (score, span)
    texts = []
    for number, row in enumerate(job["dev"]):
        start, end = best[number][1] if number in best else (0, 0)
        texts.append(row["context"][start:end])
    return texts


def epochs_of(job, lengths):
    """Yields the rows of every batch: those of the job, or random ones."""
    if job.get("batches"):
        yield from job["batches"]
        return
    for _ in range(job["epochs"]):
        yield from batches(lengths, job, shuffle=True)


def optimizer_of(model, job, steps):
    weights = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in weights if p.ndim >= 2], "weight_decay": 0.01},
        {"params": [p for p in weights if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=job["learning_rate"])
    schedule = transformers.get_linear_schedule_with_warmup(
        optimizer, int(0.1 * steps), steps
    )
    return optimizer, schedule


def main():
    job = json.loads(pathlib.Path(sys.argv[1]).read_text("utf-8"))
    torch.set_num_threads(job["threads"])
    transformers.set_seed(job["seed"])
    transformers.logging.set_verbosity_error()
    tokenizer = transformers.AutoTokenizer.from_pretrained(job["model"])
    tag_names = sorted({tag for row in job["train"] for tag in row.get("tags", ())})
    names = {tag: number for number, tag in enumerate(tag_names)}
    model = model_of(job, names)
    features = features_of(job, job["train"], tokenizer, names)
    lengths = lengths_of(job, features)
    size = job["batch_size"]
    steps = job["epochs"] * -(-len(lengths) // size)
    optimizer, schedule = optimizer_of(model, job, steps)
    model.train()
    half = job["precision"] == "bfloat16"  # what --bf16 of the Trainer does
    began = time.perf_counter()
    seen, started, ended, losses = 0, None, None, []
    for rows in epochs_of(job, lengths):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss = loss_of(job, model, features, rows)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        seen += 1
        ended = time.perf_counter()
        if seen == 2:
            started = ended
        if job.get("in_turns"):  # the other one takes a step
            print(time.process_time(), flush=True)
            sys.stdin.readline()
        if job["steps"] and seen == job["steps"] + 2:
            break
    answer = {
        "losses": losses,
        "seconds": ended - started,
        "examples": (seen - 2) * size,
        "whole": ended - began,
        "predictions": [],
    }
    if not job["steps"]:
        dev = features_of(job, job["dev"], tokenizer, names)
        answer["predictions"] = predictions(job, model, dev, tag_names)
    if job.get("save"):
        model.save_pretrained(job["save"])
        tokenizer.save_pretrained(job["save"])
    pathlib.Path(sys.argv[2]).write_text(json.dumps(answer), "utf-8")


if __name__ == "__main__":
    main()
