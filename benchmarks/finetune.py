"""Fine-tuning: kerasbert beside transformers on torch, in one run.

    python benchmarks/finetune.py                        every task, one seed
    python benchmarks/finetune.py --only sst2 --seeds 0 1 2
    python benchmarks/finetune.py --same-start           quality: only dropout differs
    python benchmarks/finetune.py --steps 40             speed alone
    python benchmarks/finetune.py --precision bfloat16   mixed_bfloat16 and --bf16
    python benchmarks/finetune.py --precision bfloat16 --beside float32

Both begin with the same weights and see the same data, as often, in batches of the same
size, with the same learning rate, warm-up, decay and clipping; each in a process of its
own, in turns. Batches of kerasbert hold examples of like length; those of transformers
are random, as its Trainer makes them by default, or sorted like that: see --padding.
With --same-start both begin with one new head, too, and take the batches that kerasbert
draws, and padding is taken out of transformers' loss of answers: after short trainings,
scores vary with these draws by more than the two projects differ.
Tags of kerasbert are the likeliest ones that the scheme allows, those of transformers
the likeliest of each word, as in its examples. What they predict is scored here, by the
same code. "Whole" are the seconds of the training with its start (tokenizing, tracing,
compiling), without loading the model; examples/s leave the first two steps out.
transformers runs in an environment of its own, which is made the first time
(`make -C benchmarks/peers`).
"""

import argparse
import dataclasses
import functools
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import data
import processors

SPEED = ("examples/s", "whole")
PEER = "transformers"
HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "results"


@dataclasses.dataclass(frozen=True)
class Job:
    """What both train on, and how.

    Args:
        kind: `classify`, `tag`, `answer`, `regress` or `embed`.
        read: Function that gives training and held-back examples, lists of dicts.
        score: Function from held-back examples and predictions to the figures.
        settings: Epochs, batch size, learning rate, longest sequence.
    """

    kind: str
    read: object
    score: object
    settings: dict
    model: str = "minilm"


SETTINGS = {"epochs": 2, "batch_size": 32, "learning_rate": 1e-4, "max_length": 128}


def sst2():
    def rows(name):
        lines = data.path(f"sentiment_en/sst2/{name}").read_text("utf-8").split("\n")
        pairs = [line.rsplit("\t", 1) for line in lines if line]
        return [{"text": text, "label": int(label)} for text, label in pairs]

    return rows("train.tsv"), rows("dev.tsv")


def reviews_zh():
    def rows(name):
        file = data.path(f"sentiment_zh/reviews/{name}")
        lines = file.read_text("utf-8").split("\n")
        pairs = [line.rsplit("\t", 1) for line in lines if "\t" in line]
        return [{"text": text, "label": int(label)} for text, label in pairs]

    return rows("sentiment.train.data"), rows("sentiment.valid.data")


def tagged(train, dev, limit=None, **columns):
    def read():
        from kerasbert.data import read_tagged

        def rows(file, most):
            words, tags = read_tagged(data.path(f"ner_en/{file}"), **columns)
            pairs = list(zip(words, tags, strict=True))[:most]
            return [{"words": w, "tags": t} for w, t in pairs]

        return rows(train, limit), rows(dev, limit)

    return read


def squad():
    held_back = 800
    articles = json.loads(data.path("qa/squad_slice.json").read_text("utf-8"))["data"]
    rows = [
        {"context": paragraph["context"], **question}
        for article in articles
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]
    return rows[:-held_back], rows[-held_back:]


def stsb():
    def rows(name):
        lines = data.path(f"similarity_en/stsb/{name}").read_text("utf-8").split("\n")
        cells = [line.split("\t") for line in lines if line]
        return [
            {"text": row[5], "pair": row[6], "score": float(row[4]) / 5}
            for row in cells
        ]

    return rows("sts-train.csv"), rows("sts-dev.csv")


def accuracy(rows, predictions):
    right = [row["label"] == p for row, p in zip(rows, predictions, strict=True)]
    return {"accuracy": 100 * sum(right) / len(right)}


