"""Clients that ask `kerasbert serve`, beside direct calls of the model.

    python benchmarks/load.py saved_models/minilm --clients 64 --seconds 60
    python benchmarks/load.py saved_models/minilm --nonsense 30

With `--nonsense N`, the server is measured a second time while another client sends
it a body of N MB every second that holds no valid request, each time of another kind,
and a third client asks for `/healthz` five times a second.

The server is measured first with one client, which sends one text after the other, and
then with all of them, each over a connection of its own, on this machine. The process
that calls the model does nothing else meanwhile: first one text a call, then 32.
Printed are texts a second, the median and the 99th percentile of the time of a request,
and how many requests failed; and of the server, the time from its start until it is
ready and its memory. Clients, server and model share the processors, so the server's
share of them is smaller than the model's alone.

`--output FILE` keeps the figures as JSON, with the name of the processor.
"""

import argparse
import http.client
import itertools
import json
import logging
import os
import pathlib
import platform
import re
import subprocess
import sys
import threading
import time

import data
import numpy as np

BATCH = 32
FIGURES = []


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="the folder of an exported model")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument(
        "--texts",
        type=pathlib.Path,
        help="a file with a text a line, up to a tab (default: SST-2 dev)",
    )
    data.add_argument(parser)
    parser.add_argument("--max-batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE")
    parser.add_argument(
        "--nonsense", type=float, metavar="MB", help="also with such bodies beside it"
    )
    arguments = parser.parse_args()
    arguments.texts = arguments.texts or data.path(data.SST2)
    return arguments


def read_texts(path):
    lines = path.read_text("utf-8").splitlines()
    return [line.partition("\t")[0] for line in lines]


def measure_direct(folder, texts, seconds):
    """Calls of the newest version, in this process."""
    from kerasbert.serving.versions import Versions

    versions = Versions(folder)
    versions.look()
    with versions.lease(versions.name) as servable:
        for batch in (1, BATCH):
            times, begin = [], time.perf_counter()
            while time.perf_counter() - begin < seconds:
                chosen = np.empty(batch, object)
                for row in range(batch):
                    text = texts[(len(times) * batch + row) % len(texts)]
                    chosen[row] = text.encode()
                start = time.perf_counter()
                servable.model.run("serving_default", {"text": chosen})
                times.append(time.perf_counter() - start)
            took = time.perf_counter() - begin
            rate = len(times) * batch / took
            show(f"direct, {batch} a call", rate, times, 0)
    versions.close()


def measure_server(folder, texts, clients, seconds, max_batch, nonsense=None):
    command = [sys.executable, "-m", "kerasbert", "serve", folder, "--port", "0"]
    command += ["--max-batch", str(max_batch)]
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        greeting = process.stdout.readline()
        found = re.search(r"http://([\d.]+):(\d+)(/v1/models/[^:]+:predict)", greeting)
        if not found:
            raise SystemExit("The server did not start.")
        host, port, path = found.groups()
        ready = time.perf_counter() - begin
        start = [f"ready after {ready:.1f} s", memory(process.pid)]
        note("start", ready_s=ready, **memory_of(process.pid))
        times, errors = [], []
        ask(host, int(port), path, texts, time.perf_counter() + 3, [], errors)
        alone = min(seconds, 10)
        ask(host, int(port), path, texts, time.perf_counter() + alone, times, errors)
        show("serve, one client", len(times) / alone, times, len(errors))
        print(f"{'':24} {start[0]}, {start[1]}; now {memory(process.pid)}")
        before = batches(host, int(port))
        deadline = time.perf_counter() + seconds
        results = [([], []) for _ in range(clients)]
        threads = [
            threading.Thread(
                target=ask,
                args=(host, int(port), path, texts[i:] + texts[:i], deadline, *each),
            )
            for i, each in enumerate(results)
        ]
        beside, health, answers = [], [], {}
        if nonsense:
            beside.append(
                threading.Thread(
                    target=send_nonsense,
                    args=(host, int(port), path, nonsense, deadline, answers),
                )
            )
        beside.append(
            threading.Thread(
                target=ask_health, args=(host, int(port), deadline, health)
            )
        )
        begin = time.perf_counter()
        for thread in [*threads, *beside]:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - begin
        for thread in beside:
            thread.join()
        times = [seconds for good, _ in results for seconds in good]
        errors = [error for _, bad in results for error in bad]
        name = f"serve, {clients} clients"
        if nonsense:
            name += f" + {nonsense:g} MB/s"
        show(name, len(times) / took, times, len(errors))
        count, rows = np.subtract(batches(host, int(port)), before)
        print(f"texts a batch: {rows / max(count, 1):.1f}")
        median, slow = np.percentile(health, [50, 99]) * 1000
        print(
            f"/healthz: p50 {median:.1f} ms, p99 {slow:.1f} ms, longest "
            f"{max(health) * 1000:.1f} ms; {memory(process.pid)}"
        )
        note("end", **memory_of(process.pid))
        if nonsense:
            print(f"answers to nonsense, by status: {dict(sorted(answers.items()))}")
        for error in sorted(set(errors))[:5]:
            print(f"error: {error}", file=sys.stderr)
    finally:
        process.terminate()
        process.wait(60)
    return not errors


