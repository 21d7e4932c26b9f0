"""The versions of a model in a folder: the newest that can be loaded is served.

A new version is loaded while the old one serves; the old one is unloaded after its last
request. A version that cannot be loaded is reported, and skipped until its files
change. Labeled versions stay loaded besides the newest.
"""

import contextlib
import dataclasses
import logging
import pathlib
import threading

from kerasbert.serving.c_api import free_unused
from kerasbert.serving.errors import ServingError, invalid_argument, not_found
from kerasbert.serving.saved_model import SavedModel
from kerasbert.serving.warm_up import warm_up

__all__ = ["Servable", "Versions", "is_model", "load_version"]

SAVED_MODEL_FILE, LITERT_FILE = "saved_model.pb", "litert.json"

log = logging.getLogger("kerasbert.serving")


class Servable:
    """A loaded version of a model, with reference counting."""

    def __init__(self, version, model):
        self.version = version
        self.model = model
        self._leases = 1  # the first belongs to `Versions`
        self._lock = threading.Lock()

    def lease(self):
        """Keeps the model loaded until `release`."""
        with self._lock:
            self._leases += 1

    def release(self):
        """Ends a lease; the last one unloads the model."""
        with self._lock:
            self._leases -= 1
            last = self._leases == 0
        if last:
            self.model.close()


@dataclasses.dataclass(frozen=True)
class State:
    """The state of a version, in TF Serving's terms."""

    name: str
    code: str = "OK"
    message: str = ""


class Versions:
    """The versions of a model.

    Args:
        folder: Folder of the model, with version folders 1, 2, ...
        name: Name of the model in URLs; by default that of the folder.
        load: Function that loads a version folder; by default `load_version`.
        labels: Maps labels to versions, for paths such as `/labels/stable`.

    Example:
        versions = Versions("saved_models/minilm", labels={"stable": 1})
        versions.look()
        with versions.lease("minilm") as servable:
            servable.model.run(...)
    """

    def __init__(self, folder, name=None, load=None, labels=None):
        self.folder = pathlib.Path(folder)
        self.name = name or self.folder.resolve().name
        self.labels = dict(labels or {})
        self.states = {}
        self._load = load or load_version
        self._serving = None
        self._labelled = {}  # labeled versions -> servables, except the newest
        self._broken = {}  # versions that failed to load -> their fingerprints
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._watcher = None

    @property
    def number(self):
        """The served version, or None."""
        return self._serving and self._serving.version

    @property
    def run_in_parallel(self):
        """Whether several calls of the served version run at the same time."""
        return self._serving is not None and self._serving.model.runs_in_parallel

    def resolve(self, version, label):
        """Returns the version that a request selects; None for the newest."""
        if label is None:
            return version
        if label not in self.labels:
            raise invalid_argument(
                f"Unrecognized servable version label: {label[:200]}"
            )
        return self.labels[label]

    @contextlib.contextmanager
    def lease(self, name, version=None):
        """Yields the `Servable` of a version, and keeps it loaded in the context.

        `version=None` is the newest. Raises a `ServingError` if it is not served.
        """
        with self._lock:
            serving = self._serving
            if version is not None and version != self.number:
                serving = self._labelled.get(version)
            if serving is None or name != self.name:
                wanted = f"Latest({name[:200]})"
                if version is not None:
                    wanted = f"Specific({name[:200]}, {version})"
                raise not_found(f"Servable not found for request: {wanted}")
            serving.lease()
        try:
            yield serving
        finally:
            serving.release()

    def look(self):
        """Scans the folder once, and serves the newest version that can be loaded."""
        failures = self._load_newest()
        failures += self._load_labelled()
        if self.number is not None:  # else the caller raises an error
            for version, error in failures:
                log.error("version %d is not served: %s", version, error)

    def _load_newest(self):
        """Returns the newer versions that failed to load, with their errors."""
        failures = []
        for version, folder in sorted(_version_folders(self.folder), reverse=True):
            if version == self.number:
                break
            model, error = self._loaded(version, folder)
            if error:
                failures.append((version, error))
            if model:
                self._serve(Servable(version, model))
                break
        return failures

    def _load_labelled(self):
        """Returns the labeled versions that failed to load, with their errors."""
        failures = []
        wanted = set(self.labels.values()) - {self.number, *self._labelled}
        for version, folder in _version_folders(self.folder) if wanted else ():
            if version in wanted:
                model, error = self._loaded(version, folder)
                if error:
                    failures.append((version, error))
                if model:
                    with self._lock:
                        self._labelled[version] = Servable(version, model)
                    self.states[version] = State("AVAILABLE")
        return failures

    def _loaded(self, version, folder):
        """Returns a model or an error; neither, if it failed before unchanged."""
        files = _look_of(folder)
        if self._broken.get(version) == files:
            return None, None
        self.states[version] = State("LOADING")
        try:
            return self._load(folder), None
        except Exception as error:
            self._broken[version] = files
            code = error.code if isinstance(error, ServingError) else "UNKNOWN"
            self.states[version] = State("END", code, str(error))
            return None, error

    def watch(self, seconds=1.0):
        """Scans the folder every `seconds`, in a thread."""

        def watch():
            while not self._stopped.wait(seconds):
                try:
                    self.look()
                except Exception:  # loaded versions are still served
                    log.exception("cannot scan %s", self.folder)

        self._watcher = threading.Thread(target=watch, name="versions", daemon=True)
        self._watcher.start()

    def close(self):
        """Stops watching, and unloads the models after their last requests."""
        self._stopped.set()
        if self._watcher:
            self._watcher.join()
        self.labels.clear()
        self._serve(None)

    def _serve(self, servable):
        """Makes a servable the newest; the old one stays loaded if it has a label."""
        with self._lock:
            old, self._serving = self._serving, servable
            retired = [old] if old else []
            if servable:
                self._broken.pop(servable.version, None)
                self.states[servable.version] = State("AVAILABLE")
                if old and old.version in self.labels.values():
                    self._labelled[old.version] = old
                    retired = []
            else:
                retired += self._labelled.values()
                self._labelled.clear()
            for each in retired:
                self.states[each.version] = State("END")
        if servable and old:
            log.info("version %d replaces %d", servable.version, old.version)
        for each in retired:
            each.release()


def load_version(folder, threads=0):
    """Loads a version and runs its warm-up requests; returns a `ServedModel`.

    Operations of a SavedModel run in so many `threads`; 0: in as many as processors.
    """
    if not (folder / SAVED_MODEL_FILE).is_file():
        from kerasbert.serving.litert_model import LiteRTModel

        return LiteRTModel(folder)
    model = SavedModel(folder, threads)
    try:
        warm_up(model)
    except BaseException:
        model.close()
        raise
    free_unused()
    return model


def is_model(folder):
    """Whether a folder holds a SavedModel, or a model for LiteRT."""
    return any((folder / name).is_file() for name in (SAVED_MODEL_FILE, LITERT_FILE))


def _version_folders(folder):
    try:
        for child in folder.iterdir():
            if child.name.isdecimal() and is_model(child):
                yield int(child.name), child
    except OSError:  # it is being moved: the next scan will find it
        return


def _look_of(folder):
    """Returns a fingerprint of the files of a folder."""
    try:
        found = [(path, path.stat()) for path in folder.rglob("*")]
    except OSError:
        return None
    return sorted((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in found)