def entity_f1(rows, predictions):
    from kerasbert.metrics import entity_scores

    return {"F1": 100 * entity_scores([row["tags"] for row in rows], predictions)["f1"]}


def answers(rows, predictions):
    from kerasbert.metrics import squad_metrics

    golds = [[answer["text"] for answer in row["answers"]] for row in rows]
    found = squad_metrics(predictions, golds)
    return {"EM": found["exact_match"], "F1": found["f1"]}


def spearman(rows, predictions):
    from kerasbert.metrics import spearman

    return {"Spearman": 100 * spearman([row["score"] for row in rows], predictions)}


LONG = {**SETTINGS, "batch_size": 16, "max_length": 384}
JOBS = {
    "sst2": Job("classify", sst2, accuracy, SETTINGS),
    "wnut17": Job(
        "tag",
        tagged("wnut17/wnut17train.conll", "wnut17/emerging.dev.conll"),
        entity_f1,
        {**SETTINGS, "epochs": 3},
    ),
    "wikiann": Job(
        "tag",
        tagged("wikiann/train", "wikiann/dev", 5000, prefix="en:"),
        entity_f1,
        SETTINGS,
    ),
    "squad": Job("answer", squad, answers, LONG),
    "stsb-cross": Job("regress", stsb, spearman, SETTINGS),
    "stsb-bi": Job("embed", stsb, spearman, {**SETTINGS, "epochs": 1}),
    "reviews-zh": Job(
        "classify", reviews_zh, accuracy, {**SETTINGS, "epochs": 1}, "random-zh"
    ),
}


def add_arguments(parser):
    """Adds what `finetune_speed.py` takes as well."""
    parser.add_argument("--only", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        default="float32",
        help="bfloat16: mixed_bfloat16 of Keras, autocast of torch",
    )
    parser.add_argument(
        "--beside",
        choices=(PEER, "float32"),
        default=PEER,
        help="what to compare with; float32: kerasbert in float32 (default: "
        "%(default)s)",
    )
    parser.add_argument("--model", default="minilm", help="a source (default: minilm)")
    data.add_argument(parser)
    parser.add_argument(
        "--peers-python", help="Python of the peer's environment (default: made here)"
    )


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, help="batches to time, without scores")
    parser.add_argument("--examples", type=int, help="how many to train on")
    parser.add_argument(
        "--keep", type=pathlib.Path, help="a folder for what is trained"
    )
    parser.add_argument(
        "--padding",
        choices=("random", "sorted"),
        help="batches of the peer: at random, as its Trainer makes them by default, or "
        "of like length (default: random)",
    )
    parser.add_argument(
        "--same-start",
        action="store_true",
        help="one new head and the same batches for both",
    )
    arguments = parser.parse_args()
    if arguments.beside != PEER and (arguments.same_start or arguments.padding):
        parser.error("--same-start and --padding are of transformers' batches")
    if arguments.same_start and arguments.padding:
        parser.error("--same-start takes kerasbert's batches: leave --padding out")
    arguments.padding = arguments.padding or "random"
    return arguments


def random_chinese(folder):
    """Four layers of random weights with the vocabulary of Chinese BERT."""
    import dataclasses as fields

    import keras

    import kerasbert
    from kerasbert.checkpoints import write_checkpoint
    from kerasbert.checkpoints.vocabulary import write_tokenizer
    from kerasbert.models.loading import checkpoint_of

    tokenizer = kerasbert.Tokenizer.from_pretrained(
        data.path("../vocab/bert_chinese.txt")
    )
    keras.utils.set_random_seed(0)
    config = kerasbert.BertConfig(
        vocab_size=tokenizer.vocabulary_size,
        hidden_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=1024,
    )
    folder.mkdir()
    checkpoint = checkpoint_of(kerasbert.BertEncoder(config))
    write_checkpoint(fields.replace(checkpoint, folder=None), folder)
    write_tokenizer(tokenizer.config, folder, "huggingface")
    return folder


