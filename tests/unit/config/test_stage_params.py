from pathlib import Path

import pytest

from lradapt.config.params import load_params
from lradapt.config.stage_params import read_stage_params
from lradapt.errors import ParamsError

ROOT = Path(__file__).parents[3]
PARAMS = load_params(ROOT / "params.yaml")


def test_a_stage_has_the_values_that_it_lists_and_no_others():
    values = read_stage_params("train_head", PARAMS, ROOT / "dvc.yaml")
    assert list(values) == ["seed", "engine", "imbalance", "train_head"]
    assert values["engine"] == PARAMS.engine.model_dump(mode="json")
    ingest = read_stage_params("ingest", PARAMS, ROOT / "dvc.yaml")
    assert ingest == {"data.input_size": 24, "data.max_megapixels": 80, "data.fit": "crop"}


def test_without_a_dvc_yaml_all_values_count(tmp_path):
    assert read_stage_params("any", PARAMS, tmp_path / "dvc.yaml") == PARAMS.model_dump(mode="json")


def test_a_stage_or_a_param_that_does_not_exist_is_an_error(tmp_path):
    project = tmp_path / "dvc.yaml"
    project.write_text("stages: {sell: {params: [seed, data.price]}}")
    with pytest.raises(ParamsError, match=r"has no stage buy; it has sell"):
        read_stage_params("buy", PARAMS, project)
    with pytest.raises(ParamsError, match=r"lists the param data\.price, which does not exist"):
        read_stage_params("sell", PARAMS, project)
