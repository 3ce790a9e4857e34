from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lradapt.compute.engine import LAYOUTS
from lradapt.config.params import load_params
from lradapt.data.labelled_image import LabelledImage
from lradapt.networks.architectures import ARCHITECTURES
from lradapt.networks.backbone import import_backbone
from lradapt.stages.inputs import read_classifier, split_examples
from lradapt.training.head import new_head
from lradapt.training.inputs.examples import PixelExamples, StreamedExamples
from tests.unit.small_examples import batch

ROOT = Path(__file__).parents[3]


@pytest.fixture
def images(tmp_path, engine):
    """A function: the examples of a side of six random images."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    splits = ["train", "validation", "train", "test", "validation", "train"]
    rows = [LabelledImage(f"{n}.png", "xyx"[n % 3], "", s, "", n) for n, s in enumerate(splits)]
    params = load_params(ROOT / "params.yaml")

    def examples(side, engine=engine):
        return split_examples(side, params, rows, tmp_path / "pixels.npy", engine), pixels

    return examples


@pytest.mark.parametrize(
    ("side", "rows", "labels"),
    [("train", [0, 2, 5], [0, 0, 0]), ("validation", [1, 4], [1, 1]), ("test", [3], [0])],
)
def test_a_side_holds_its_images_with_the_numbers_that_the_whole_split_gives_its_labels(
    images, side, rows, labels
):
    found, pixels = images(side)
    assert found.labels.tolist() == labels
    assert np.array_equal(found.pixels.numpy(), pixels[rows])


def test_images_lie_in_memory_as_the_engine_says(images, engine):
    for layout in ("channels_last", "contiguous"):
        found, _ = images("train", replace(engine, memory_format=layout))
        for step in (None, 3):
            inputs, _ = batch(found, torch.tensor([0, 1]), step)
            assert inputs.is_contiguous(memory_format=LAYOUTS[layout])


@pytest.mark.parametrize(("size", "kind"), [(1, PixelExamples), (2, StreamedExamples)])
def test_processes_on_one_cpu_share_its_memory(images, engine, monkeypatch, size, kind):
    free = 2 * 6 * 8 * 8 * 3  # half of it, as params.yaml says, holds all six images once
    monkeypatch.setattr("lradapt.training.inputs.examples.free_memory", lambda device: free)
    together = replace(engine, processes=SimpleNamespace(size=size))
    assert isinstance(images("train", together)[0], kind)


def test_only_the_training_side_is_seen_in_random_views(images):
    for side in ("train", "validation", "test"):
        found, _ = images(side)
        every = torch.arange(len(found.labels))
        clean, random = (batch(found, every, step)[0] for step in (None, 3))
        assert torch.equal(clean, random) == (side != "train")


def test_images_are_normalised_as_the_params_say(images):
    found, pixels = images("test")
    (image,), _ = batch(found, torch.tensor([0]), None)
    red = (pixels[3, :, :, 0] / 255 - 0.485) / 0.229
    assert image[0].numpy() == pytest.approx(red, abs=1e-5)


@pytest.mark.slow
def test_a_network_has_the_head_of_its_file(tmp_path):
    architecture = ARCHITECTURES["resnet18"]
    import_backbone("none", architecture, tmp_path / "body")
    head = new_head(512, 3, seed=1)
    save_file(head.state_dict(), tmp_path / "head")
    model = read_classifier(architecture, tmp_path / "body", tmp_path / "head")
    assert torch.equal(model.fc.weight, head.weight)