def source_of(job, model, work):
    """The folder of the weights that a job begins with."""
    from kerasbert.checkpoints.sources import resolve

    if job.model == "random-zh":
        return random_chinese(work / "random-zh")
    return resolve(model)


def batches_of(task, job):
    """The rows of the batches that a task of kerasbert makes of a job, all epochs."""
    from finetune_kerasbert import examples

    from kerasbert.training.batches import epoch_batches

    inputs, targets = examples(job["kind"], job["train"])
    task.adapt(inputs, targets, learns=True)
    lengths = task.features(inputs, targets).lengths
    return [
        rows.tolist()
        for epoch in range(job["epochs"])
        for rows in epoch_batches(lengths, job["batch_size"], job["seed"], epoch)
    ]


def same_start(job, folder):
    """What gives both one new head, and transformers the batches of kerasbert."""
    import keras
    from finetune_kerasbert import task_of

    keras.utils.set_random_seed(job["seed"])
    task = task_of(job)
    found = {"without_padding": True}
    if job["kind"] != "embed":  # which has no head
        shutil.rmtree(folder, ignore_errors=True)
        task.save(folder)
        found["model"] = str(folder)
    return {**found, "batches": batches_of(task, job)}


def peer_command(arguments):
    """The command that trains transformers, whose environment may be made first."""
    peers = arguments.peers_python
    if peers is None:
        subprocess.run(["make", "-s", "-C", HERE / "peers"], check=True)
        peers = HERE / "peers" / ".venv" / "bin" / "python"
    return [peers, HERE / "peers" / "finetune_transformers.py"]


def contestants_of(arguments):
    """From the name of each contestant to its command, and what its job changes."""
    ours = [sys.executable, HERE / "finetune_kerasbert.py"]
    if arguments.beside == PEER:
        return {"kerasbert": (ours, {}), PEER: (peer_command(arguments), {})}
    if arguments.precision == arguments.beside:
        raise SystemExit("Expected --precision bfloat16 with --beside float32.")
    changes = {"precision": arguments.beside}
    return {"kerasbert": (ours, {}), f"kerasbert {arguments.beside}": (ours, changes)}


def run(command, job, work):
    """Trains in another process; gives its figures and predictions."""
    file, answer = work / "job.json", work / "answer.json"
    file.write_text(json.dumps(job), "utf-8")
    answer.unlink(missing_ok=True)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    subprocess.run(
        [*map(str, command), str(file), str(answer)], check=True, env=environment
    )
    return json.loads(answer.read_text("utf-8"))


