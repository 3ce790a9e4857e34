import json
from pathlib import Path

import pytest
import torch
import yaml
from tiny_network import tiny

from lradapt.config.params import Params
from lradapt.config.validation import validate
from lradapt.training.engine_tuning import step

ROOT = Path(__file__).parents[3]
LAYERS = {"head": "fc", "early": "^conv1", "late": "^conv2"}


@pytest.fixture(autouse=True)
def _project(tmp_path, monkeypatch):
    """A project with a network of two layers, on one core."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["model"] = {"architecture": "tiny", "layers": LAYERS, "reads": "last"}
    values["data"]["input_size"] = 8
    values["engine"] = {
        "device": "cpu",
        "precision": "fp32",
        "threads": 1,
        "memory_format": "channels_last",
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    monkeypatch.setattr(step, "build", tiny)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_what_is_recommended_stands_in_the_json_and_nothing_is_written(lradapt, tmp_path):
    before = (tmp_path / "params.yaml").read_bytes()
    output = lradapt("tune-engine", "--json", "--seconds", "1")
    found = json.loads(output.out)
    combinations = [one["combination"] for one in found["measured"]]
    assert len(combinations) == 4
    assert found["recommended"] in combinations
    assert found["present"] == combinations[1]
    assert found["measured"][0]["effect"] == {"loss": 0.0, "gradients": 0.0}
    assert list(tmp_path.iterdir()) == [tmp_path / "params.yaml"]
    assert (tmp_path / "params.yaml").read_bytes() == before


def test_the_lines_to_set_are_those_of_params_yaml(lradapt, tmp_path):
    output = lradapt("tune-engine", "--seconds", "1")
    assert output.code == 0
    assert "tiny, 8 px, batches of 64 on cpu" in output.out
    lines = output.out.partition("For params.yaml:")[2].partition("Nothing was written")[0]
    values = yaml.safe_load((tmp_path / "params.yaml").read_text())
    values["engine"] |= yaml.safe_load(lines)["engine"]
    validate(Params, values, Path("params.yaml"))
    (marked,) = [line for line in output.out.splitlines() if line.startswith("│ >")]
    assert f" {', '.join(str(value) for value in reordered(lines))} " in marked


def reordered(lines):
    """The recommended values in the order of the table."""
    engine = yaml.safe_load(lines)["engine"]
    return engine["precision"], engine["memory_format"], engine["threads"]
