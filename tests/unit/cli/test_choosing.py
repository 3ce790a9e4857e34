"""The engine as an import measures and chooses it."""

from pathlib import Path

import pytest
import torch
from test_tune_engine import tiny

from lradapt.cli import choosing
from lradapt.config.params import Params
from lradapt.config.presets import changed
from lradapt.config.validation import validate
from lradapt.config.yaml_files import read_yaml
from lradapt.training import tune_engine
from lradapt.training.tune_engine import Combination, Effect, Measured, Timed, Tuning

PARAMS = Path(__file__).parents[3] / "params.yaml"
PRESENT = Combination("fp32", "channels_last", 2)
OTHER = Combination("bf16", "contiguous", 4)


def tuning(*rates):
    """A measurement of these rates, the present settings first; the fastest is recommended."""
    both = zip((PRESENT, OTHER), rates, strict=False)
    found = [Measured(one, Effect(0, 0), (Timed(rate, 1.0),)) for one, rate in both]
    return Tuning(tuple(found), {}, max(found, key=lambda one: one.rate).combination)


def values(found):
    return {choice.key: choice.value for choice in choosing.engine_choices(found)}


def test_faster_settings_are_chosen_and_both_rates_are_the_reason():
    found = tuning(10.0, 20.0)
    assert values(found) == {
        "engine.precision": "bf16",
        "engine.threads": 4,
        "engine.memory_format": "contiguous",
    }
    (reason,) = {choice.reason for choice in choosing.engine_choices(found)}
    assert reason == "measured: 20.0 images/s in training steps, 10.0 with the settings before"


@pytest.mark.parametrize(
    ("rates", "reason"),
    [((19.5, 20.0), "measured: 19.5 images/s"), ((19.5,), "no other settings could be measured")],
)
def test_settings_that_are_as_fast_as_any_stay(rates, reason):
    found = tuning(*rates)
    assert values(found)["engine.memory_format"] == "channels_last"
    assert all(choice.reason.startswith(reason) for choice in choosing.engine_choices(found))


@pytest.fixture
def tried(monkeypatch):
    """The combinations that were measured, the present one first; and for how long."""
    asked = []

    def tune(work, device, combinations, **limits):
        asked.append((combinations, work.batch_size, limits))
        return tuning(1.0)

    monkeypatch.setattr(tune_engine, "tune", tune)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(4)))
    return asked


def measured(own=()):
    values = changed(read_yaml(PARAMS), {"engine": {"device": "cpu"}})
    record = {k: v for k, v in values["chosen_by_import"].items() if k not in own}
    values["chosen_by_import"] = record
    return choosing._measured(validate(Params, values, PARAMS), values)


def test_the_present_settings_are_measured_first_then_others_in_a_bounded_time(tried):
    measured()
    ((combinations, batch, limits),) = tried
    assert combinations[0] == PRESENT
    assert len(set(combinations)) == len(combinations) == 8
    assert {one.threads for one in combinations} == {2, 4}
    assert (batch, limits) == (4, {"seconds": 0, "at_most": 20.0})


def test_settings_that_a_person_has_set_are_not_varied(tried):
    measured(own=["engine.threads", "engine.precision"])
    ((combinations, *_),) = tried
    assert combinations == [PRESENT, Combination("fp32", "contiguous", 2)]


@pytest.mark.slow
def test_it_measures_steps_of_this_project(monkeypatch):
    monkeypatch.setattr(tune_engine, "build", tiny)
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
        found = choosing._measured(validate(Params, values, PARAMS), values)
    finally:
        torch.set_num_threads(before)
    assert [choice.key for choice in found] == [
        "engine.precision",
        "engine.threads",
        "engine.memory_format",
    ]
    assert found[0].reason.endswith(("in training steps", "with the settings before"))
