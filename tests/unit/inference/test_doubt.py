import numpy as np
import pytest

from lradapt.inference.answers import Answers, joined
from lradapt.inference.doubt import NOT_MEASURED, Doubt, doubt_in_words, doubts
from lradapt.networks.answer_limits import AnswerLimits, SetLimits, UnlikeLimit

NAMES = ["ant", "bee", "cow"]
IMAGES = {"ant": 30, "bee": 30, "cow": 4}
SETS = SetLimits(0.9, {"ant": 0.5, "bee": 0.25, "cow": 0.0}, IMAGES)
STRICT = SetLimits(0.9, {"ant": 0.5, "bee": 0.5, "cow": 0.5}, dict.fromkeys(NAMES, 30))
LIMITS = AnswerLimits(UnlikeLimit(0.3, 0.99, 120), SETS)
ROWS = np.array([[0.5, 0.25, 0.25], [0.7, 0.2, 0.1], [0.4, 0.35, 0.25]], np.float32)


def test_the_set_has_each_class_with_its_least_probability_the_most_probable_first():
    found = doubts(Answers(ROWS), NAMES, LIMITS)
    assert [each.unsure for each in found] == [
        ("ant", "bee", "cow"),
        ("ant", "cow"),
        ("bee", "cow"),  # not the most probable class, which would need more
    ]


def test_a_set_may_be_empty():
    (found,) = doubts(Answers(ROWS[2:]), NAMES, AnswerLimits(None, STRICT))
    assert found.unsure == ()


def test_beyond_the_limit_an_image_is_unlike_and_at_the_limit_it_is_not():
    limits = AnswerLimits(UnlikeLimit(float(np.float32(0.3)), 0.99, 120))
    distances = np.array([0.1, 0.3, 0.4], np.float32)
    found = doubts(Answers(ROWS, None, distances), NAMES, limits)
    assert [each.unlike_training for each in found] == [False, False, True]
    assert [each.unlike for each in found] == distances.tolist()


def test_what_a_model_does_not_measure_is_none():
    assert doubts(Answers(ROWS), NAMES, AnswerLimits()) == [NOT_MEASURED] * 3
    distances = np.zeros(3, np.float32)
    assert doubts(Answers(ROWS, None, distances), NAMES, AnswerLimits())[0] == Doubt(0, None, None)
    assert NOT_MEASURED.as_dict() == {"unlike": None, "unlike_training": None, "unsure": None}


@pytest.mark.parametrize(
    ("label", "beyond", "unsure", "words"),
    [
        ("ant", False, ("ant", "bee", "cow"), "or bee"),
        ("ant", False, ("ant", "cow"), ""),
        ("ant", False, ("bee", "cow"), "rather bee"),
        ("ant", True, ("ant", "bee"), "unlike the training images; or bee"),
        ("ant", True, ("ant",), "unlike the training images"),
        ("ant", False, (), "no class fits"),
        ("ant", None, None, ""),
    ],
)
def test_words_leave_out_what_is_in_every_set(label, beyond, unsure, words):
    assert doubt_in_words(label, Doubt(0.1, beyond, unsure), LIMITS) == words


def test_answers_are_joined_in_order():
    parts = [Answers(ROWS[:1], ROWS[:1], ROWS[:1, 0]), Answers(ROWS[1:], ROWS[1:], ROWS[1:, 0])]
    whole = joined(parts)
    for found in (whole.probabilities, whole.features):
        np.testing.assert_array_equal(found, ROWS)
    np.testing.assert_array_equal(whole.unlike, ROWS[:, 0])
    assert joined([Answers(ROWS)]).features is None
