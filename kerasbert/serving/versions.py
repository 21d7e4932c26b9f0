"""The versions of a model in a folder: the newest that loads is served.

A new version is loaded beside the old one, which is unloaded when its last request is
answered. One that does not load is reported and left alone until its files change.
Versions that have a label stay loaded beside the newest.
"""

import contextlib
import dataclasses
import logging
import pathlib
import threading

from kerasbert.serving.errors import ServingError, invalid_argument, not_found
from kerasbert.serving.saved_model import SavedModel
from kerasbert.serving.warm_up import warm_up

__all__ = ["Servable", "Versions", "load_version"]

log = logging.getLogger("kerasbert.serving")


class Servable:
    """A version of a model that answers requests.

    Args:
        version: Its number.
        model: What it runs, with a method `close`.
    """

    def __init__(self, version, model):
        self.version = version
        self.model = model
        self._leases = 1  # the first belongs to `Versions`
        self._lock = threading.Lock()

    def lease(self):
        """Keeps the model in memory until `release`."""
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
    """The state of a version, in TF Serving's words."""

    name: str
    code: str = "OK"
    message: str = ""


class Versions:
    """The versions of a model.

    Args:
        folder: The folder of the model, which holds folders 1, 2, ...
        name: The name that the model is served under; by default the folder's.
        load: From the folder of a version to what it runs.
        labels: From label to version, for paths as `/labels/stable`.

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
        self._labelled = {}  # version -> servable, for those that are not the newest
        self._broken = {}  # version -> what its files were like
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._watcher = None

    @property
    def number(self):
        """The version that is served; None where there is none."""
        return self._serving and self._serving.version

    def resolve(self, version, label):
        """The number of a version that a request names.

        Args:
            version: A number, or None.
            label: A label, or None.

        Returns:
            A number; None for the newest.

        Raises:
            ServingError: If there is no such label.
        """
        if label is None:
            return version
        if label not in self.labels:
            raise invalid_argument(
                f"Unrecognized servable version label: {label[:200]}"
            )
        return self.labels[label]

    @contextlib.contextmanager
    def lease(self, name, version=None):
        """The servable of a version, kept in memory while the context lasts.

        Args:
            name: The name of the model.
            version: The number; None is the newest.

        Yields:
            A `Servable`.

        Raises:
            ServingError: If that model or version is not served.
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
        """Looks at the folder once, and serves the newest version that loads."""
        failures = self._load_newest()
        failures += self._load_labelled()
        if self.number is not None:  # else the caller raises an error
            for version, error in failures:
                log.error("version %d is not served: %s", version, error)

    def _load_newest(self):
        """Returns the versions that failed before one was found, with their errors."""
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
        """Returns the labelled versions that failed, with their errors."""
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
        """The model of a version or an error; neither, if it failed as it is before."""
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
        """Looks at the folder again and again, in a thread.

        Args:
            seconds: The time between two looks.
        """

        def watch():
            while not self._stopped.wait(seconds):
                try:
                    self.look()
                except Exception:  # the versions that are loaded stay
                    log.exception("cannot look at %s", self.folder)

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
        """Makes a servable the newest; the one before it stays if it has a label."""
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
            log.info("version %d takes over from %d", servable.version, old.version)
        for each in retired:
            each.release()


def load_version(folder):
    """Loads a version, warm-up requests played.

    Args:
        folder: The folder of the version.

    Returns:
        A `SavedModel`.

    Raises:
        ValueError: If TensorFlow cannot load it, or a warm-up request is no request.
        ServingError: If it fails on a warm-up request.
    """
    model = SavedModel(folder)
    try:
        warm_up(model)
    except BaseException:
        model.close()
        raise
    return model


def _version_folders(folder):
    try:
        for child in folder.iterdir():
            if child.name.isdecimal() and (child / "saved_model.pb").is_file():
                yield int(child.name), child
    except OSError:  # it is being moved: look again later
        return


def _look_of(folder):
    """Something that changes when files do."""
    try:
        found = [(path, path.stat()) for path in folder.rglob("*")]
    except OSError:
        return None
    return sorted((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in found)
