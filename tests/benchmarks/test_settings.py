from pathlib import Path

import pytest
import yaml

from benchmarks.settings import (
    ConventionalSettings,
    SchemeSettings,
    load_benchmark,
    with_architecture,
)
from lradapt.config.params import Params
from lradapt.config.presets import PAPER, changed
from lradapt.config.validation import validate
from lradapt.config.yaml_files import read_yaml
from lradapt.errors import ParamsError

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "benchmarks/params.yaml"


@pytest.fixture
def load(tmp_path):
    """A function: load the shipped settings with some keys changed."""

    def loaded(changes):
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(changed(yaml.safe_load(SHIPPED.read_text()), changes)))
        return load_benchmark(path)

    return loaded


def test_the_shipped_settings_are_valid_and_hold_the_paper_s_arms():
    benchmark = load_benchmark(SHIPPED)
    assert isinstance(benchmark.settings["conventional"], ConventionalSettings)
    assert benchmark.settings["conventional"].rates == [0.01, 0.001]
    assert isinstance(benchmark.settings["paper"], SchemeSettings)


@pytest.mark.parametrize("arm", ["paper", "lradapt"])
def test_each_shipped_arm_of_the_scheme_gives_valid_params(arm):
    values = read_yaml(ROOT / "params.yaml")
    settings = load_benchmark(SHIPPED).settings[arm]
    params = validate(Params, settings.applied_to(values), Path("params.yaml"))
    if arm == "paper":
        assert params.body_rates.rates == (1e-4, 1e-3, 1e-2)
        assert params.finetune.batch_size == params.train_head.batch_size == 32
    else:
        assert params == validate(Params, values, Path("params.yaml"))


@pytest.mark.parametrize(
    ("arms", "found"),
    [(["paper", "lradapt"], "0 arms .*none"), (["slow", "conventional"], r"2 arms .*slow, conv")],
)
def test_one_arm_is_conventional(load, arms, found):
    slow = load_benchmark(SHIPPED).settings["conventional"].model_dump()
    with pytest.raises(ParamsError, match=f"arms has {found}"):
        load({"arms": arms, "settings": {"slow": slow}})


def test_an_arm_without_settings_is_named(load):
    with pytest.raises(ParamsError, match="no settings for turbo"):
        load({"arms": ["paper", "turbo"]})


def test_changes_of_an_arm_go_before_its_preset():
    settings = SchemeSettings(preset="paper", changes={"finetune": {"batch_size": 8}})
    applied = settings.applied_to({"finetune": {"batch_size": 64, "l2": 0.1}, "seed": 3})
    finetune = {
        **PAPER["finetune"],
        "start": "backbone",
        "processes": 1,
        "batch_size": 8,
        "l2": 0.1,
    }
    assert applied["finetune"] == finetune
    assert applied["seed"] == 3


def test_an_arm_starts_from_the_backbone_in_one_process_whatever_params_yaml_says():
    applied = SchemeSettings(preset=None, changes={}).applied_to(
        {"finetune": {"start": "champion", "processes": 4}}
    )
    assert applied == {"finetune": {"start": "backbone", "processes": 1}}


def test_the_conventional_arm_reads_the_last_layer_alone():
    settings = load_benchmark(SHIPPED).settings["conventional"]
    values = {"model": {"architecture": "resnet18", "reads": "stages"}, "seed": 1}
    applied = settings.applied_to(values)
    assert applied == {"model": {"architecture": "resnet18", "reads": "last"}, "seed": 1}


def test_the_project_s_network_is_compared_unless_another_is_named():
    values = {"model": {"architecture": "resnet18", "reads": "last"}, "seed": 1}
    assert with_architecture(values, "project") == values
    other = with_architecture(values, "timm/resnet50")
    assert other["model"] == {"architecture": "timm/resnet50", "reads": "last"}
