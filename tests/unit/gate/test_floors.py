import pytest
from gate_verdicts import RULES

from lradapt.gate.comparison import ClassResult
from lradapt.gate.floors import is_small, lost


def result(images, champion, challenger, upper=0.0):
    return ClassResult(
        name="mel",
        images=images,
        groups=images,
        champion=champion,
        challenger=challenger,
        lower=-1.0,
        upper=upper,
    )


@pytest.mark.parametrize(
    ("champion", "challenger", "is_lost"),
    [
        (0.7, 0.64, True),
        (0.7, 0.65, False),
        (0.65, 0.6, False),
        (0.7, 0.66, False),
        (0.6, 0.7, False),
    ],
)
def test_a_class_with_enough_images_is_judged_by_its_drop_as_measured(
    champion, challenger, is_lost
):
    assert bool(lost([result(50, champion, challenger, upper=0.02)], RULES)) is is_lost


@pytest.mark.parametrize(("upper", "is_lost"), [(-0.06, True), (-0.05, False), (0.02, False)])
def test_a_smaller_class_is_lost_only_beyond_chance(upper, is_lost):
    assert bool(lost([result(49, 0.7, 0.4, upper)], RULES)) is is_lost


def test_a_class_is_small_below_the_least_number():
    assert [is_small(result(n, 0.5, 0.5), RULES) for n in (49, 50)] == [True, False]
