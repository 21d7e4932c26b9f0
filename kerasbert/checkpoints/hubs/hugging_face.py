"""Hugging Face Hub: `hf://organisation/name@revision`."""

import contextlib
import fnmatch
import pathlib
import re

from kerasbert.checkpoints.hubs import network

__all__ = ["HANDLE", "cached_handles", "copy_of_others", "fetch"]

HANDLE = re.compile(
    r"hf://(?P<name>[A-Za-z0-9][\w.-]*(/[\w.-]+)?)(@(?P<revision>[\w./-]+))?"
)
# Of the kinds of weights the first that a repository holds is fetched.
_WEIGHTS = (
    ("packed.safetensors",),
    ("model.safetensors", "model-*-of-*.safetensors", "model.safetensors.index.json"),
    ("pytorch_model.bin", "pytorch_model-*-of-*.bin", "pytorch_model.bin.index.json"),
    ("model.weights.h5", "model_*.weights.h5", "model.weights.json"),
    ("*.ckpt*.index", "*.ckpt*.data-*"),
    ("saved_model.pb", "tfhub_module.pb", "variables/*", "assets/*"),
)
_DENSE = ("[0-9]_Dense/model.safetensors", "[0-9]_Dense/pytorch_model.bin")
_BESIDE = (
    *("config.json", "bert_config.json", "albert_config.json", "vocab.txt"),
    *("spiece.model", "30k-clean.model", "tokenizer*.json", "special_tokens_map.json"),
    *("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"),
    *("[0-9]_*/config.json", "metadata.json", "task.json", "preprocessor.json"),
    "assets/tokenizer/*",
)


def fetch(handle, progress, seconds):
    """Downloads a model repository."""
    name, revision = HANDLE.fullmatch(handle).group("name", "revision")
    with network.reaching("Hugging Face"), _refusals(handle):
        return _download(name, revision, handle, progress, seconds)


def copy_of_others(handle):
    """Returns a model that another program downloaded to the hub's cache."""
    import huggingface_hub

    name, revision = HANDLE.fullmatch(handle).group("name", "revision")
    try:
        folder = pathlib.Path(
            huggingface_hub.snapshot_download(
                name, revision=revision, local_files_only=True
            )
        )
        paths = [file for file in folder.rglob("*") if file.is_file()]
        names = [path.relative_to(folder).as_posix() for path in paths]
        _wanted(names, handle)
    except (OSError, ValueError):
        return None
    return folder if "config.json" in names else None


def cached_handles():
    """Returns the models in huggingface_hub's cache."""
    import huggingface_hub

    try:
        repositories = huggingface_hub.scan_cache_dir().repos
    except huggingface_hub.CacheNotFound:
        return ()
    models = (repo.repo_id for repo in repositories if repo.repo_type == "model")
    return tuple(sorted(f"hf://{name}" for name in models))


def _download(name, revision, handle, progress, seconds):
    import huggingface_hub

    hub = huggingface_hub.HfApi()
    information = network.within(
        seconds, lambda: hub.model_info(name, revision=revision, timeout=seconds)
    )
    wanted = _wanted([file.rfilename for file in information.siblings], handle)
    with _bars(progress):
        folder = huggingface_hub.snapshot_download(
            name, revision=revision, allow_patterns=wanted
        )
    return pathlib.Path(folder)


@contextlib.contextmanager
def _refusals(handle):
    from huggingface_hub import errors

    name, revision = HANDLE.fullmatch(handle).group("name", "revision")
    try:
        yield
    except errors.GatedRepoError as error:
        raise PermissionError(
            f"{handle} is given to registered users only. Accept its conditions on its "
            "web page, then log in with `hf auth login`."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise FileNotFoundError(
            f"Hugging Face has {name}, but no revision {revision!r} of it."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise FileNotFoundError(
            f"Hugging Face has no model {name!r} that you may read. Check the name, or "
            "log in with `hf auth login` if it is private."
        ) from error
    except errors.HFValidationError as error:
        raise ValueError(f"{handle} cannot be a model's name: {error}") from error


def _wanted(names, handle):
    for patterns in _WEIGHTS:
        if weights := _matching(names, patterns):
            dense = _matching(names, _DENSE[:1]) or _matching(names, _DENSE[1:])
            return sorted({*weights, *dense, *_matching(names, _BESIDE)})
    raise ValueError(
        f"{handle} holds no weights that are read here (model.safetensors, "
        "pytorch_model.bin, model.weights.h5, a TF1 checkpoint or a SavedModel). It "
        f"has: {', '.join(sorted(names)[:12]) or 'nothing'}."
    )


def _matching(names, patterns):
    """Returns the names that match a pattern; `*` does not match slashes."""
    return [
        name
        for name in names
        if any(
            name.count("/") == pattern.count("/") and fnmatch.fnmatchcase(name, pattern)
            for pattern in patterns
        )
    ]


@contextlib.contextmanager
def _bars(progress):
    """Disables the progress bars of huggingface_hub if requested."""
    from huggingface_hub import utils

    hide = not progress and not utils.are_progress_bars_disabled()
    if hide:
        utils.disable_progress_bars()
    try:
        yield
    finally:
        if hide:
            utils.enable_progress_bars()
