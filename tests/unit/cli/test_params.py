import json
import shutil
from pathlib import Path

import pytest
import releases
from typer.testing import CliRunner

from lradapt.cli import params as commands
from lradapt.cli.app import app
from lradapt.config.params import load_params
from lradapt.config.params_text import with_values
from lradapt.config.presets import changed
from lradapt.config.yaml_files import read_yaml
from lradapt.errors import ParamsError
from lradapt.registry import open_registry

SHIPPED = Path(__file__).parents[3] / "params.yaml"


@pytest.fixture
def params(tmp_path):
    return Path(shutil.copy(SHIPPED, tmp_path / "params.yaml"))


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_paper_s_settings_are_written_and_each_change_is_shown(params):
    done = run("preset", "paper", "--params", params)
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        "find_lr.rule: edge -> steepest",
        "train_head.batch_size: 64 -> 32",
        "body_rates.rates: [0.003, 0.01, 0.03] -> [0.0001, 0.001, 0.01]",
        "finetune.batch_size: 64 -> 32",
        f"{params}: 4 value(s) changed",
    ]
    found = load_params(params)
    assert found.body_rates.rates == (1e-4, 1e-3, 1e-2)
    assert found.find_lr.rule == "steepest"


def test_as_json_a_preset_says_each_change(params):
    output = json.loads(run("preset", "paper", "--json", "--params", params).output)
    assert output == {
        "params": str(params),
        "changes": {
            "find_lr.rule": {"from": "edge", "to": "steepest"},
            "train_head.batch_size": {"from": 64, "to": 32},
            "body_rates.rates": {"from": [0.003, 0.01, 0.03], "to": [0.0001, 0.001, 0.01]},
            "finetune.batch_size": {"from": 64, "to": 32},
        },
    }
    assert json.loads(run("preset", "paper", "--json", "--params", params).output)["changes"] == {}


UNLIKE = {
    "model": {"reads": "stages"},
    "find_lr": {"rule": "valley"},
    "activations": {"num_views": 4},
    "train_head": {"method": "exact", "batch_size": 8, "max_epochs": 5},
    "body_rates": {"source": "found", "rates": [0.1, 0.2, 0.3]},
    "finetune": {
        "batch_size": 8,
        "num_cycles": 9,
        "first_cycle_epochs": 4,
        "cycle_growth": 1,
        "optimizer": "adamw",
        "batchnorm": "frozen",
        "choose_by": "loss",
        "stop": "no_gain",
        "lower_rates": 2,
        "target_accuracy": 0.5,
    },
    "imbalance": "class_weights",
}
PAPER = {
    "model": {"reads": "last"},
    "find_lr": {"rule": "steepest"},
    "activations": {"num_views": 1},
    "train_head": {"method": "sgd", "batch_size": 32, "max_epochs": 10},
    "body_rates": {"source": "given", "rates": [0.0001, 0.001, 0.01]},
    "finetune": {
        "batch_size": 32,
        "num_cycles": 3,
        "first_cycle_epochs": 1,
        "cycle_growth": 2,
        "optimizer": "sgd",
        "batchnorm": "batch",
        "choose_by": "balanced_accuracy",
        "stop": "never",
        "lower_rates": 0,
        "target_accuracy": None,
    },
    "imbalance": "none",
}


def test_whatever_the_settings_were_they_become_the_paper_s_and_the_others_stay(params):
    shipped = read_yaml(params)
    params.write_text(with_values(params.read_text(), UNLIKE))
    assert read_yaml(params) == changed(shipped, UNLIKE)
    done = run("preset", "paper", "--params", params)
    assert done.output.splitlines()[-2:] == [
        "imbalance: class_weights -> none",
        f"{params}: 19 value(s) changed",
    ]
    assert read_yaml(params) == changed(shipped, PAPER)


def test_a_preset_that_gives_faults_is_refused_and_nothing_is_written(params, monkeypatch):
    monkeypatch.setitem(commands.PRESETS, "broken", {"seed": -1})
    done = run("preset", "broken", "--params", params)
    assert isinstance(done.exception, ParamsError)
    assert params.read_text() == SHIPPED.read_text()


def test_values_are_set_in_place_with_quotes_long_lines_and_nulls_as_they_stand():
    numbers = ", ".join(str(number) for number in range(100))
    text = f"name: 'a'\nlong: [{numbers}]\nold: null\nkept: # a remark\n  one: 1\n  two: [1, 2]\n"
    found = with_values(text, {"kept": {"two": [3, 4, 5], "three": None}, "old": 2})
    assert found == (
        f"name: 'a'\nlong: [{numbers}]\nold: 2\n"
        "kept: # a remark\n  one: 1\n  two: [3, 4, 5]\n  three: null\n"
    )


