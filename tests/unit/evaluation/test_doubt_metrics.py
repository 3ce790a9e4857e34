import numpy as np
import pytest

from lradapt.evaluation.doubt_metrics import measure_sets, measure_unlike
from lradapt.evaluation.intervals import share_interval
from lradapt.networks.answer_limits import SetLimits, UnlikeLimit

NAMES = ["ant", "bee", "cow"]
LABELS = np.array([0, 0, 0, 0, 1, 1])
GROUPS = np.array([0, 0, 1, 2, 3, 4])
ROWS = np.array(
    [[0.8, 0.1, 0.1], [0.6, 0.4, 0], [0.3, 0.7, 0], [0.5, 0.3, 0.2], [0.4, 0.4, 0.2], [0, 1, 0]]
)
SETS = SetLimits(
    0.9, {"ant": 0.5, "bee": 0.4, "cow": 0.15}, {"ant": 20, "bee": 12, "cow": 10}
)  # sets: a, ab, b, ac, bc, b


def test_coverage_and_size_of_the_sets_are_counted_in_all_and_by_class():
    found = measure_sets(SETS, ROWS, LABELS, GROUPS, NAMES)
    assert (found["asked"], found["coverage"]) == (0.9, pytest.approx(5 / 6))
    assert (found["set_size"], found["one_class"], found["no_class"]) == (1.5, 0.5, 0)
    ant, bee, cow = (found["classes"][name] for name in NAMES)
    assert (ant["coverage"], ant["set_size"], ant["validation_images"]) == (0.75, 1.5, 20)
    assert (bee["coverage"], bee["set_size"]) == (1, 1.5)
    assert (cow["coverage"], cow["interval"], cow["set_size"]) == (None, None, None)
    covered = np.array([True, True, False, True])
    assert ant["interval"] == list(share_interval(covered, GROUPS[:4]))


def test_a_class_in_every_set_is_told():
    few = SetLimits(0.9, {"ant": 0.5, "bee": 0.4, "cow": 0.0}, {"ant": 20, "bee": 9, "cow": 8})
    found = measure_sets(few, ROWS, LABELS, GROUPS, NAMES)["classes"]
    assert [found[name]["in_every_set"] for name in NAMES] == [False, False, True]


def test_the_images_beyond_the_limit_are_counted_in_all_and_by_class():
    limit = UnlikeLimit(0.3, 0.99, 49)
    found = measure_unlike(limit, np.array([0.1, 0.2, 0.3, 0.31, 0.4, 0.5]), LABELS, GROUPS, NAMES)
    assert (found["limit"], found["rejected"]) == (0.3, 0.5)
    assert (found["asked"], found["expected"]) == pytest.approx((0.01, 0.02))
    assert found["validation_images"] == 49
    shares = {name: each["rejected"] for name, each in found["classes"].items()}
    assert shares == {"ant": 0.25, "bee": 1, "cow": None}
