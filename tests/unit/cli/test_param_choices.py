"""The engine as an import measures and chooses it."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from tiny_network import tiny

from lradapt.cli import param_choices
from lradapt.config.params import Params
from lradapt.config.presets import changed
from lradapt.config.validation import validate
from lradapt.config.yaml_files import read_yaml
from lradapt.training.engine_tuning import step
from lradapt.training.engine_tuning import tune as tune_module
from lradapt.training.engine_tuning.combinations import Combination, Effect, Measured, Timed, Tuning

PARAMS = Path(__file__).parents[3] / "params.yaml"
PRESENT = Combination("fp32", "channels_last", 2)
OTHER = Combination("bf16", "contiguous", 4)


def tuning(*rates, left_out=()):
    """A measurement of these rates, the present settings first; the fastest is recommended."""
    both = zip((PRESENT, OTHER), rates, strict=False)
    found = [Measured(one, Effect(0, 0), (Timed(rate, 1.0),)) for one, rate in both]
    return Tuning(tuple(found), dict(left_out), max(found, key=lambda one: one.rate).combination)


def values(found):
    return {choice.key: choice.value for choice in param_choices.engine_choices(found)}


def reasons(found):
    return {
        choice.key.removeprefix("engine."): choice.reason
        for choice in param_choices.engine_choices(found)
    }


def test_faster_settings_are_chosen_and_both_rates_are_the_reason():
    found = tuning(10.0, 20.0)
    assert values(found) == {
        "engine.precision": "bf16",
        "engine.threads": 4,
        "engine.memory_format": "contiguous",
    }
    rates = "measured: 20.0 images/s in training steps, 10.0 with the settings before"
    assert reasons(found) == {
        "precision": f"{rates}; fp32: at most 10.0 images/s",
        "threads": f"{rates}; 2: at most 10.0 images/s",
        "memory_format": f"{rates}; channels_last: at most 10.0 images/s",
    }


def test_settings_that_are_as_fast_as_any_stay():
    found = tuning(19.5, 20.0)
    assert values(found)["engine.memory_format"] == "channels_last"
    assert reasons(found)["threads"] == (
        "measured: 19.5 images/s in training steps; 4: at most 20.0 images/s"
    )


def test_of_a_value_that_was_measured_twice_the_higher_rate_counts():
    found = tuning(10.0, 9.0)
    slower = Measured(Combination("bf16", "channels_last", 2), Effect(0, 0), (Timed(4.0, 1.0),))
    found = replace(found, measured=(*found.measured, slower))
    assert reasons(found)["precision"].endswith("; bf16: at most 9.0 images/s")


def test_each_value_that_could_not_be_measured_says_why():
    slow, later = "a step took 47.1 s, the fastest so far 0.9", "slower than one left out above"
    bf16 = Combination("bf16", "channels_last", 2)
    found = tuning(4.0, left_out={bf16: slow, OTHER: later}.items())
    rate = "measured: 4.0 images/s in training steps"
    assert reasons(found) == {
        "precision": f"{rate}; bf16: {slow}",
        "threads": f"{rate}; 4: {later}",
        "memory_format": f"{rate}; contiguous: {later}",
    }


@pytest.fixture
def tried(monkeypatch):
    """The combinations that were measured, the present one first; and for how long."""
    asked = []

    def tune(work, device, combinations, **limits):
        asked.append((combinations, work.batch_size, limits))
        return tuning(1.0)

    monkeypatch.setattr(tune_module, "tune", tune)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(4)))
    return asked


def measured(own=()):
    values = changed(read_yaml(PARAMS), {"engine": {"device": "cpu"}})
    record = {k: v for k, v in values["chosen_by_import"].items() if k not in own}
    values["chosen_by_import"] = record
    return param_choices._measured(validate(Params, values, PARAMS), values)


def test_the_present_settings_are_measured_first_then_others_in_a_bounded_time(tried):
    measured()
    ((combinations, batch, limits),) = tried
    assert combinations[0] == PRESENT
    assert len(set(combinations)) == len(combinations) == 9
    assert {one.threads for one in combinations[2:]} == {2, 4}
    assert (batch, limits) == (4, {"seconds": 0, "at_most": 20.0})


def test_one_thread_is_measured_second_since_several_wait_for_each_other_on_a_busy_machine(tried):
    measured()
    ((combinations, *_),) = tried
    assert combinations[1] == Combination("fp32", "channels_last", 1)
    assert [one.threads for one in combinations].count(1) == 1


def test_on_two_cores_one_thread_is_measured_once(tried, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    measured()
    ((combinations, *_),) = tried
    assert [one.threads for one in combinations] == [2, 1, 2, 2, 2]


def test_on_a_gpu_threads_are_not_varied(tried, monkeypatch):
    gpu = SimpleNamespace(device=torch.device("cuda"))
    monkeypatch.setattr("lradapt.compute.engine.set_engine", lambda **_: gpu)
    measured()
    ((combinations, *_),) = tried
    assert {one.threads for one in combinations} == {2}


def test_settings_that_a_person_has_set_are_not_varied(tried):
    measured(own=["engine.threads", "engine.precision"])
    ((combinations, *_),) = tried
    assert combinations == [PRESENT, Combination("fp32", "contiguous", 2)]


@pytest.mark.slow
def test_it_measures_steps_of_this_project(monkeypatch):
    monkeypatch.setattr(step, "build", tiny)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    before = torch.get_num_threads()
    try:
        values = changed(
            read_yaml(PARAMS),
            {
                "data": {"input_size": 8},
                "engine": {"device": "cpu", "threads": 1},
                "model": {
                    "architecture": "tiny",
                    "layers": {"head": "fc", "early": "^conv1", "late": "^conv2"},
                },
            },
        )
        found = param_choices._measured(validate(Params, values, PARAMS), values)
    finally:
        torch.set_num_threads(before)
    assert [choice.key for choice in found] == [
        "engine.precision",
        "engine.threads",
        "engine.memory_format",
    ]
    assert "; bf16: " in found[0].reason or "; fp32: " in found[0].reason
