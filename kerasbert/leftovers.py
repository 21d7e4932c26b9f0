"""Temporary names of files being written, and cleanup after crashed processes.

A temporary name contains the machine and the process. The next process that writes to
the same folder removes files of dead processes, or restores what they had moved aside.
"""

import contextlib
import functools
import hashlib
import os
import pathlib
import re
import secrets
import shutil
import socket
import sys

_NAME = re.compile(r"\.(partial|replaced)-([0-9a-f]{8})-(\d+)-([0-9a-f]{8})-")
_seen = set()  # folders that this process has cleaned up


def beside(path):
    """Returns a hidden temporary path next to `path`, with the same suffix."""
    # A name has at most 255 bytes.
    return path.with_name(f"{_prefix('partial')}{path.name[-80:]}")


@contextlib.contextmanager
def set_aside(path):
    """Moves a folder out of the way, and restores it if the block raises."""
    aside = path.with_name(_prefix("replaced"))
    aside.mkdir()
    os.rename(path, aside / path.name)
    try:
        yield
    except BaseException:
        os.rename(aside / path.name, path)
        aside.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)


def remove_leftovers(folder):
    """Cleans up what dead processes of this machine left in a folder, once per process.

    Partial files are removed, and folders that were moved aside are restored; messages
    on stderr report both.
    """
    if folder in _seen:
        return
    _seen.add(folder)
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except OSError:
        return
    for name in names:
        match = _NAME.match(name)
        if match and match[2] == _machine() and _is_dead(int(match[3]), match[4]):
            with contextlib.suppress(OSError):  # another process may be faster
                _remove(folder / name, match[1] == "replaced")


def _remove(path, was_set_aside):
    for kept in list(path.iterdir()) if was_set_aside else ():
        target = path.with_name(kept.name)
        if not target.exists():
            os.rename(kept, target)
            _say(f"restored {target}, which a crashed process was about to replace.")
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    if not was_set_aside:
        _say(f"removed {path}, which a crashed process had left incomplete.")


def _say(what):
    print(f"kerasbert: {what}", file=sys.stderr)


def _prefix(kind):
    process = f"{os.getpid()}-{_start(os.getpid())}"
    return f".{kind}-{_machine()}-{process}-{secrets.token_hex(4)}-"


@functools.cache
def _machine():
    """Identifies this machine, or this container, whose process ids are its own."""
    with contextlib.suppress(OSError):
        return _short(socket.gethostname(), os.readlink("/proc/self/ns/pid"))
    return _short(socket.gethostname())


def _start(process):
    """Identifies the start time of a process, since process ids are reused."""
    try:
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text()
        stat = pathlib.Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return _short()
    return _short(boot, stat.rpartition(")")[2].split()[19])


def _is_dead(process, start):
    if os.name == "nt":  # where os.kill would terminate it
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it exists, and belongs to another user
    return _start(process) not in (start, _short())


def _short(*parts):
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=4).hexdigest()
