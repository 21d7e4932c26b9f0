"""Other projects, each in a process of the environment `benchmarks/peers`."""

import json
import pathlib
import subprocess

import numpy as np

PEERS = pathlib.Path(__file__).resolve().parents[1] / "peers"


class Peer:
    """A script of `benchmarks/peers` that answers a JSON line with a JSON line.

    Args:
        python: The interpreter of the peers' environment; None makes it.
        work: A folder for what goes between the processes.
        script: Name of the script.
        *options: Its command line.
    """

    def __init__(self, python, work, script, *options):
        if python is None:
            subprocess.run(["make", "-s", "-C", PEERS], check=True)
            python = PEERS / ".venv" / "bin" / "python"
        self._work = pathlib.Path(work)
        self._process = subprocess.Popen(
            [python, PEERS / script, *map(str, options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{script} did not start: run {python} {PEERS / script}.")
        self.name = json.loads(line)["ready"]

    def vectors(self, texts):
        file = self._work / "vectors.npy"
        self._ask(texts, save=str(file))
        return np.load(file)

    def seconds(self, texts):
        return self._ask(texts)["seconds"]

    def seconds_of_one(self, text, repeat):
        """The median time of a call with one text."""
        return self._ask([text], repeat=repeat)["seconds"]

    def close(self):
        self._process.stdin.close()
        self._process.wait(30)

    def _ask(self, texts, **command):
        file = self._work / "texts.json"
        file.write_text(json.dumps(texts), "utf-8")
        command = json.dumps({"texts": str(file), **command})
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise SystemExit(f"{self.name}: {answer['error']}")
        return answer
