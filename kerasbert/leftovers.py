"""Hidden names of what is half-written, and what dead processes have left of it.

A name tells the machine and the process that writes there: the next one that writes
beside it removes what a dead one has left, or puts back what it had set aside.
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
_seen = set()  # folders that this process has looked at


def beside(path):
    """A hidden path beside another, which names this process, with the same suffix.

    Args:
        path: A `pathlib.Path`.
    """
    # A name has at most 255 bytes.
    return path.with_name(f"{_prefix('partial')}{path.name[-80:]}")


@contextlib.contextmanager
def set_aside(path):
    """Moves a folder out of the way; it is put back if the block fails.

    Args:
        path: The folder, a `pathlib.Path`.
    """
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
    """Removes what dead processes of this machine have left half-written.

    A folder that one had set aside, and not replaced, is put back. What was done is
    said on the error stream. A process looks at a folder once.

    Args:
        folder: The folder, a `pathlib.Path`.
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
            with contextlib.suppress(OSError):  # another process may do so, too
                _remove(folder / name, match[1] == "replaced")


def _remove(path, was_set_aside):
    for kept in list(path.iterdir()) if was_set_aside else ():
        target = path.with_name(kept.name)
        if not target.exists():
            os.rename(kept, target)
            _say(f"put back {target}, which a process that died was about to replace.")
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    if not was_set_aside:
        _say(f"removed {path}, which a process that died had left half-written.")


def _say(what):
    print(f"kerasbert: {what}", file=sys.stderr)


def _prefix(kind):
    process = f"{os.getpid()}-{_start(os.getpid())}"
    return f".{kind}-{_machine()}-{process}-{secrets.token_hex(4)}-"


@functools.cache
def _machine():
    """This machine; of a container, this container, whose processes are its own."""
    with contextlib.suppress(OSError):
        return _short(socket.gethostname(), os.readlink("/proc/self/ns/pid"))
    return _short(socket.gethostname())


def _start(process):
    """When a process began, since processes that end give their numbers to others."""
    try:
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text()
        stat = pathlib.Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return _short()
    return _short(boot, stat.rpartition(")")[2].split()[19])


def _is_dead(process, start):
    if os.name == "nt":  # where asking would end it
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # somebody else's
    return _start(process) not in (start, _short())


def _short(*parts):
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=4).hexdigest()
