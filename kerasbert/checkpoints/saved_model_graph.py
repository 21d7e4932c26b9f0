"""What the graph of a SavedModel tells about a model, without running it."""

import dataclasses
import re

import numpy as np


@dataclasses.dataclass(frozen=True)
class GraphFacts:
    """What is read off a graph.

    Args:
        attention_count: How many times attention is computed: softmaxes.
        gelu: `"gelu"` where the graph holds an error function, else `"gelu_tanh"`.
        head_size: Size of an attention head, from the scale of a TF1 graph's
            scores, `1 / sqrt(head_size)`; None where there is no such constant.
    """

    attention_count: int
    gelu: str
    head_size: int | None


def read_graph(file):
    """Reads a `saved_model.pb` as data.

    Args:
        file: A `pathlib.Path`.

    Returns:
        `GraphFacts`.

    Raises:
        ValueError: If the file is no SavedModel; the message names it.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    saved_model = saved_model_pb2.SavedModel()
    try:
        saved_model.ParseFromString(file.read_bytes())
    except DecodeError as error:
        raise ValueError(
            f"{file} cannot be read: {error}. It may be incomplete or corrupt; fetch "
            "it again."
        ) from error
    if not saved_model.meta_graphs:
        raise ValueError(f"Expected a graph in {file}, which holds none.")
    graph = saved_model.meta_graphs[0].graph_def
    bodies = [graph.node, *(function.node_def for function in graph.library.function)]
    operations = {node.op for body in bodies for node in body}
    return GraphFacts(
        attention_count=max(
            sum(node.op == "Softmax" for node in body) for body in bodies
        ),
        gelu="gelu" if operations & {"Erf", "Erfc"} else "gelu_tanh",
        head_size=_head_size(graph.node),
    )


def _head_size(nodes):
    pattern = re.compile(r"attention(_\d+)?/self/.*[Mm]ul(_\d+)?/y$")
    for node in nodes:
        if node.op == "Const" and pattern.search(node.name):
            tensor = node.attr["value"].tensor
            values = tensor.float_val or np.frombuffer(tensor.tensor_content, "<f4")
            if len(values) == 1 and 0 < values[0] <= 1:
                return round(values[0] ** -2)
    return None
