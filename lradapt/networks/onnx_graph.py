"""Parts of an exported network, found backwards from its output, not by names.

The end of every exported network is softmax, division by the temperature, linear layer. The
exporter omits a division by 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lradapt.errors import LradaptError

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

FEATURES = "features"
"""The second output of an exported network: what its last layer reads, fp32 `[N, D]`."""

_POOLING = ("GlobalAveragePool", "ReduceMean")
_SHAPING = ("Cast", "Flatten", "Gather", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
"""Operators by which exporters bring pooled maps into rows; none changes a value."""


class NoLinearHeadError(LradaptError):
    """The last layer of an exported network is not a linear one."""


@dataclass(frozen=True, slots=True)
class OnnxHead:
    """The last linear layer of a graph, by the names of its values.

    Attributes:
        features: what it reads, `[N, D]`.
        logits: what it gives, `[N, K]`.
        weight: `[K, D]`, an initialiser.
        bias: `[K]`, an initialiser; "" where all are 0, which the exporter omits.
        temperature: by which the logits are divided, an initialiser; "" for 1.
    """

    features: str
    logits: str
    weight: str
    bias: str
    temperature: str


def find_head(graph: "GraphProto") -> OnnxHead:
    """Return the last layer of a graph whose first output is the probabilities.

    Raises:
        NoLinearHeadError: it does not end as described above.
    """
    maker = _makers(graph)
    before = maker[graph.output[0].name].input[0]
    division = maker.get(before)
    temperature = ""
    if division is not None and division.op_type == "Div":
        before, temperature = division.input
    layer = maker.get(before)
    if layer is None or layer.op_type != "Gemm":
        raise NoLinearHeadError("the exported network does not end with a linear layer")
    features, weight, *bias = layer.input
    return OnnxHead(features, before, weight, "".join(bias), temperature)


def pooled_maps(graph: "GraphProto", features: str) -> list[str]:
    """Return the maps whose means over the image are the features, in the order of the features.

    The list is empty if the features are anything else than such means.
    """
    maker = _makers(graph)

    def maps_of(value: str) -> list[str] | None:
        node = maker.get(value)
        if node is None:
            return None
        if node.op_type in _POOLING:
            return [node.input[0]]
        if node.op_type in _SHAPING:
            return maps_of(node.input[0])
        parts = [maps_of(part) for part in node.input] if node.op_type == "Concat" else [None]
        return None if None in parts else [name for part in parts for name in part or ()]

    return maps_of(features) or []


def give_features(graph: "GraphProto") -> None:
    """Make what the last layer reads an output of the graph; nothing without a linear layer."""
    from onnx import TensorProto, helper

    try:
        head = find_head(graph)
    except NoLinearHeadError:
        return
    (width,) = (tensor.dims[1] for tensor in graph.initializer if tensor.name == head.weight)
    for node in graph.node:
        for values in (node.input, node.output):
            values[:] = [FEATURES if value == head.features else value for value in values]
    for known in [known for known in graph.value_info if known.name == head.features]:
        graph.value_info.remove(known)
    batch = graph.output[0].type.tensor_type.shape.dim[0].dim_param
    graph.output.append(helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, [batch, width]))


def _makers(graph: "GraphProto") -> Mapping[str, "NodeProto"]:
    return {output: node for node in graph.node for output in node.output}
