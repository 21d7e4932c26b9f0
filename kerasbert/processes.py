"""Objects in other processes: what is pickled of them, and what a fork leaves behind.

TensorFlow and JAX compute on threads of their own. A forked process has none of its
parent's threads, so that it would wait for them forever.
"""

import functools
import os
import sys

_inherited = None  # the backend that had started in the parent


class Portable:
    """An object whose graphs are made when they are first needed.

    Each is a `functools.cached_property`; pickles and copies hold none of them.
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
    """Refuses to compute where the threads of the backend are missing.

    Raises:
        RuntimeError: If this process was forked after TensorFlow or JAX had started.
    """
    if _inherited is not None:
        raise RuntimeError(
            f"Expected a process that starts {_inherited} itself, got one that was "
            f"forked after {_inherited} had started: its threads stayed in the parent, "
            "and computing would wait for them forever. Load the model in the child, "
            "before anything in the parent computes (gunicorn without --preload); or "
            'start processes anew: multiprocessing.get_context("spawn").'
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
