"""A new head on an exported network: its last layer, temperature and classes replaced in the file.

The exporter takes seconds, this takes none: a frozen body is exported once, and every head trained
on its activations is inserted into that file.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lradapt.errors import LradaptError
from lradapt.networks.onnx_graph import find_head

if TYPE_CHECKING:
    from onnx import GraphProto

Floats = npt.NDArray[np.float32]


def with_head(
    content: bytes,
    weight_KD: Floats,
    bias_K: Floats,
    temperature: float,
    class_names: Sequence[str],
) -> bytes:
    """Return the file of `export_onnx` with another head; the same bytes for the same arguments.

    Args:
        content: of a file exported with a temperature other than 1, which the exporter would omit.
        weight_KD: of the new last layer, `[K, D]`.
        bias_K: likewise, `[K]`.
        temperature: above 0.
        class_names: K names, in the order of the rows.

    Raises:
        LradaptError: the file has no such head, or one of another width.
    """
    import onnx

    model = onnx.load_from_string(content)
    head = find_head(model.graph)
    assert head.temperature, "the body was exported with a temperature of 1"
    assert head.bias, "the body was exported with a bias of zeros"
    _require_width(model.graph, head.weight, weight_KD.shape[1])
    _replace(model.graph, head.weight, weight_KD)
    _replace(model.graph, head.bias, bias_K)
    _replace(model.graph, head.temperature, np.array(temperature, np.float32))
    del model.graph.value_info[:]  # shapes with the previous number of classes
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = len(class_names)
    notes = {entry.key: entry.value for entry in model.metadata_props}
    notes["lradapt.class_names"] = json.dumps(list(class_names))
    notes["lradapt.temperature"] = repr(temperature)
    onnx.helper.set_model_props(model, notes)
    return bytes(model.SerializeToString(deterministic=True))


def _require_width(graph: "GraphProto", name: str, num_features: int) -> None:
    dims = next(list(tensor.dims) for tensor in graph.initializer if tensor.name == name)
    if dims[1] != num_features:
        raise LradaptError(f"the head has {num_features} inputs, the body {dims[1]} outputs")


def _replace(graph: "GraphProto", name: str, values: npt.NDArray[np.float32]) -> None:
    from onnx import numpy_helper

    tensor = next(tensor for tensor in graph.initializer if tensor.name == name)
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
