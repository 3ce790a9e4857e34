"""docs/files.md names every file of dvc.yaml. test_stages.py compares what is in them."""

import yaml

from tests.docs.documents import ROOT
from tests.docs.files_page import described


def test_each_path_of_dvc_yaml_has_a_line():
    paths = yaml.safe_load((ROOT / "dvc.yaml").read_text())["vars"][0]["path"].values()
    named = {name.removesuffix("/") for name in described()}
    assert [path for path in paths if path not in named] == []
