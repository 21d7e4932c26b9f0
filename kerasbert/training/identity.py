"""Identity of a training: data, settings, initial weights and versions.

A saved state resumes only the training with the same identity.
"""

import dataclasses
import hashlib
import json
import weakref

import keras
import numpy as np

from kerasbert.account import quoted
from kerasbert.training.distribution import whole_array
from kerasbert.training.recipe import Recipe
from kerasbert.version import __version__

# Earlier versions that take the same steps, as their golden files show: a run that one
# of them began goes on.
SAME_STEPS = ("0.1.0",)

# Hints for differences in these fields.
HINTS = {
    "code": "Resume with the version of kerasbert that started the run.",
    "starting weights": "Is it the model that the run started with?",
    "epochs": "The learning rate of a Recipe decays to 0 at the last epoch, so more "
    "epochs are another run; a Keras optimizer can be trained for more.",
}


def run_identity(model, features, validation, arguments, settings):
    """Returns the identity of a training as a JSON-serializable dictionary.

    `model` has its initial weights; `arguments` are those of `keras.Model.compile`;
    `settings` are further settings by name.
    """
    optimizer = arguments["optimizer"]
    if not isinstance(optimizer, Recipe):
        settings = {**settings, "epochs": None}  # more epochs continue the same run
        if isinstance(optimizer, str):
            optimizer = keras.optimizers.get(optimizer)
    others = {n: v for n, v in arguments.items() if n not in ("optimizer", "metrics")}
    parts = {
        "code": f"kerasbert {__version__}, keras {keras.__version__}",
        "backend": keras.backend.backend(),
        **_digests(features, "examples"),
        **({} if validation is None else _digests(validation, "validation")),
        "model": _digest([_text(getattr(model, "config", None)).encode()]),
        "trainable weights": len(model.trainable_variables),
        "starting weights": weights_digest(model),
        "optimizer": _text(optimizer),
        "compile": _text(others),
        **settings,
    }
    return json.loads(json.dumps(parts, default=_text))


def check_identity(file, before, now):
    """Raises a `ValueError` that names the differences if two identities differ."""
    leave = "Use another folder, or delete this one to start over."
    if before is None:
        raise ValueError(
            f"{file} is the state of a run of an earlier kerasbert, which did not "
            f"record its examples and settings. {leave}"
        )
    before = _of_this_version(_with_later_fields(before))
    names = [n for n in {**before, **now} if before.get(n) != now.get(n)]
    if not names:
        return
    shown = [_difference(n, before.get(n), now.get(n)) for n in names[:6]]
    hints = [HINTS[name] for name in names if name in HINTS]
    raise ValueError(
        f"{file} is the state of another run, with other {', '.join(shown)}. "
        + " ".join([*hints[:2], leave])
    )


def _with_later_fields(identity):
    """Adds defaults of fields that `Recipe` did not have when a state was saved."""
    optimizer = json.loads(identity.get("optimizer") or "null")
    if not isinstance(optimizer, dict) or optimizer.get("class") != "Recipe":
        return identity
    return {**identity, "optimizer": _text({**_plain(Recipe()), **optimizer})}


def _of_this_version(identity):
    """Replaces an earlier version that takes the same steps by this one."""
    version, comma, rest = str(identity.get("code")).partition(",")
    if version.removeprefix("kerasbert ") not in SAME_STEPS:
        return identity
    return {**identity, "code": f"kerasbert {__version__}{comma}{rest}"}


def weights_digest(model):
    """Returns a digest of a model's weights."""
    return _digest(np.ascontiguousarray(whole_array(v)) for v in model.weights)


class RunRegistry:
    """Trainings whose model is still in memory, so that `fit` may resume them.

    Such a model no longer has its initial weights, nor its optimizer step 0: it is
    still the same training unless something else has changed the weights.
    """

    def __init__(self):
        self._runs = weakref.WeakKeyDictionary()

    def resumed_identity(self, model, optimizer, file, identity):
        """Returns the identity with the initial weights of the training it resumes."""
        known = self._runs.get(model)
        if known is None or known[0] != file or known[2] != weights_digest(model):
            return identity
        began = known[1]
        identity = {**identity, "starting weights": began["starting weights"]}
        if known[3] is optimizer:
            identity["optimizer"] = began["optimizer"]
        return identity

    def leave(self, model, optimizer, file, identity):
        """Records the weights and the optimizer with which a training ended."""
        self._runs[model] = (file, identity, weights_digest(model), optimizer)


def _digests(features, name):
    """Returns the digests of inputs, targets and weights, which depend on the order."""
    if hasattr(features, "digest"):  # of a stream
        return {name: features.digest()}
    parts = {name: features.inputs, f"{name}' targets": features.targets}
    if features.weights is not None:
        parts[f"{name}' weights"] = {"": features.weights}
    return {
        part: _digest(
            block
            for key, values in sorted(arrays.items())
            for block in (key.encode(), *_blocks(values))
        )
        for part, arrays in parts.items()
    }


def _blocks(values):
    if isinstance(values, np.ndarray):
        return [str(values.shape).encode(), np.ascontiguousarray(values)]
    lengths = np.array([len(row) for row in values], "int64")
    rows = [np.asarray(row) for row in values]
    return [lengths, np.concatenate(rows) if rows else b""]


def _digest(blocks):
    digest = hashlib.blake2b(digest_size=16)
    for block in blocks:
        if isinstance(block, np.ndarray):
            digest.update(f"{block.dtype}{block.shape}".encode())
            block = block.reshape(-1).view("uint8")
        digest.update(block)
    return digest.hexdigest()


def _text(value):
    """Serializes settings to text that is the same in every process."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value):
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {"class": type(value).__name__, **dataclasses.asdict(value)}
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float | np.floating):
        return repr(float(value))
    if hasattr(value, "get_config"):
        try:
            config = value.get_config()
        except NotImplementedError:
            config = {}
        config = {n: v for n, v in config.items() if n != "name"}
        return {"class": type(value).__name__, **_plain(config)}
    return getattr(value, "__qualname__", type(value).__name__)


def _difference(name, before, now):
    if before is None or now is None or name in ("code",):
        return f"{name} ({quoted(before, 60)}, now {quoted(now, 60)})"
    if isinstance(before, str) and len(before) == 32:
        return name  # a digest
    if isinstance(before, str) and before[:1] == "{":
        return _differing_fields(name, json.loads(before), json.loads(now))
    return f"{name} ({quoted(before, 60)}, now {quoted(now, 60)})"


def _differing_fields(name, before, now):
    names = [n for n in {**before, **now} if before.get(n) != now.get(n)]
    shown = [
        f"{n} {quoted(before.get(n), 30)}, now {quoted(now.get(n), 30)}"
        for n in names[:3]
    ]
    return f"{name} ({'; '.join(shown)})"
