from dataclasses import asdict
from itertools import count

import pytest
import torch
from tiny_network import tiny

from lradapt.errors import TrainingError
from lradapt.networks.architectures import Architecture
from lradapt.networks.normalisation import Normalisation
from lradapt.training.engine_tuning import step
from lradapt.training.engine_tuning import tune as tuning
from lradapt.training.engine_tuning.combinations import (
    Combination,
    Effect,
    Measured,
    Timed,
    combinations,
    recommend,
)
from lradapt.training.engine_tuning.step import Work
from lradapt.training.engine_tuning.tune import tune
from lradapt.training.inputs.examples import Preparation

CPU = torch.device("cpu")
REFERENCE = Combination("fp32", "contiguous", 1)
LAST = Combination("fp32", "channels_last", 1)
BF16 = Combination("bf16", "contiguous", 1)
WORK = Work(
    Architecture(name="tiny", head="fc", early="^conv1", late="^conv2"),
    input_size=8,
    batch_size=4,
    prepare=Preparation(Normalisation((0.5, 0.5, 0.5), (0.2, 0.2, 0.2))),
    momentum=0.9,
    l2=1e-4,
)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """A network of two layers, and the threads as they were."""
    monkeypatch.setattr(step, "build", tiny)
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def timed(monkeypatch):
    """What is timed, in turn; each timing takes a second of a clock."""
    order, now = [], count()

    def fake(network, examples, work, engine):
        order.append(Combination(engine.precision, engine.memory_format, torch.get_num_threads()))
        next(now)
        return Timed(100.0, 0.01)

    monkeypatch.setattr(tuning, "time_steps", fake)
    return order


def measured(precision, rate, cpu_seconds, memory_format="contiguous", threads=1):
    combination = Combination(precision, memory_format, threads)
    return Measured(combination, Effect(0.0, 0.0), (Timed(rate, cpu_seconds),))


@pytest.mark.parametrize(
    ("cores", "threads", "tried"), [(2, 2, [1, 2]), (1, 1, [1]), (16, 2, [2, 8, 16])]
)
def test_on_the_cpu_its_cores_half_of_them_and_what_is_set_are_tried(
    monkeypatch, cores, threads, tried
):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(cores)))
    found = combinations(CPU, threads)
    assert found[0] == Combination("fp32", "contiguous", tried[0])
    assert [asdict(one) for one in found] == [
        {"precision": precision, "memory_format": memory_format, "threads": number}
        for precision in ("fp32", "bf16")
        for memory_format in ("contiguous", "channels_last")
        for number in tried
    ]


def test_on_a_gpu_no_other_threads_are_tried():
    assert {one.threads for one in combinations(torch.device("cuda"), 3)} == {3}


@pytest.mark.parametrize(("seconds", "rounds"), [(0.0, 1), (3.5, 2), (100.0, 5)])
def test_no_round_begins_later_than_asked_but_for_the_first(timed, seconds, rounds):
    tried = [REFERENCE, LAST, BF16]
    tune(WORK, CPU, tried, seconds=seconds, clock=lambda: float(len(timed)))
    assert timed == tried * rounds


@pytest.mark.parametrize(
    ("at_most", "times"),
    [(0.0, [REFERENCE]), (2.0, [REFERENCE, LAST]), (100.0, [REFERENCE, LAST, BF16])],
)
def test_no_measurement_begins_later_than_allowed_but_for_the_reference(timed, at_most, times):
    tried = [REFERENCE, LAST, BF16]
    clock = lambda: float(len(timed))  # noqa: E731
    found = tune(WORK, CPU, tried, seconds=0.0, at_most=at_most, clock=clock)
    assert timed == times
    assert [one.combination for one in found.measured] == times
    left = dict.fromkeys(tried[len(times) :], "not measured in the time that was given")
    assert found.left_out == left
    assert found.recommended in times


def test_steps_are_timed_in_images_and_cpu_seconds(monkeypatch):
    seconds = count(step=2.0)
    monkeypatch.setattr(step.time, "perf_counter", lambda: next(seconds))
    found = tune(WORK, CPU, [REFERENCE], seconds=0.0)
    ((one,),) = (result.times for result in found.measured)
    assert one.rate == step.NUM_STEPS * WORK.batch_size / 2
    assert 0 < one.cpu_seconds < 1


def test_effects_are_against_the_first_combination(timed):
    found = tune(WORK, CPU, [REFERENCE, LAST, BF16], seconds=0.0)
    none, layout, half = (one.effect for one in found.measured)
    assert none == Effect(0.0, 0.0)
    assert 0 <= layout.gradients < 1e-5
    assert 1e-4 < half.gradients < 0.1
    assert 0 < half.loss < 0.1


def test_an_effect_is_the_relative_length_of_the_difference(timed, monkeypatch):
    answers = iter([(2.0, [3.0, 4.0]), (2.0, [3.0, 4.0]), (2.5, [3.0, 3.0])])
    monkeypatch.setattr(
        tuning,
        "loss_and_gradients",
        lambda *_: (lambda loss, values: (loss, torch.tensor(values)))(*next(answers)),
    )
    found = tune(WORK, CPU, [REFERENCE, BF16], seconds=0.0)
    assert [one.effect for one in found.measured] == [
        Effect(0.0, 0.0),
        Effect(0.25, pytest.approx(0.2)),
    ]


