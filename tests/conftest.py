import collections
import functools
import gc
import hashlib
import importlib.metadata
import os
import pathlib
import pickle

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
if os.environ.get("KERAS_BACKEND") == "jax":
    # Compiling tiny operations is most of what these tests do there. XLA ends a process
    # at a flag that it does not know.
    flags = "--xla_backend_optimization_level=0"
    if importlib.metadata.version("jax").startswith("0.10."):
        flags += " --xla_cpu_use_fusion_emitters=false"
    os.environ.setdefault("XLA_FLAGS", flags)
    # Processes compile much the same ones, and the next run does.
    cache = pathlib.Path(__file__).parents[1] / ".pytest_cache" / "jax"
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


# Files that take long begin first, so that no process ends long after others.
LONG = (
    *("test_tutorials.py", "test_readme.py", "test_keras_methods.py"),
    *("test_docstrings.py", "test_distribution.py", "test_search.py"),
    *("test_speech_model.py", "test_written_by_0_1.py", "test_bert_decoder.py"),
    *("test_processes.py", "test_score_activations.py", "test_translator.py"),
    *("test_sentence_parts.py", "test_corpus.py", "test_outputs.py"),
    *("test_pipeline.py", "test_interrupted.py", "test_properties.py"),
    *("test_training.py", "test_text_generator.py", "test_finetune_tasks.py"),
    *("test_pretrain.py", "test_pretrainer.py", "test_reusable.py"),
    *("test_text_embedder.py", "test_sentence_folders.py", "test_saved_model.py"),
)


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run tests marked slow, too")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow: --slow runs it"))
    items.sort(key=lambda item: item.path.name not in LONG)


def pytest_collection_finish():
    """Collects garbage seldom, and never the imported modules: a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)


def pytest_terminal_summary(terminalreporter):
    """Shows which files take longest, where a run takes minutes."""
    seconds = collections.Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[report.nodeid.split("::")[0]] += report.duration
    if seconds.total() > 120:
        terminalreporter.section("slowest files")
        for file, duration in seconds.most_common(12):
            terminalreporter.write_line(f"{duration:6.1f} s  {file}")


@pytest.fixture(autouse=True, scope="session")
def no_garbage_is_collected_on_request():
    """Keras collects after every layer that it quantizes, which takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "collect", lambda generation=2: 0)
        yield


@pytest.fixture(autouse=True, scope="module")
def no_file_is_waited_for(request):
    """Syncs nothing to disk, but where that is tested: no power fails in a test."""
    with pytest.MonkeyPatch.context() as patch:
        if request.path.name != "test_leftovers.py":
            patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(autouse=True, scope="session")
def equal_preprocessors_share_their_graphs():
    """Traces a method once for all preprocessors of the same state."""
    import keras

    if keras.backend.backend() != "tensorflow":
        yield
        return
    from kerasbert.tasks.preprocessor import Preprocessor

    graphs_of = functools.lru_cache(64)(lambda digest: {})
    shared = property(
        lambda self: graphs_of(hashlib.sha256(pickle.dumps(self)).digest())
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Preprocessor, "_graphs", shared)
        yield


@pytest.fixture(autouse=True, scope="module")
def same_seed_for_every_file():
    """Fixtures of a file come before the seed of its first test."""
    import keras

    keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True)
def same_seed_for_every_test():
    import keras

    keras.utils.set_random_seed(0)
