"""The model as one ONNX file: uint8 pixels in, calibrated probabilities and features out.

Normalisation, temperature and softmax are inside; class names and preprocessing are in its metadata
(read by `lradapt.inference.predict`). The file depends on nothing but the model: no path, no clock.
"""

import json
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from lradapt.compute.forward_pass import images_at_once
from lradapt.data.images.decode import Preprocessing
from lradapt.data.images.description import described
from lradapt.networks.normalisation import Normalisation
from lradapt.networks.onnx_graph import give_features
from lradapt.runtime.files import whole_file
from lradapt.runtime.progress import tracked

FORMAT = "4"
INPUT, OUTPUT = "pixels", "probabilities"
_MOST_AT_ONCE = 256


class Deployed(nn.Module):
    """A classifier as it is deployed: `[N, S, S, 3]` uint8 -> `[N, K]` fp32 probabilities."""

    def __init__(self, model: nn.Module, normalise: Normalisation, temperature: float) -> None:
        super().__init__()
        self.model = model
        self.normalise = normalise
        self.temperature = temperature

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the probabilities of the classes."""
        images = self.normalise(pixels.permute(0, 3, 1, 2))
        return torch.softmax(self.model(images) / self.temperature, dim=1)


@torch.no_grad()
def probabilities(
    deployed: Deployed, pixels_NSS3: npt.NDArray[np.uint8], *, batch_size: int | None = None
) -> npt.NDArray[np.float32]:
    """Return PyTorch's probabilities, fp32 `[N, K]`: the reference for the exported file."""
    deployed = deployed.eval()
    at_once = batch_size or images_at_once(pixels_NSS3.shape[1], _MOST_AT_ONCE)
    parts = torch.split(torch.from_numpy(pixels_NSS3), at_once)
    with tracked(
        parts, "PyTorch reference", total=len(pixels_NSS3), unit="images", size=len
    ) as shown:
        return torch.cat([deployed(part) for part in shown]).numpy()


def export_onnx(
    deployed: Deployed,
    into: Path,
    *,
    class_names: Sequence[str],
    architecture: str,
    preprocessing: Preprocessing,
) -> None:
    """Write `deployed` to the file `into`, with classes and preprocessing in its metadata.

    The first output is the probabilities. The second is what the last layer reads, where that is a
    linear one.
    """
    import onnx

    deployed = deployed.eval().cpu()
    size = preprocessing.input_size
    example = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the exporter's own code, not the model
        program = torch.onnx.export(
            deployed,
            (example,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            external_data=False,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    _forget_origin(model)
    give_features(model.graph)
    onnx.helper.set_model_props(
        model,
        {
            "lradapt.format": FORMAT,
            "lradapt.architecture": architecture,
            "lradapt.class_names": json.dumps(list(class_names)),
            "lradapt.preprocessing": json.dumps(
                described(preprocessing) | _normalisation(deployed.normalise)
            ),
            "lradapt.temperature": repr(deployed.temperature),
        },
    )
    with whole_file(into) as partial:
        partial.write_bytes(model.SerializeToString(deterministic=True))


def _normalisation(normalise: Normalisation) -> dict[str, Any]:
    return {
        "normalisation": {
            "inside": True,
            "mean": list(normalise.mean),
            "deviation": list(normalise.deviation),
        }
    }


def _forget_origin(model: "onnx.ModelProto") -> None:  # type: ignore[name-defined]  # noqa: F821
    """Remove the exporter's stack traces: they contain this machine's paths."""
    graph = model.graph
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for value in graph.value_info:
        value.ClearField("metadata_props")
    for function in model.functions:
        for part in (function, *function.node):
            part.ClearField("metadata_props")
            part.ClearField("doc_string")
