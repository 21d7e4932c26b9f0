import collections
import pathlib
import re
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2

from kerasbert.export import export_task
from kerasbert.inference.int8_products import operation_is_missing
from kerasbert.serving.c_api import free_unused
from kerasbert.serving.saved_model import SavedModel, session_config

TEXTS = ["one fine day", "a", "", "the quick brown fox jumps over the lazy dog " * 3]


def computed(folder, config):
    """The operations of the graph that a session runs, and what they give."""
    config = config_pb2.ConfigProto.FromString(config)
    config.experimental.disable_output_partition_graphs = False
    options = config_pb2.RunOptions(output_partition_graphs=True)
    results, metadata = [], config_pb2.RunMetadata()
    with tf.Graph().as_default(), tf.compat.v1.Session(config=config) as session:
        tf.compat.v1.saved_model.load(session, ["serve"], str(folder))
        for texts in (TEXTS, *([text] for text in TEXTS)):
            fetch, feed = "StatefulPartitionedCall:1", "serving_default_text:0"
            results.append(session.run(fetch, {feed: texts}, options, metadata))
    graphs = metadata.partition_graphs
    operations = collections.Counter(x.op for graph in graphs for x in graph.node)
    return operations, np.concatenate(results)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_the_order_of_passes_gives_the_graph_of_all_passes(
    precision, embedder, tmp_path
):
    if precision == "int8" and operation_is_missing():
        pytest.skip("this TensorFlow lacks the int8 matmul")
    folder = export_task(embedder, tmp_path / "tiny", precision=precision)
    operations, found = computed(folder, session_config())
    all_operations, expected = computed(folder, b"")
    assert operations == all_operations
    np.testing.assert_array_equal(found, expected)


def resident_code():
    """The resident size of the code of TensorFlow's libraries, in kB."""
    size, inside = 0, False
    for line in pathlib.Path("/proc/self/smaps").read_text().splitlines():
        if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
            inside = " r-xp " in line and "libtensorflow" in line
        elif inside and line.startswith("Rss:"):
            size += int(line.split()[1])
    return size


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_pages_of_the_libraries_go_and_come_back_unchanged(exported):
    model = SavedModel(exported / "1")
    texts = {"text": np.array([text.encode() for text in TEXTS], object)}
    before = model.run("serving_default", texts)["embedding"]
    size = resident_code()
    free_unused()
    assert resident_code() < size / 2
    after = model.run("serving_default", texts)["embedding"]
    np.testing.assert_array_equal(before, after)
    model.close()
