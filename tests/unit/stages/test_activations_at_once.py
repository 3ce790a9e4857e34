"""How many images stage `activations` passes through the frozen body at once."""

from pathlib import Path

import numpy as np
import pytest
from torch import nn

from lradapt.config.params import Params
from lradapt.config.presets import changed
from lradapt.config.validation import validate
from lradapt.config.yaml_files import read_yaml
from lradapt.stages import activations

PARAMS = Path(__file__).parents[3] / "params.yaml"


class ReachedError(Exception):
    """The stage has come to its work."""


@pytest.mark.parametrize(("size", "number"), [(24, 256), (224, 64)])
def test_larger_images_are_fewer(tmp_path, monkeypatch, size, number):
    given = []

    def reached(into, frozen, *_, **__):
        given.append(frozen.batch_size)
        raise ReachedError

    values = changed(read_yaml(PARAMS), {"data": {"input_size": size}, "engine": {"device": "cpu"}})
    for name, stand_in in {
        "load_params": lambda: validate(Params, values, PARAMS),
        "read_backbone": lambda *_: {},
        "build_body": lambda *_: nn.Identity(),
        "read_table": lambda _: [],
        "write_activations": reached,
    }.items():
        monkeypatch.setattr(activations, name, stand_in)
    backbone, pixels = tmp_path / "backbone", tmp_path / "pixels.npy"
    backbone.write_bytes(b"weights")
    np.save(pixels, np.zeros((1, size, size, 3), np.uint8))
    with pytest.raises(ReachedError):
        activations.main(
            table=tmp_path,
            pixels=pixels,
            backbone=backbone,
            store=tmp_path / "store",
            activations=tmp_path / "activations.npy",
        )
    assert given == [number]
