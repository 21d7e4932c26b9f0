"""Record of downloaded sources and their folders.

The hubs' libraries keep the files. Here is noted, for every source that was fetched
whole, its folder and the files in it, so that the next use needs no network.
"""

import os
import pathlib
import urllib.parse

from kerasbert import files

__all__ = ["folder", "names", "recall", "remember"]


def folder():
    """Returns the cache folder of kerasbert.

    It is `KERASBERT_CACHE`, else `kerasbert` in `XDG_CACHE_HOME`, else
    `~/.cache/kerasbert`.
    """
    if chosen := os.environ.get("KERASBERT_CACHE"):
        return pathlib.Path(chosen).expanduser()
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return pathlib.Path(caches).expanduser() / "kerasbert"


def remember(source, path):
    """Records the folder of a downloaded source."""
    path = pathlib.Path(path)
    sizes = {
        file.relative_to(path).as_posix(): file.stat().st_size
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }
    note = {"source": source, "folder": str(path.absolute()), "files": sizes}
    files.write_json(_note(source), note)


def recall(source):
    """Returns the folder of a downloaded source, or None if it is incomplete."""
    return _intact(_note(source))


def names():
    """Returns the sources that are available offline, sorted."""
    notes = (folder() / "sources").glob("*.json")
    return tuple(
        sorted(urllib.parse.unquote(note.stem) for note in notes if _intact(note))
    )


def _note(source):
    name = urllib.parse.quote(source, safe="")
    return folder() / "sources" / f"{name}.json"


def _intact(note):
    try:
        content = files.read_json(note)
        path = pathlib.Path(content["folder"])
        for name, size in content["files"].items():
            if (path / name).stat().st_size != size:
                return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # No note, a damaged one, or files that are gone: fetch again.
    return path
