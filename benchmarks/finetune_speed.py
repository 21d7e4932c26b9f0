"""The speed of a step of fine-tuning, beside transformers, in turns.

    python benchmarks/finetune_speed.py
    python benchmarks/finetune_speed.py --only sst2 --precision bfloat16

Both train on one thread of one core, on the same batches: one takes a step, then the
other, so that whatever else the machine does falls on both. A step is counted in
seconds of CPU time, of all threads of the process: other processes do not count. The
table gives medians and the median of the ratios of the same batch, so it says what
`finetune.py --steps` says on a machine that does nothing else.
"""

import argparse
import functools
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

import finetune
import processors
from finetune_kerasbert import task_of

UNCOUNTED = 2  # steps that trace and warm up


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    finetune.add_arguments(parser)
    parser.add_argument("--steps", type=int, default=40)
    return parser.parse_args()


def start(command, job, work, name):
    file, answer = work / f"{name}.json", work / f"{name}-answer.json"
    file.write_text(json.dumps(job), "utf-8")
    return subprocess.Popen(
        [*map(str, command), str(file), str(answer)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )


def step(process):
    """Lets a contestant take a step; returns its CPU seconds since it began."""
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"A contestant ended with {process.wait()}.")
    return float(line)


def in_turns(contestants, steps):
    """Returns the CPU seconds of each step of both."""
    seconds = [[] for _ in contestants]
    before = [step(process) for process in contestants]
    for _ in range(UNCOUNTED + steps - 1):
        for number, process in enumerate(contestants):
            process.stdin.write("\n")
            process.stdin.flush()
            now = step(process)
            seconds[number].append(now - before[number])
            before[number] = now
    for process in contestants:
        process.communicate("\n")
    return [taken[UNCOUNTED - 1 :] for taken in seconds]


def measure(name, arguments, contestants, work):
    job = finetune.JOBS[name]
    size = job.settings["batch_size"]
    count = size * (arguments.steps + UNCOUNTED)
    train, _ = job.read()
    described = {
        **job.settings,
        "kind": job.kind,
        "model": str(finetune.source_of(job, arguments.model, work)),
        "epochs": 1,
        "train": train[: 2 * count],
        "dev": [],
        "threads": 1,
        "steps": arguments.steps,
        "padding": "sorted",
        "precision": arguments.precision,
        "seed": 0,
        "in_turns": True,
    }
    if arguments.beside == finetune.PEER:
        described["batches"] = finetune.batches_of(task_of(described), described)
    processes = [
        start(command, {**described, **changes}, work, str(number))
        for number, (command, changes) in enumerate(contestants.values())
    ]
    ours, theirs = in_turns(processes, arguments.steps)
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    return {
        "task": name,
        "steps": arguments.steps,
        "ours": 1000 * statistics.median(ours),
        "theirs": 1000 * statistics.median(theirs),
        "ratio": statistics.median(ratios),
        "of the sums": sum(theirs) / sum(ours),
        "quartiles": statistics.quantiles(ratios, n=4)[::2],
    }


def about(arguments):
    return (
        f"one thread, {processors.processor()}; {arguments.precision}; the same "
        "batches, of like length; a step of each in turn"
    )


def markdown(rows, about, other):
    lines = [
        about,
        "",
        f"| task | steps | kerasbert, CPU ms a step | {other} "
        "| ratio | quartiles | of the sums |",
        "| --- | --: | --: | --: | --: | --- | --: |",
    ]
    for row in rows:
        low, high = row["quartiles"]
        lines.append(
            f"| {row['task']} | {row['steps']} "
            f"| {row['ours']:.0f} | {row['theirs']:.0f} "
            f"| {row['ratio']:.2f} | {low:.2f} to {high:.2f} "
            f"| {row['of the sums']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def main():
    arguments = parse()
    contestants = finetune.contestants_of(arguments)
    stem = "finetune-steps"
    stem += "-bfloat16" if arguments.precision == "bfloat16" else ""
    stem += "-beside-float32" if arguments.beside == "float32" else ""
    table = functools.partial(markdown, other=list(contestants)[1])
    conditions = about(arguments)
    for name in arguments.only:
        with tempfile.TemporaryDirectory() as work:
            row = measure(name, arguments, contestants, pathlib.Path(work))
        print(row, flush=True)
        rows = finetune.keep_rows(stem, [row], conditions, table)
    print("\n" + table(rows, conditions))


if __name__ == "__main__":
    main()
