"""Classes in params.yaml that no label has: reported by `lradapt check` and by stage `code`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lradapt.cli import app, exit_codes
from lradapt.errors import ParamsError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path, monkeypatch, random_image):
    """A project with three pictures each of cat and dog; commands run in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text((ROOT / "dvc.yaml").read_text())
    lines = ["image,label"]
    for seed in range(6):
        path = tmp_path / "data/images" / f"{seed}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        random_image(seed).save(path)
        lines.append(f"{path.name},{'cat' if seed < 3 else 'dog'}")
    (tmp_path / "data/labels.csv").write_text("\n".join(lines) + "\n")
    name_class()
    return tmp_path


def name_class(floors="{}", renamed="{}", floors_in="{}"):
    text = (ROOT / "params.yaml").read_text()
    values = {"min_recall": floors, "min_recall_in": floors_in, "renamed": renamed}
    for key, value in values.items():
        assert f"  {key}: {{}}" in text
        text = text.replace(f"  {key}: {{}}", f"  {key}: {value}")
    Path("params.yaml").write_text(text)


def lradapt(*words):
    return CliRunner().invoke(app.app, words, catch_exceptions=False)


def test_a_floor_of_a_class_that_exists_is_no_refusal(project):
    name_class("{cat: 0.5}")
    assert lradapt("check").exit_code == 0
    assert lradapt("code").exit_code == 0


@pytest.mark.parametrize(
    ("floors", "renamed", "message"),
    [
        ("{Cat: 0.5}", "{}", "gate.min_recall: 'Cat' is no class; nearest: 'cat'"),
        ("{}", "{mole: dgo}", "gate.renamed, new name of 'mole': 'dgo' is no class; nearest: 'do"),
    ],
)
def test_a_class_that_is_none_is_refused_by_both(project, floors, renamed, message):
    name_class(floors, renamed)
    checked = lradapt("check", "--json")
    assert checked.exit_code == exit_codes.DATA_FAULTS
    printed = json.loads(checked.stdout)
    assert printed["stops"]
    assert message in printed["refusal"]
    with pytest.raises(ParamsError, match="names classes that do not exist") as refused:
        lradapt("code")
    assert message in str(refused.value)
    assert not Path("build/code.json").exists()


def test_a_class_of_a_slice_is_checked_too(project):
    name_class(floors_in="{site: {Wien: {cta: 0.5}}}")
    with pytest.raises(
        ParamsError, match="min_recall_in, site Wien: 'cta' is no class; nearest: 'c"
    ):
        lradapt("code")


def test_an_old_name_is_not_checked_without_the_registry(project):
    name_class(renamed="{mole: cat}")
    assert lradapt("check").exit_code == 0
    assert lradapt("code").exit_code == 0


def test_labels_that_cannot_be_read_are_left_to_stage_split(project):
    name_class("{Cat: 0.5}")
    labels = Path("data/labels.csv")
    labels.write_text("image,label\n0.png,\n")
    assert lradapt("code").exit_code == 0
    labels.unlink()
    assert lradapt("code").exit_code == 0


def test_a_project_without_params_or_graph_has_nothing_to_compare(project):
    name_class("{Cat: 0.5}")
    Path("params.yaml").write_text("gate: 3\n")
    assert lradapt("code").exit_code == 0
    Path("params.yaml").unlink()
    assert lradapt("code").exit_code == 0