def main():
    arguments = parse()
    contestants = contestants_of(arguments)
    table = functools.partial(markdown, other=list(contestants)[1])
    work = pathlib.Path(tempfile.mkdtemp())
    rows = {}
    for name in arguments.only:
        job = JOBS[name]
        train, dev = job.read()
        source = source_of(job, arguments.model, work)
        described = {
            **job.settings,
            "kind": job.kind,
            "model": str(source),
            "train": train[: arguments.examples],
            "dev": dev,
            "threads": arguments.threads,
            "steps": arguments.steps,
            "padding": arguments.padding,
            "precision": arguments.precision,
        }
        batches = -(-len(described["train"]) // job.settings["batch_size"])
        if batches * job.settings["epochs"] < 3:
            raise SystemExit(f"{name}: expected more --examples, for three batches.")
        figures = {contestant: [] for contestant in contestants}
        for seed in arguments.seeds:
            start = {}
            if arguments.same_start:
                start = same_start({**described, "seed": seed}, work / "start")
            for contestant, (command, changes) in contestants.items():
                keep = arguments.keep and arguments.keep / f"{name}-{seed}-{contestant}"
                keep = {"save": str(keep.resolve())} if keep else {}
                task = {**described, "seed": seed, **start, **keep, **changes}
                found = run(command, task, work)
                quality = {}
                if not arguments.steps:
                    quality = job.score(dev, found["predictions"])
                rate = found["examples"] / found["seconds"]
                speed = {"examples/s": rate, "whole": found["whole"]}
                figures[contestant].append({**quality, **speed})
                print(name, seed, contestant, figures[contestant][-1], flush=True)
            rows[name] = summary(name, len(described["train"]), figures)
            write(rows.values(), arguments, table)
    print("\n" + table(rows.values(), about(arguments)))


def summary(name, examples, figures):
    row = {"task": name}
    for contestant, found in figures.items():
        row[contestant] = {
            figure: statistics.mean(one[figure] for one in found) for figure in found[0]
        }
        row[contestant]["of each seed"] = [
            {figure: one[figure] for figure in one if figure not in SPEED}
            for one in found
        ]
    pairs = list(zip(*figures.values(), strict=True))
    rates = [ours["examples/s"] / theirs["examples/s"] for ours, theirs in pairs]
    whole = [theirs["whole"] / ours["whole"] for ours, theirs in pairs]
    ratios = {"ratio": statistics.median(rates), "whole": statistics.median(whole)}
    return {**row, **ratios, "seeds": len(rates), "examples": examples}


def about(arguments):
    found = (
        f"{arguments.threads} threads, {processors.processor()}; {arguments.precision}"
    )
    if arguments.beside != PEER:
        return f"{found}; the same batches, of like length"
    batches = arguments.padding
    if arguments.same_start:
        batches = "those of kerasbert, from the same new head"
    return f"{found}; batches of transformers: {batches}"


def markdown(table, about, other):
    lines = [
        about,
        "",
        f"| task | examples | seeds | kerasbert | {other} "
        "| examples/s | | ratio | whole, s | | ratio |",
        "| --- | --: | --: | --- | --- | --: | --: | --: | --: | --: | --: |",
    ]
    for row in table:
        both = row["kerasbert"], row[other]
        quality = [quality_of(one) for one in both]
        rates, whole = ([one[figure] for one in both] for figure in SPEED)
        lines.append(
            f"| {row['task']} | {row['examples']} | {row['seeds']} "
            f"| {quality[0]} | {quality[1]} "
            f"| {rates[0]:.1f} | {rates[1]:.1f} | {row['ratio']:.2f} "
            f"| {whole[0]:.0f} | {whole[1]:.0f} | {row['whole']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def quality_of(found):
    """Means over the seeds, with the standard deviation where there are several."""
    texts = []
    for figure in found["of each seed"][0]:
        values = [one[figure] for one in found["of each seed"]]
        spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
        texts.append(f"{figure} {statistics.mean(values):.2f}{spread}")
    return ", ".join(texts)


def write(rows, arguments, table):
    stem = "finetune-speed" if arguments.steps else "finetune"
    stem += "-sorted" if arguments.padding == "sorted" else ""
    stem += "-same-start" if arguments.same_start else ""
    stem += "-bfloat16" if arguments.precision == "bfloat16" else ""
    stem += "-beside-float32" if arguments.beside == "float32" else ""
    keep_rows(stem, rows, about(arguments), table)


def keep_rows(stem, table, conditions, markdown):
    """Writes rows beside those of other tasks found under the same conditions.

    Args:
        stem: What the file is named after, without the kind of processor.
        table: The rows, dictionaries with their `task`.
        conditions: A line that says how they were found.
        markdown: Function of rows and conditions to a text.

    Returns:
        All rows, in the order of the tasks.
    """
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{stem}-{processors.kind()}.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    rows = {row["task"]: row for row in known.get("rows", [])}
    if known.get("about") != conditions:
        rows = {}
    rows |= {row["task"]: row for row in table}
    rows = [rows[name] for name in JOBS if name in rows]
    file.write_text(json.dumps({"about": conditions, "rows": rows}, indent=2) + "\n")
    file.with_suffix(".md").write_text(markdown(rows, conditions))
    return rows


if __name__ == "__main__":
    main()
