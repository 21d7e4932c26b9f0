import collections
import gc
import importlib.metadata
import os
import pathlib

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
    *("test_docstrings.py", "test_search.py", "test_speech_model.py"),
    *("test_written_by_0_1.py", "test_bert_decoder.py", "test_processes.py"),
    *("test_score_activations.py", "test_translator.py", "test_sentence_parts.py"),
    *("test_corpus.py", "test_outputs.py", "test_pipeline.py", "test_interrupted.py"),
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


@pytest.fixture(autouse=True)
def same_seed_for_every_test():
    import keras

    keras.utils.set_random_seed(0)