def test_changes_go_into_sections_key_by_key_and_replace_whatever_else():
    values = {"a": {"x": 1, "y": {"z": 2}}, "b": 3, "c": {"d": 4}, "e": 5}
    changes = {"a": {"y": {"z": 6}, "new": 7}, "c": 8, "e": {"f": 9}, "g": {"h": 10}}
    assert changed(values, changes) == {
        "a": {"x": 1, "y": {"z": 6}, "new": 7},
        "b": 3,
        "c": 8,
        "e": {"f": 9},
        "g": {"h": 10},
    }
    assert values["a"] == {"x": 1, "y": {"z": 2}}


def test_comments_and_everything_else_stay_as_they_are(params):
    before = params.read_text().splitlines()
    run("preset", "paper", "--params", params)
    after = params.read_text().splitlines()
    assert len(after) == len(before)
    comments = [line.partition("#")[2] for line in before]
    assert [line.partition("#")[2] for line in after] == comments
    changed = [
        line.split(":")[0].strip() for line, old in zip(after, before, strict=True) if line != old
    ]
    assert set(changed) == {"rule", "batch_size", "rates"}


def test_a_second_time_changes_nothing(params):
    run("preset", "paper", "--params", params)
    text = params.read_text()
    assert run("preset", "paper", "--params", params).output == f"{params}: unchanged\n"
    assert params.read_text() == text


def test_an_unknown_preset_is_answered_with_the_known_ones(params):
    done = run("preset", "turbo", "--params", params)
    assert done.exit_code == 2
    assert "expected one of: paper" in done.output
    assert params.read_text() == SHIPPED.read_text()


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("seed: 0", "seed: -1"), ("rule: edge", "rule: nonsense")],  # the preset sets the second
)
def test_a_file_with_faults_is_left_as_it_is(params, right, wrong):
    params.write_text(params.read_text().replace(right, wrong, 1))
    text = params.read_text()
    done = run("preset", "paper", "--params", params)
    assert isinstance(done.exception, ParamsError)
    assert params.read_text() == text


def test_a_section_that_is_missing_is_named():
    with pytest.raises(ParamsError, match="no section finetune"):
        with_values("seed: 0\n", {"finetune": {"batch_size": 1}})


def publish(tmp_path, params, version=b"one"):
    registry = open_registry(str(tmp_path / "registry"))
    name = releases.publish(registry, version, params=params)
    releases.promote(registry, name)
    return name


def test_the_recipe_in_production_comes_back_and_what_judges_stays(params, tmp_path):
    then = changed(read_yaml(params), {"seed": 3, "finetune": {"num_cycles": 5}})
    judged = {
        "gate": {"margin": 0.1},
        "split": {"validation_share": 0.3},
        "report": {"mistakes": 50},
    }
    publish(tmp_path, changed(then, judged))
    done = run("recipe", "--params", params, "--registry", tmp_path / "registry")
    assert (done.exit_code, done.output.splitlines()) == (
        0,
        ["seed: 0 -> 3", "finetune.num_cycles: 3 -> 5", f"{params}: 2 value(s) changed"],
    )
    assert "# flows/watch_labels.py retrains" in params.read_text()


def test_the_recipe_of_a_named_version_is_set(params, tmp_path):
    one = publish(tmp_path, changed(read_yaml(params), {"seed": 1}))
    publish(tmp_path, changed(read_yaml(params), {"seed": 2}), b"two")
    run("recipe", one, "--params", params, "--registry", tmp_path / "registry")
    assert load_params(params).seed == 1


def test_a_recipe_with_keys_of_former_times_is_refused_and_nothing_is_written(params, tmp_path):
    before = params.read_text()
    publish(tmp_path, changed(read_yaml(params), {"finetune": {"sorcery": 5}}))
    done = run("recipe", "--params", params, "--registry", tmp_path / "registry")
    assert isinstance(done.exception, ParamsError)
    assert "sorcery" in str(done.exception)
    assert params.read_text() == before


def test_what_a_preset_does_not_change_stays_as_written(params):
    names = "{~: 0.5, True: 0.5, 007: 0.5, 12:30: 0.5, +1: 0.5, 0x1F: 0.5, 2024-01-01: 0.5}"
    text = params.read_text().replace("min_recall: {}", f"min_recall: {names}")
    assert with_values(text, {"seed": 1}) == text.replace("seed: 0", "seed: 1")
    params.write_text(text)
    assert run("preset", "paper", "--params", params).exit_code == 0
    assert f"min_recall: {names}" in params.read_text()
    assert "~" in load_params(params).gate.min_recall
