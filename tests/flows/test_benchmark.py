"""The comparison by its flow: the same generic tasks on another dvc.yaml."""

import sys

import pytest
import yaml

from lradapt.config.presets import changed
from lradapt.runtime.files import read_json
from tests.projects import dvc, run, stages_run

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def compared(known, by_server):
    """The project after the flow has compared two arms with one seed, and the output."""
    project = known
    path = project / "benchmarks/params.yaml"
    small = {
        "seeds": [0],
        "arms": ["conventional", "lradapt"],
        "settings": {
            "conventional": {"batch_size": 8, "max_epochs": 1},
        },
    }
    path.write_text(yaml.safe_dump(changed(yaml.safe_load(path.read_text()), small)))
    return project, run(project, sys.executable, "-m", "flows.benchmark").stdout


def test_the_flow_makes_the_tables_and_the_figures(compared):
    project, output = compared
    results = project / "benchmarks/results"
    assert "Table 1: conventional training" in output
    tables = (results / "tables.md").read_text()
    assert "seeds 0;" in tables
    assert "| resnet18 | lradapt |" in tables
    assert set(read_json(results / "tables.json")) == {"table_1", "table_2", "table_3"}
    names = sorted(path.name for path in (results / "runs").iterdir())
    assert names == ["0-project-conventional.json", "0-project-lradapt.json"]
    assert "figure-5-confusion-resnet18-lradapt.png" in [
        path.name for path in (results / "figures").iterdir()
    ]


def test_the_comparison_starts_from_the_project_s_own_body(compared):
    project, _ = compared
    own = (project / "data/backbone.safetensors").read_bytes()
    assert (project / "benchmarks/backbones/project.safetensors").read_bytes() == own


def test_once_made_the_comparison_is_up_to_date_and_retrain_does_not_see_it(compared):
    project, _ = compared
    by_hand = dvc(project, "repro", "benchmarks/dvc.yaml").stdout
    assert stages_run(by_hand) in ([], ["code"]), "which always runs"
    again = run(project, sys.executable, "-m", "flows.benchmark").stdout
    assert stages_run(again) in ([], ["code"])  # which always runs
    dry = dvc(project, "repro", "--dry", check=False)
    assert "benchmarks" not in dry.stdout
