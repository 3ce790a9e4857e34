"""The label that most annotators give."""

import pytest

from lradapt.data.consensus import majority


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
