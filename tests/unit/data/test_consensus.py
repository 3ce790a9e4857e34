"""The label that most annotators give."""

import pytest

from lradapt.data.consensus import keep_annotators, majority
from lradapt.data.labelled_image import Annotation, LabelledImage


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("a", "a"),
        ("aa", "a"),
        ("ab", ""),
        ("aab", "a"),
        ("bba", "b"),
        ("aabb", ""),
        ("aabc", "a"),
        ("abc", ""),
        ("aabbc", ""),
        ("aaabb", "a"),
    ],
)
def test_the_label_that_is_given_most_often_or_none_in_a_tie(labels, expected):
    assert majority(labels) == expected
    assert majority(reversed(labels)) == expected


def test_an_annotator_in_two_spellings_is_told():
    votes = (Annotation("Eva", "a"), Annotation("eva", "a"), Annotation("Ola", "b"))
    labels = [
        LabelledImage("1.png", "a", annotations=votes),
        LabelledImage("2.png", "a", annotations=votes[:1]),
    ]
    _, notes = keep_annotators(labels)
    assert notes == [
        "3 annotators; 1 image(s) have several of them",
        "1 annotator(s) may be other spellings of an annotator, and have a vote of their own: "
        "'eva' (1) may be 'Eva' (2). If they are one person, give them one name",
    ]
