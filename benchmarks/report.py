"""The table of `benchmarks/serving.py`, and what its processor is called."""

import pathlib
import platform

# From the best: a flag of a processor, and what it is called here.
KINDS = {
    "amx_int8": "amx",
    "avx512_bf16": "avx512-bf16",
    "avx512_vnni": "avx512-vnni",
    "avx512f": "avx512",
    "avx2": "avx2",
}


def kind_of_processor():
    """What the results of this processor are called."""
    try:
        flags = pathlib.Path("/proc/cpuinfo").read_text().split("flags", 1)[1]
        flags = flags.split("\n", 1)[0].split()
    except (OSError, IndexError):
        flags = []
    found = (kind for flag, kind in KINDS.items() if flag in flags)
    return next(found, platform.machine())


def line(what, ours, theirs, figure, target, reached):
    """A line of the table; `reached` is None where there is no target."""
    return {
        "what": what,
        "kerasbert": ours,
        "beside": theirs,
        "figure": figure,
        "target": target,
        "reached": None if reached is None else bool(reached),
    }


def markdown(lines, about):
    rows = ["| what | kerasbert | beside | figure | target | |"]
    rows.append("| --- | --- | --- | --- | --- | --- |")
    for found in lines:
        reached = {True: "reached", False: "**not reached**", None: ""}
        cells = [found[key] for key in ("what", "kerasbert", "beside", "figure")]
        cells += [found["target"], reached[found["reached"]]]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([about, "", *rows, ""])