def test_a_combination_that_trains_wrongly_is_not_timed_and_says_why(timed, monkeypatch):
    def refuse(model, images, engine):
        if engine.precision == "bf16":
            raise TrainingError("wrong gradients")

    monkeypatch.setattr(step, "require_exact_gradients", refuse)
    found = tune(WORK, CPU, [REFERENCE, BF16], seconds=0.0)
    assert found.left_out == {BF16: "wrong gradients"}
    assert timed == [REFERENCE]
    assert found.recommended == REFERENCE


@pytest.fixture
def first_steps(monkeypatch):
    """A function: tune with first steps that last so long; what was timed, and what not and why."""

    def run(seconds, **limits):
        now, stepped = [0.0], []

        def first_step(network, batch, engine):
            threads = torch.get_num_threads()
            own = Combination(engine.precision, engine.memory_format, threads)
            now[0] += seconds[own]
            stepped.append(own)
            return 1.0, torch.ones(2)

        monkeypatch.setattr(tuning, "loss_and_gradients", first_step)
        found = tune(WORK, CPU, list(seconds), seconds=0.0, clock=lambda: now[0], **limits)
        assert stepped[0] == stepped[1], "the first is the reference, too"
        return [one.combination for one in found.measured], found.left_out, stepped[1:]

    return run


@pytest.mark.parametrize(("seconds", "kept"), [(5.0, [REFERENCE, BF16]), (5.1, [REFERENCE])])
def test_a_combination_that_is_far_slower_is_not_timed_and_says_by_how_much(
    timed, first_steps, seconds, kept
):
    measured, left_out, _ = first_steps({REFERENCE: 1.0, BF16: seconds})
    assert measured == timed == kept
    if kept == [REFERENCE]:
        assert left_out == {BF16: "a step took 5.1 s, the fastest so far 1.0"}


def test_first_steps_take_at_most_half_of_the_time(timed, first_steps):
    seconds = {REFERENCE: 1.0, LAST: 1.0, BF16: 1.0}
    measured, left_out, stepped = first_steps(seconds, at_most=6.0)  # the reference takes two
    assert measured == stepped == [REFERENCE, LAST]
    assert left_out == {BF16: "not measured in the time that was given"}


def test_where_all_steps_are_short_none_is_left_out(timed, first_steps):
    assert first_steps({REFERENCE: 0.01, BF16: 0.9})[0] == [REFERENCE, BF16]


def test_threads_that_are_far_slower_in_fp32_are_not_tried_again(timed, first_steps):
    two, two_last, two_in_bf16 = (
        Combination(precision, memory_format, 2)
        for precision, memory_format in (
            ("fp32", "contiguous"),
            ("fp32", "channels_last"),
            ("bf16", "contiguous"),
        )
    )
    _, left_out, stepped = first_steps(
        {REFERENCE: 1.0, two: 9.0, LAST: 1.0, two_last: 1.0, BF16: 1.0, two_in_bf16: 1.0}
    )
    assert stepped == [REFERENCE, two, LAST, BF16]
    assert set(left_out) == {two, two_last, two_in_bf16}
    assert left_out[two_last] == "slower than a combination that is left out above"


def test_a_slow_bf16_says_nothing_of_fp32_with_as_many_threads(timed, first_steps):
    measured, _, stepped = first_steps(
        {REFERENCE: 1.0, BF16: 9.0, LAST: 1.0, Combination("bf16", "channels_last", 1): 1.0}
    )
    assert stepped == [REFERENCE, BF16, LAST]
    assert measured == [REFERENCE, LAST]


@pytest.mark.parametrize(("rate", "precision"), [(96.0, "fp32"), (94.0, "bf16")])
def test_fp32_is_recommended_where_it_is_as_fast_within_a_twentieth(rate, precision):
    found = recommend([measured("bf16", 100, 0.3), measured("fp32", rate, 0.9)])
    assert found.precision == precision


def test_of_equally_fast_ones_that_with_the_fewest_cpu_seconds_is_recommended():
    two = measured("fp32", 100, 0.6, threads=2)
    assert recommend([two, measured("fp32", 97, 0.3)]).threads == 1


def test_where_rates_vary_more_than_combinations_differ_cpu_seconds_decide():
    rates = {"bf16": (10, 25, 29), "fp32": (10, 10, 25)}
    noisy = [
        Measured(
            Combination(precision, "contiguous", 1),
            Effect(0.0, 0.0),
            tuple(Timed(rate, cpu_seconds) for rate in rates[precision]),
        )
        for precision, cpu_seconds in (("bf16", 0.175), ("fp32", 0.168))
    ]
    assert recommend(noisy).precision == "fp32"


def test_a_median_is_reported_not_the_best():
    times = (Timed(90.0, 0.2), Timed(100.0, 0.1), Timed(500.0, 0.9))
    one = Measured(REFERENCE, Effect(0.0, 0.0), times)
    assert (one.rate, one.cpu_seconds) == (100.0, 0.2)
