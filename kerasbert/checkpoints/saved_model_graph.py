"""Properties of a model read from a SavedModel's graph, without running it."""

import dataclasses
import re

import numpy as np

from kerasbert.checkpoints.tensor_files import errors_name, import_tensorflow

# What a graph computes its activation with; the first that it has tells.
ACTIVATIONS = {"Erf": "gelu", "Erfc": "gelu", "Pow": "gelu_tanh", "Relu": "relu"}
CALLS = ("PartitionedCall", "StatefulPartitionedCall")


@dataclasses.dataclass(frozen=True)
class GraphFacts:
    """Properties read from a graph.

    Args:
        attention_count: How many times attention is computed: softmaxes.
        activation: A name of `kerasbert.config.ACTIVATIONS`.
        head_size: Size of an attention head, from the scale of a TF1 graph's
            scores, `1 / sqrt(head_size)`; None where there is no such constant.
    """

    attention_count: int
    activation: str
    head_size: int | None


def read_graph(file):
    """Parses a `saved_model.pb`."""
    import_tensorflow(file)
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    saved_model = saved_model_pb2.SavedModel()
    with errors_name(file, DecodeError):
        saved_model.ParseFromString(file.read_bytes())
    if not saved_model.meta_graphs:
        raise ValueError(
            f"Expected a graph in {file}, which holds none. It may be incomplete; "
            "fetch it again."
        )
    graph = saved_model.meta_graphs[0].graph_def
    functions = {f.signature.name: f.node_def for f in graph.library.function}
    operations = {
        node.op for body in (graph.node, *functions.values()) for node in body
    }
    return GraphFacts(
        attention_count=_attention_count(graph.node, functions),
        activation=next(
            (ours for theirs, ours in ACTIVATIONS.items() if theirs in operations),
            "gelu_tanh",
        ),
        head_size=_head_size(graph.node),
    )


def _attention_count(nodes, functions):
    """Returns the number of softmaxes in the graph or its largest function."""
    counts = {}

    def count(body):
        total = sum(node.op == "Softmax" for node in body)
        calls = (node.attr["f"].func.name for node in body if node.op in CALLS)
        return total + sum(counted(name) for name in calls)

    def counted(name):
        if name not in counts:
            counts[name] = 0  # a function that calls itself computes nothing new
            counts[name] = count(functions.get(name, ()))
        return counts[name]

    return max([count(nodes), *map(counted, functions)])


def _head_size(nodes):
    pattern = re.compile(r"attention(_\d+)?/self/.*[Mm]ul(_\d+)?/y$")
    for node in nodes:
        if node.op == "Const" and pattern.search(node.name):
            tensor = node.attr["value"].tensor
            values = tensor.float_val or np.frombuffer(tensor.tensor_content, "<f4")
            if len(values) == 1 and 0 < values[0] <= 1:
                return round(values[0] ** -2)
    return None
