"""Stage `export`: the model as one ONNX file."""

from dataclasses import replace

from safetensors.torch import load_file

from lradapt.config.params import load_params
from lradapt.data.images.image_table import depth_range_of, read_table
from lradapt.data.labelled_image import class_names
from lradapt.data.split_table import read_split
from lradapt.networks.classifier import load_classifier
from lradapt.networks.normalisation import Normalisation
from lradapt.networks.onnx_export import Deployed, export_onnx
from lradapt.runtime.files import read_json
from lradapt.stages import Dep, Out


def main(*, model: Dep, temperature: Dep, split: Dep, table: Dep, onnx: Out) -> None:
    """Export the model with normalisation, temperature and softmax inside."""
    params = load_params()
    found = depth_range_of(read_table(table))
    names = class_names(read_split(split))
    deployed = Deployed(
        load_classifier(params.model.network, load_file(model), len(names)),
        Normalisation(params.data.mean, params.data.deviation),
        read_json(temperature)["temperature"],
    )
    export_onnx(
        deployed,
        onnx,
        class_names=names,
        architecture=params.model.architecture,
        preprocessing=replace(params.data.preprocessing, depth_range=found),
    )
