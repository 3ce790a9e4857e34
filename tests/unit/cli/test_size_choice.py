"""The input size for weights of a person's own: when it is measured, and what is written."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from path_table import path_variables
from PIL import Image
from safetensors.torch import save
from typer.testing import CliRunner

from lradapt.cli import importing, param_choices, size_choice
from lradapt.config import import_rules
from lradapt.config.yaml_files import read_yaml
from lradapt.data.labelled_image import LabelledImage
from lradapt.networks.architectures import ARCHITECTURES
from lradapt.networks.backbone import Origin
from lradapt.networks.classifier import build
from lradapt.networks.known import backbone_facts
from lradapt.training import input_size
from lradapt.training.input_size import TriedSize

SHIPPED = (Path(__file__).parents[3] / "params.yaml").read_text()
OWN = "0" * 64


@pytest.fixture
def backbone():
    """Weights of a ResNet-18, as a person may have trained them."""
    torch.manual_seed(0)
    weights = build(ARCHITECTURES["resnet18"], num_classes=2).state_dict()
    return {name: value for name, value in weights.items() if not name.startswith("fc.")}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project, which is where commands run; the engine is not measured."""
    (tmp_path / "data").mkdir()
    (tmp_path / "dvc.yaml").write_text(
        path_variables(backbone="data/backbone", champion="data/champion")
    )
    (tmp_path / "params.yaml").write_text(SHIPPED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(param_choices, "_measured", lambda *_: [])
    monkeypatch.setattr(import_rules, "SIZES", (48,))
    known = backbone_facts("resnet18")
    monkeypatch.setattr("lradapt.config.photo_backbone.photo_backbone", lambda: (known, "known"))
    return tmp_path


@pytest.fixture
def measured(monkeypatch):
    """What is tried: the squares, labels and groups; the loss is the lowest at 32 pixels."""
    asked = []

    def stand_in(squares, labels, groups, reader):
        asked.append((squares, labels, groups, reader))
        return [TriedSize(size, abs(size - 32) / 10) for size in squares]

    monkeypatch.setattr(input_size, "try_sizes", stand_in)
    return asked


def write_backbone(weights, source=OWN, architecture="resnet18"):
    note = {"lradapt.origin": json.dumps(asdict(Origin(architecture, source, "mine.pt")))}
    Path("data/backbone").write_bytes(save(weights, note))


def pictures(folder, each=60, side=40):
    """Coloured pictures of two classes, on a scale that a resize would mix."""
    random = np.random.default_rng(0)
    for name in ("fine", "plain"):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            pixels = random.integers(0, 256, (side, side, 3), dtype=np.uint8)
            if name == "plain":
                pixels[:] = pixels[0, 0]
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def lradapt_import(*arguments):
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(importing.app, words, catch_exceptions=False).output


def size_now():
    values = read_yaml(Path("params.yaml"))
    return values["data"]["input_size"], values["chosen_by_import"]["data.input_size"]


@pytest.mark.slow
def test_the_size_is_measured_with_the_weights(project, backbone):
    write_backbone(backbone)
    output = " ".join(lradapt_import("folder", pictures(project / "source")).split())
    assert output.count("data.input_size:") == 1
    assert ": measured: your weights read these images best at it (held-out loss " in output
    assert size_now() == (24, 24)
    assert "data.input_size: 24: measured" in output


def test_the_best_size_is_written_and_said_once(project, backbone, measured):
    write_backbone(backbone)
    output = " ".join(lradapt_import("folder", pictures(project / "source")).split())
    assert "data.input_size: 24 -> 32: measured: your weights" in output
    assert "held-out loss 0.800 at 24, 0.000 at 32, 1.600 at 48" in output
    assert output.count("data.input_size:") == 1
    assert size_now() == (32, 32)


def test_so_it_is_where_the_weights_come_later(project, backbone, measured, tmp_path):
    write_backbone(backbone, "none")
    lradapt_import("folder", pictures(project / "source"))
    assert measured == []
    torch.save(backbone, tmp_path / "mine.pt")
    output = " ".join(lradapt_import("weights", tmp_path / "mine.pt").split())
    assert "-> 32: measured" in output
    assert size_now() == (32, 32)


def test_every_image_is_shown_at_each_size_and_read_by_the_given_weights(
    project, backbone, measured
):
    write_backbone(backbone)
    folder = pictures(project / "source")
    (folder / "fine" / "0.png").write_bytes(b"no image")
    first = folder / "plain" / "0.png"
    first.with_name("copy.png").write_bytes(first.read_bytes())
    lradapt_import("folder", folder)
    ((squares, labels, groups, reader),) = measured
    assert {size: of_size.shape for size, of_size in squares.items()} == {
        size: (120, size, size, 3) for size in (24, 32, 48)
    }
    assert labels.tolist() == [0] * 59 + [1] * 61
    assert len(set(groups)) == 119  # a copy is in the group of its original
    state = reader.body.state_dict()
    assert all(torch.equal(state[name], value) for name, value in backbone.items())


@pytest.mark.parametrize(
    ("source", "each", "words"),
    [("imagenet", 60, ()), (OWN, 49, ()), (OWN, 60, ("--keep-params",))],
)
def test_nothing_is_measured_for_other_weights_few_images_or_kept_values(
    project, backbone, measured, source, each, words
):
    write_backbone(backbone, source)
    lradapt_import("folder", pictures(project / "source", each), *words)
    assert measured == []


def test_tiny_grey_pictures_keep_the_size_of_the_quick_start(project, backbone, measured):
    write_backbone(backbone)
    for file in pictures(project / "source", side=16).rglob("*.png"):
        Image.open(file).convert("L").save(file)
    lradapt_import("folder", project / "source")
    assert (measured, size_now()) == ([], (24, 24))


def test_a_size_that_a_person_has_set_stays(project, backbone, measured):
    Path("params.yaml").write_text(
        SHIPPED.replace("input_size: 24\n  fit", "input_size: 56\n  fit")
    )
    write_backbone(backbone)
    lradapt_import("folder", pictures(project / "source"))
    assert (measured, size_now()[0]) == ([], 56)


def test_a_size_is_chosen_by_the_images_where_the_weights_cannot_be_used(project, backbone, caplog):
    backbone["conv1.weight"][0] = torch.nan
    write_backbone(backbone)
    lradapt_import("folder", pictures(project / "source"))
    assert "the input size for your weights was not measured: the features of" in caplog.text
    assert size_now() == (48, 48)


def test_faults_of_the_labels_do_not_keep_weights_from_coming(
    project, backbone, measured, tmp_path, caplog
):
    write_backbone(backbone, "none")
    lradapt_import("folder", pictures(project / "source"))
    Path("data/labels.csv").write_text("image,label\n,x\n")
    torch.save(backbone, tmp_path / "mine.pt")
    assert "mine.pt" in lradapt_import("weights", tmp_path / "mine.pt")
    assert "was not measured: data/labels.csv has 1 fault(s)" in caplog.text


def test_the_images_of_a_measurement_are_spread_over_the_classes():
    labels = [LabelledImage(f"{n}.png", "ab"[n % 3 == 0]) for n in range(3000)]
    sample = size_choice.spread(labels)
    assert len(sample) == size_choice.MOST_IMAGES == 300
    assert sum(label.label == "b" for label in sample) == 100
    assert size_choice.spread(labels[:10]) == sorted(
        labels[:10], key=lambda one: (one.label, one.image)
    )
