import os
import time

import pytest

from benchmarks.clock import Clock
from benchmarks.measuring import Elapsed
from lradapt.runtime.progress_file import VARIABLE
from lradapt.stages.epochs import epoch_reporter
from lradapt.training.records import Epoch, Step
from lradapt.training.scoring import Score


def epoch(number, accuracy):
    return Epoch(number, (Step(0, (0.1,), 1.0),), Score(1.0, accuracy, accuracy / 2, 1.0))


def test_seconds_count_to_the_phase_they_were_spent_in(monkeypatch):
    moments = {"perf_counter": [0.0, 1.0, 4.0], "process_time": [0.0, 0.5, 0.75]}
    now = {name: 0 for name in moments}

    def pass_on():
        for name in now:
            now[name] += 1

    for name, seconds in moments.items():
        monkeypatch.setattr(time, name, lambda n=name, s=seconds: float(sum(s[: now[n] + 1])))
    clock = Clock()
    for name in ("a", "b"):
        with clock.phase(name):
            pass_on()
    monkeypatch.undo()
    assert clock.phases == {"a": Elapsed(1.0, 0.5), "b": Elapsed(4.0, 0.75)}
    assert clock.total() == Elapsed(5.0, 1.25)


@pytest.mark.parametrize("followed", [False, True])
def test_each_epoch_is_a_point_at_its_moment_and_in_its_phase(tmp_path, monkeypatch, followed):
    if followed:
        (tmp_path / "lines").write_text('{"epoch": 9, "accuracy": 0.1}\n')
        monkeypatch.setenv(VARIABLE, str(tmp_path / "lines"))
    clock = Clock()
    with clock.phase("head"):
        epoch_reporter(None)(epoch(0, 0.5))
    with clock.phase("fine-tuning"):
        report = epoch_reporter(2)
        report(epoch(0, 0.6))
        time.sleep(0.05)
        report(epoch(1, 0.7))
    assert (VARIABLE in os.environ) == followed
    found = [(p.phase, p.epoch, p.accuracy, p.balanced_accuracy, p.loss) for p in clock.points]
    assert found == [
        ("head", 1, 0.5, 0.25, 1.0),
        ("fine-tuning", 1, 0.6, 0.3, 1.0),
        ("fine-tuning", 2, 0.7, 0.35, 1.0),
    ]
    times = [point.at.seconds for point in clock.points]
    assert times[2] - times[1] >= 0.05
    assert times == sorted(times)


def test_an_epoch_without_a_validation_split_is_no_point():
    clock = Clock()
    with clock.phase("head"):
        epoch_reporter(None)(Epoch(0, (Step(0, (0.1,), 1.0),), None))
    assert clock.points == []