def ask(host, port, path, texts, deadline, times, errors):
    """One client."""
    connection = http.client.HTTPConnection(host, port, timeout=60)
    while time.perf_counter() < deadline:
        for text in texts:
            start = time.perf_counter()
            if start >= deadline:
                break
            try:
                connection.request("POST", path, json.dumps({"instances": [text]}))
                response = connection.getresponse()
                body = response.read()
                if response.status != 200:
                    raise OSError(body.decode())
            except (OSError, http.client.HTTPException) as error:
                errors.append(f"{type(error).__name__}: {error}")
                connection.close()
            else:
                times.append(time.perf_counter() - start)
    connection.close()


def nonsense_bodies(size):
    """Bodies of a size in bytes that no model can answer, one of every kind."""

    def fill(begin, unit, end=b""):
        return begin + unit * ((size - len(begin) - len(end)) // len(unit)) + end

    return [
        fill(b'{"instances": [', b'"a",', b'"a"]}'),  # too many rows
        fill(b'{"instances": ', b"["),  # nested without end
        fill(b'{"instances": [1', b"1", b"]}"),  # one number
        fill(b'{"signature_name": [', b"[],", b"1]}"),  # an error to quote
        fill(b'{"instances": [{', b'"a": 1, ', b'"a": 1}]}'),  # keys that come again
        fill(b'{"instances": ["', b"\xff\xfe", b'"]'),  # not UTF-8
        fill(b"", b"}]nonsense,"),
    ]


def send_nonsense(host, port, path, megabytes, deadline, answers):
    """Sends a body every second; counts the answers by their status."""
    for body in itertools.cycle(nonsense_bodies(int(megabytes * 1e6))):
        start = time.perf_counter()
        if start >= deadline:
            return
        connection = http.client.HTTPConnection(host, port, timeout=60)
        try:
            connection.request("POST", path, body)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            status = type(error).__name__
        connection.close()
        answers[str(status)] = answers.get(str(status), 0) + 1
        time.sleep(max(0, start + 1 - time.perf_counter()))


def ask_health(host, port, deadline, times):
    """Asks for `/healthz` over a new connection, five times a second."""
    while time.perf_counter() < deadline:
        start = time.perf_counter()
        connection = http.client.HTTPConnection(host, port, timeout=60)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            print(f"/healthz: {type(error).__name__}: {error}", file=sys.stderr)
        connection.close()
        times.append(time.perf_counter() - start)
        time.sleep(0.2)


def memory_of(pid):
    """Returns the sizes of a process in MiB: its peak, now, and now without files.

    What is mapped from files, such as TensorFlow's library, other processes share.
    """
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:  # not on this platform
        return {"peak": 0, "resident": 0, "own": 0}
    return {
        name: int(re.search(rf"{field}:\s+(\d+)", status)[1]) // 1024
        for name, field in (
            ("peak", "VmHWM"),
            ("resident", "VmRSS"),
            ("own", "RssAnon"),
        )
    }


def memory(pid):
    return "{resident} MiB, of them {own} its own (peak {peak})".format(
        **memory_of(pid)
    )


def batches(host, port):
    """Returns the number of batches, and of their rows."""
    connection = http.client.HTTPConnection(host, port, timeout=60)
    connection.request("GET", "/monitoring/prometheus/metrics")
    page = connection.getresponse().read().decode()
    connection.close()
    name = ":tensorflow:serving:batching_session:processed_batch_size"
    return [
        float(re.search(f"^{name}_{part} (.*)$", page, re.M)[1])
        for part in ("count", "sum")
    ]


def note(name, **figures):
    """Keeps figures for `--output`."""
    FIGURES.append({"name": name, **figures})


def processor():
    """Returns the name of the processor, and its instructions that matter here."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:  # not on this platform
        return {"name": platform.processor(), "cores": os.cpu_count()}
    flags = re.search(r"^flags\s*: (.*)$", text, re.M)
    known = {"avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8"}
    return {
        "name": re.search(r"^model name\s*: (.*)$", text, re.M)[1],
        "cores": os.cpu_count(),
        "instructions": sorted(known & set(flags[1].split() if flags else ())),
    }


def show(name, rate, times, errors):
    median, slow = np.percentile(times, [50, 99]) * 1000 if times else (0, 0)
    note(name, texts_per_s=rate, p50_ms=median, p99_ms=slow, errors=errors)
    print(f"{name:24} {rate:10.1f} {median:10.1f} {slow:10.1f} {errors:8}", flush=True)


def main():
    options = parse()
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    texts = read_texts(options.texts)
    print(f"{'':24} {'texts/s':>10} {'p50 ms':>10} {'p99 ms':>10} {'errors':>8}")
    measure_direct(options.folder, texts, min(options.seconds, 10))
    load = options.clients, options.seconds, options.max_batch
    clean = True
    for _ in range(options.rounds):
        clean &= measure_server(options.folder, texts, *load)
        if options.nonsense:
            clean &= measure_server(options.folder, texts, *load, options.nonsense)
    if options.output:
        content = {"folder": options.folder, "processor": processor(), "rows": FIGURES}
        options.output.write_text(json.dumps(content, indent=2) + "\n")
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
