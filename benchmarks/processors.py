"""The processor of a result: results of each kind are kept apart."""

import os
import pathlib
import platform

# What a processor computes with, best first.
KINDS = {
    "amx": ("amx_bf16", "amx_int8"),
    "avx512-bf16": ("avx512_bf16", "avx512_vnni"),
    "avx512-vnni": ("avx512_vnni",),
    "avx512": ("avx512f",),
    "avx2": ("avx2",),
}


def _field(name):
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(": ")[1] for line in lines if line.startswith(name)), "")


def kind():
    """A name for file names: `amx`, `avx512-bf16`, ..., or the machine's."""
    flags = set(_field("flags").split())
    fitting = (name for name, needed in KINDS.items() if flags.issuperset(needed))
    return next(fitting, platform.machine())


def processor():
    """Its name, kind and number of cores."""
    name = _field("model name") or platform.processor()
    return f"{name} ({kind()}), {os.cpu_count()} cores"
