"""What a program replaces in a page, and which pages it refuses."""

import pytest

from benchmarks.markers import between_markers
from lradapt.errors import LradaptError

BEGIN, END = "<!-- x: begin -->", "<!-- x: end -->"


def test_only_what_stands_between_the_markers_is_replaced():
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    new = between_markers(page, "new", "x")
    assert new == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert between_markers(new, "new", "x") == new


def test_the_places_of_other_names_stay():
    other = "<!-- y: begin -->\nold\n<!-- y: end -->\n"
    page = f"{other}{BEGIN}{END}{other}"
    assert between_markers(page, "new", "x") == f"{other}{BEGIN}\n\nnew\n\n{END}{other}"


@pytest.mark.parametrize(
    "page", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}", f"{BEGIN}{BEGIN}"]
)
def test_a_page_without_its_two_markers_is_refused(page):
    with pytest.raises(LradaptError, match="once each, in this order"):
        between_markers(page, "new", "x")
