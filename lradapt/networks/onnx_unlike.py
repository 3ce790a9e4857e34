"""The output `unlike` of an exported network, and the limits of doubtful answers in its metadata.

The output is the distance of an image to the training images: 1 minus the cosine of the angle
between its features and the nearest prototype. The graph computes it, so that every reader of the
file has it, in any language. Letters: N images, D features, P prototypes.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lradapt.networks.answer_limits import AnswerLimits
from lradapt.networks.onnx_graph import FEATURES

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto

UNLIKE = "unlike"
"""The third output of an exported network: fp32 `[N]`, in [0, 2]."""

_SHORTEST = 1e-12  # length of features: zeros have the distance 1 to everything


def with_limits(
    content: bytes, prototypes_PD: npt.NDArray[np.float16] | None, limits: AnswerLimits
) -> bytes:
    """Return an exported file with the output `unlike` and the limits; probabilities stay as is.

    Args:
        content: of a file of `export_onnx`.
        prototypes_PD: of length 1; None for a network without the output `features`.
        limits: for the metadata.
    """
    import onnx

    model = onnx.load_model_from_string(content)
    if prototypes_PD is not None:
        _give_distance(model.graph, prototypes_PD)
    notes = {entry.key: entry.value for entry in model.metadata_props}
    onnx.helper.set_model_props(model, notes | limits.as_notes())
    return bytes(model.SerializeToString(deterministic=True))


def _give_distance(graph: "GraphProto", prototypes_PD: npt.NDArray[np.float16]) -> None:
    from onnx import TensorProto, helper

    graph.initializer.extend(_constants(prototypes_PD))
    graph.node.extend(_nodes())
    batch = graph.output[0].type.tensor_type.shape.dim[0].dim_param
    graph.output.append(helper.make_tensor_value_info(UNLIKE, TensorProto.FLOAT, [batch]))


def _constants(prototypes_PD: npt.NDArray[np.float16]) -> "list[TensorProto]":
    from onnx import numpy_helper

    values: dict[str, npt.NDArray[np.generic]] = {
        "prototypes": np.ascontiguousarray(prototypes_PD.T),
        "of_features": np.array([1], np.int64),
        "shortest": np.array(_SHORTEST, np.float32),
        "one": np.array(1, np.float32),
    }
    return [numpy_helper.from_array(each, _own(name)) for name, each in values.items()]


def _nodes() -> "list[NodeProto]":
    """Return 1 - max(features x prototypes) / length of the features, as nodes."""
    from onnx import TensorProto, helper

    def node(operator: str, inputs: list[str], output: str, **how: int) -> "NodeProto":
        return helper.make_node(operator, inputs, [output], name=f"{UNLIKE}.{operator}", **how)

    return [
        node("Cast", [_own("prototypes")], _own("directions"), to=TensorProto.FLOAT),
        node("MatMul", [FEATURES, _own("directions")], _own("products")),
        node("ReduceMax", [_own("products"), _own("of_features")], _own("largest"), keepdims=0),
        node("ReduceL2", [FEATURES, _own("of_features")], _own("length"), keepdims=0),
        node("Max", [_own("length"), _own("shortest")], _own("divisor")),
        node("Div", [_own("largest"), _own("divisor")], _own("cosine")),
        node("Sub", [_own("one"), _own("cosine")], _own("distance")),
        node("Relu", [_own("distance")], UNLIKE),  # rounding gives -1e-7 of a training image
    ]


def _own(name: str) -> str:
    """Return a name that no value of the exporter has."""
    return f"{UNLIKE}.{name}"
