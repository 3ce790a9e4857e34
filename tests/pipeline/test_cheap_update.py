"""The stages `ingest` and `activations` with and without what the run before them has left."""

import importlib
import re
import shutil

import pytest
import yaml
from PIL import Image

from lradapt.config import paths as layout
from lradapt.data.images import ingest_file
from lradapt.networks.architectures import ARCHITECTURES
from lradapt.networks.backbone import import_backbone
from lradapt.training.activations import FrozenBody
from tests.projects import ROOT, SMALL, draw

pytestmark = pytest.mark.slow

PROJECT = yaml.safe_load((ROOT / "dvc.yaml").read_text())
PATHS = layout.read_paths(ROOT / "dvc.yaml").as_dict()
STORE = PATHS["store"]
OUTPUTS = [PATHS[name] for name in ("pixels", "table", "activations")]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Sixty small pictures and a body, two views of each image, in the current folder."""
    monkeypatch.chdir(tmp_path)
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    for section, changes in {**SMALL, "activations": {"num_views": 2}}.items():
        values[section] |= changes
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    draw(tmp_path)
    import_backbone("none", ARCHITECTURES["resnet18"], PATHS["backbone"])
    return tmp_path


@pytest.fixture
def made(monkeypatch):
    """A function: run both stages; the bytes of their outputs, and how many images each took."""
    counts = {"decoded": 0, "forwarded": 0}
    decode, forward = ingest_file.decode_with_storage, FrozenBody.__call__

    def counting_decode(content, **options):
        counts["decoded"] += 1
        return decode(content, **options)

    def counting_forward(self, pixels, keys):
        counts["forwarded"] += len(pixels)
        return forward(self, pixels, keys)

    monkeypatch.setattr(ingest_file, "decode_with_storage", counting_decode)
    monkeypatch.setattr(FrozenBody, "__call__", counting_forward)

    def run():
        counts.update(decoded=0, forwarded=0)
        for stage in ("ingest", "activations"):
            command = PROJECT["stages"][stage]["cmd"]
            words = re.findall(r"--([\w-]+) \$\{path\.(\w+)\}", command)
            main = importlib.import_module(f"lradapt.stages.{stage}").main
            for path in OUTPUTS[:2] if stage == "ingest" else OUTPUTS[2:]:
                path.unlink(missing_ok=True)  # as DVC does
            main(**{option: PATHS[path] for option, path in words})
        return [path.read_bytes() for path in OUTPUTS], (counts["decoded"], counts["forwarded"])

    return run


def add(num):
    for number in range(num):
        picture = Image.new("RGB", (20, 20), (200, 30, number))
        picture.save(PATHS["images"] / "b" / f"new{number}.png")


WITNESSES = 15  # of sixty known images every fourth is computed again, to be compared


def test_new_images_decode_and_forward_only_themselves(project, made):
    assert made()[1] == (60, 60)
    add(3)
    outputs, counts = made()
    assert counts == (3, 3 + WITNESSES)
    shutil.rmtree(STORE)
    assert made() == (outputs, (63, 63)), "the store has changed an output"


def test_the_store_follows_a_removal_and_a_second_addition(project, made):
    made()
    (PATHS["images"] / "r" / "00.png").unlink()
    add(2)
    assert made()[1] == (2, 2 + WITNESSES)
    add(5)
    outputs, counts = made()
    assert counts == (3, 3 + WITNESSES + 1)
    shutil.rmtree(STORE)
    assert made()[0] == outputs


@pytest.mark.parametrize("name", ["*.npy", "*.csv", "*.json"])
def test_a_damaged_store_changes_no_output_and_is_made_anew(project, made, name, caplog):
    outputs, _ = made()
    for path in STORE.glob(name):
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content[: len(content) // 2])
    assert made()[0] == outputs
    assert "is damaged and was not used" in caplog.text
    assert made() == (outputs, (0, WITNESSES)), "the store was not made anew"


@pytest.mark.long
def test_another_precision_forwards_all_and_another_size_decodes_all_too(project, made):
    made()
    values = yaml.safe_load((project / "params.yaml").read_text())
    values["engine"]["precision"] = "bf16"
    (project / "params.yaml").write_text(yaml.safe_dump(values))
    assert made()[1] == (0, 60)
    values["data"]["input_size"] = 20
    (project / "params.yaml").write_text(yaml.safe_dump(values))
    assert made()[1] == (60, 60)
