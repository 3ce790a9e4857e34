import json
from pathlib import Path

import pytest
import yaml

from lradapt.config.code_file import read_code_path, write_code_file
from lradapt.stages import NAMES

ROOT = Path(__file__).parents[3]
PROJECT = """
vars: [{path: {code: made/code.json}}]
stages:
  code: {cmd: lradapt code, outs: [made/code.json]}
  sell: {cmd: sell, params: [seed, "${path.code}": [shop.sell]]}
  each: {matrix: {a: [1, 2]}, cmd: sell, params: ["${path.code}": [shop.sell, shop.till]]}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text(PROJECT)
    Path("shop").mkdir()
    Path("shop/sell.py").write_text("import shop.till\n")
    Path("shop/till.py").write_text("")
    return Path("dvc.yaml")


def test_the_file_has_the_code_of_each_module_that_a_stage_names(project):
    assert write_code_file(project) == read_code_path(project) == Path("made/code.json")
    shop = json.loads(Path("made/code.json").read_text())["shop"]
    assert list(shop["sell"]) == ["shop/sell.py", "shop/till.py"]
    assert list(shop["till"]) == ["shop/till.py"]


def test_a_file_that_is_up_to_date_is_not_written_again(project):
    path = write_code_file(project)
    before = path.stat().st_mtime_ns
    write_code_file(project)
    assert path.stat().st_mtime_ns == before
    Path("shop/till.py").write_text("OPEN = True\n")
    write_code_file(project)
    assert path.stat().st_mtime_ns != before


@pytest.mark.parametrize("text", ["", "stages: {}", "vars: [more.yaml, {path: {images: a}}]"])
def test_a_project_without_the_path_has_no_code_file(project, text):
    project.write_text(text)
    assert write_code_file(project) is None


def test_each_stage_of_this_project_names_its_own_module_and_the_stage_that_writes_the_code_none():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    named = {
        name: [
            entry["${path.code}"]
            for entry in stage.get("params", [])
            if isinstance(entry, dict) and "${path.code}" in entry
        ]
        for name, stage in stages.items()
    }
    assert named == {"code": [], **{name: [[f"lradapt.stages.{name}"]] for name in NAMES}}
