import logging
import time

from benchmarks.clock import Clock, Moment
from lradapt.training.loop import Epoch, Score

log = logging.getLogger("lradapt.training.loop")


def tell(number, accuracy):
    score = Score(1.0, accuracy, accuracy / 2)
    log.info("epoch", extra={"epoch": Epoch(number, (), score)})


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
    assert clock.phases == {"a": Moment(1.0, 0.5), "b": Moment(4.0, 0.75)}


def test_each_epoch_is_a_point_at_its_moment_and_in_its_phase():
    clock = Clock()
    with clock.phase("head"):
        tell(0, 0.5)
    with clock.phase("fine-tuning"):
        tell(0, 0.6)
        time.sleep(0.05)
        tell(1, 0.7)
    tell(2, 0.8)  # outside every phase
    found = [(p.phase, p.epoch, p.accuracy, p.balanced_accuracy) for p in clock.points]
    assert found == [
        ("head", 1, 0.5, 0.25),
        ("fine-tuning", 1, 0.6, 0.3),
        ("fine-tuning", 2, 0.7, 0.35),
    ]
    times = [point.at.seconds for point in clock.points]
    assert times[2] - times[1] >= 0.05
    assert times == sorted(times)


def test_an_epoch_without_a_side_that_judges_is_no_point():
    clock = Clock()
    with clock.phase("head"):
        log.info("epoch", extra={"epoch": Epoch(0, (), None)})
        log.info("something else")
    assert clock.points == []


def test_a_phase_leaves_the_level_of_the_log_as_it_was(monkeypatch):
    monkeypatch.setattr(log, "level", logging.ERROR)
    with Clock().phase("head"):
        assert log.level == logging.INFO
    assert log.level == logging.ERROR


def test_seconds_count_from_the_start():
    assert 0 <= Clock().elapsed().seconds < 1


def test_moments_add_and_subtract():
    assert Moment(3, 5) - Moment(1, 2) + Moment(10, 10) == Moment(12, 13)
