"""Pickling of objects with compiled graphs, and detection of forked processes.

TensorFlow and JAX compute in threads of their own. A forked child has none of its
parent's threads, so a computation in it would block forever.
"""

import functools
import os
import sys

_inherited = None  # the backend that had started in the parent


class Portable:
    """Base class of objects whose graphs are `functools.cached_property`s.

    Pickles and copies omit them.
    """

    def __getstate__(self):
        made = {
            name
            for part in type(self).__mro__
            for name, value in vars(part).items()
            if isinstance(value, functools.cached_property)
        }
        return {name: x for name, x in self.__dict__.items() if name not in made}


def check_process():
    """Raises a `RuntimeError` in a process forked after the backend had started."""
    if _inherited is not None:
        raise RuntimeError(
            f"This process was forked after {_inherited} had started. Its threads "
            "exist in the parent only, and any computation would wait for them "
            "forever. Load the model in the child, before the parent computes "
            "anything (gunicorn without --preload), or use "
            'multiprocessing.get_context("spawn").'
        )


def _backend_that_has_started():
    context = sys.modules.get("tensorflow.python.eager.context")
    if context is not None:
        started = context.context_safe()
        if started is not None and getattr(started, "_initialized", True):
            return "TensorFlow"
    bridge = sys.modules.get("jax._src.xla_bridge")
    if bridge is not None and bridge.backends_are_initialized():
        return "JAX"
    return None


def _after_fork():
    global _inherited
    _inherited = _inherited or _backend_that_has_started()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
