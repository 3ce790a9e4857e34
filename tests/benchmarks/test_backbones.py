import shutil
from pathlib import Path

import pytest

from benchmarks.backbones import main, make_backbone
from lradapt.config.paths import read_paths
from lradapt.networks.architectures import ARCHITECTURES
from lradapt.networks.backbone import Origin, import_backbone, read_origin

ROOT = Path(__file__).parents[2]


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The project's own body, a random resnet18, in a copy of its settings; no network."""

    def refuse(*_, **__):
        raise OSError("no route to [host]")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)
    for name in ("params.yaml", "dvc.yaml", "benchmarks/params.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    body = read_paths().backbone
    import_backbone("none", ARCHITECTURES["resnet18"], body)
    return body


@pytest.fixture
def compare(own):
    """A function: let the benchmark compare on one architecture."""

    def chosen(architecture):
        path = Path("benchmarks/params.yaml")
        path.write_text(path.read_text().replace("[project]", f"[{architecture}]"))

    return chosen


def test_the_body_of_the_project_is_copied_and_that_of_another_architecture_brought(own):
    into = Path("bodies/timm/body.safetensors")
    assert make_backbone("resnet18", into, own) == Origin("resnet18", "none", "random weights")
    assert into.read_bytes() == own.read_bytes()
    brought = make_backbone("resnet34", into, own)
    assert (brought.architecture, brought.source) == ("resnet34", "none")
    assert "no route to [host]" in brought.detail
    assert read_origin(into) == brought


def test_without_a_body_of_the_project_one_is_brought(own):
    own.unlink()
    assert "no route to [host]" in make_backbone("resnet18", Path("body.safetensors"), own).detail


def test_bodies_that_are_missing_are_brought_and_those_that_are_there_left(own, compare, capsys):
    compare("resnet34")
    folder = Path("bodies[a]")
    main(folder)
    body = folder / "resnet34.safetensors"
    assert read_origin(body).architecture == "resnet34"
    assert capsys.readouterr().out.endswith("\nIt starts from random weights.\n")
    body.write_bytes(b"mine")
    main(folder)
    assert capsys.readouterr().out == ""
    assert body.read_bytes() == b"mine"


def test_the_copy_of_the_project_s_body_follows_it(own, compare, capsys):
    compare("project")
    folder = Path("bodies")
    main(folder)
    body = folder / "project.safetensors"
    assert body.read_bytes() == own.read_bytes()
    assert capsys.readouterr().out == (
        f"{body}: project, none (random weights)\nIt starts from random weights.\n"
    )
    main(folder)
    assert capsys.readouterr().out == "", "an unchanged copy was made again"
    import_backbone("none", ARCHITECTURES["resnet34"], own)
    params = Path("params.yaml")
    params.write_text(
        params.read_text().replace("architecture: resnet18", "architecture: resnet34")
    )
    main(folder)
    assert body.read_bytes() == own.read_bytes()
