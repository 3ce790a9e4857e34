"""The program for a machine with a GPU, on the CPU: a small network on a few small pictures."""

import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from lradapt.config.presets import changed
from lradapt.runtime.files import read_json
from tests.projects import ROOT, SMALL, run

pytestmark = [pytest.mark.slow, pytest.mark.long]


def draw(folder, names):
    """Discs whose colour and size tell their class, on noise."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:20, :20]
    for number, name in enumerate(names):
        pixels = random.integers(0, 120, (20, 20, 3))
        label = number % 3
        pixels[(x - 10) ** 2 + (y - 10) ** 2 < 30, label] += 120
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / name)


@pytest.fixture
def project(tmp_path):
    """A folder with the settings made small, and the three sets of images."""
    draw(tmp_path / "tiny", [f"{'abc'[n % 3]}/{n:02d}.png" for n in range(36)])
    sides = ["train", "train", "train", "train", "train", "test"]
    draw(tmp_path / "cifar", [f"{sides[n // 3 % 6]}/{'abc'[n % 3]}/{n:02d}.png" for n in range(54)])
    draw(tmp_path / "ham/images", [f"{n:02d}.png" for n in range(54)])
    lines = {
        "image_id": [f"{n:02d}" for n in range(54)],
        "dx": ["abc"[n % 3] for n in range(54)],
        "lesion_id": [f"l{n // 6}{n % 3}" for n in range(54)],
    }
    pd.DataFrame(lines).to_csv(tmp_path / "ham/metadata.csv", index=False)
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "dvc.yaml").write_text((ROOT / "dvc.yaml").read_text())
    given = {"body_rates": {"source": "given"}}
    for name, changes in (
        ("params.yaml", changed(SMALL, given)),
        (
            "benchmarks/params.yaml",
            {
                "arms": ["conventional", "lradapt"],
                "settings": {"conventional": {"batch_size": 8, "max_epochs": 1}},
            },
        ),
    ):
        values = yaml.safe_load((ROOT / name).read_text())
        (tmp_path / name).write_text(yaml.safe_dump(changed(values, changes)))
    return tmp_path


def program(project, *options):
    words = {"tiny-imagenet": "tiny", "cifar10": "cifar", "ham10000": "ham", "work": "work"}
    paths = [word for name, path in words.items() for word in (f"--{name}", path)]
    small = ["--architectures", "resnet18", "--seeds", "0", "--epochs", "1", "--max-lr", "0.01"]
    cpu = ["--device", "cpu", "--sizes", "16,16,16"]
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import runpy;"
        "runpy.run_module('benchmarks.gpu', run_name='__main__')"
    )
    return run(project, sys.executable, "-c", script, *paths, *small, *cpu, *options).stdout


def test_it_stops_when_its_time_is_up_and_goes_on_where_it_stopped(project):
    assert "8 step(s) left" in program(project, "--seconds", "0")
    first = program(project, "--seconds", "1")  # the first step takes longer
    assert "tiny-imagenet/split.csv" in first
    rest = program(project)
    assert "tiny-imagenet/split.csv" not in rest
    assert "0 step(s) left" in rest
    work = project / "work"
    for data in ("cifar10", "ham10000"):
        page = (work / f"tables/{data}.md").read_text()
        assert "| resnet18 | lradapt |" in page
        assert (work / f"tables/{data}/figure-5-confusion-resnet18-lradapt.png").exists()
    run_of_it = read_json(work / "ham10000/runs/0-resnet18-lradapt.json")
    assert run_of_it["machine"]["precision"] == "fp32"
    assert run_of_it["backbone"]["detail"] == "whole-resnet18.safetensors"
    assert read_json(work / "bodies/resnet18.json")["epochs"] == 1
