"""Two spellings of one class are found; names that differ on purpose are not."""

import pytest

from lradapt.data.similar_names import SimilarName, find_similar_names


def pairs(**sizes):
    return {found.name: found.like for found in find_similar_names(sizes)}


def similar(small, large, images=1):
    return [found.name for found in find_similar_names({small: images, large: 40})] == [small]


@pytest.mark.parametrize(
    ("small", "large"),
    [
        *(("Cat", "cat"), ("CAT", "cat"), ("bear ", "bear"), ("polar bear", "polar_bear")),
        *(("Polar-Bear", "polar bear"), ("polarbear", "polar bear"), ("1.0", "1"), ("07", "7")),
        *(("007", "7"), ("1.50", "1.5"), ("class 01", "class 1"), ("Muller", "Müller")),
        *(
            ("ﬁsh", "fish"),
            ("ca\u200bt", "cat"),
            ("\uff23\uff21\uff34", "cat"),
            ("STRASSE", "straße"),
        ),
        *(
            ("melanoma.", "melanoma"),
            ("'cat'", "cat"),
            ("cat\u2019s eye", "cats eye"),
            ("N/A", "NA"),
        ),
        # letters of the Cyrillic and the Greek alphabet
        *(("c\u0430t", "cat"), ("\u041e", "O"), ("\u0391", "A"), ("\u0421\u041e2", "CO2")),
    ],
)
def test_another_spelling_is_found_however_many_images_it_has(small, large):
    assert similar(small, large)
    assert similar(small, large, images=30)


@pytest.mark.parametrize(
    ("small", "large"),
    [
        *(("baer", "bear"), ("bera", "bear"), ("beaar", "bear"), ("melanma", "melanoma")),
        *(("benigm", "benign"), ("nevs", "nevus")),
        ("malignent", "malignant"),
    ],
)
def test_a_slip_of_a_letter_is_found_in_a_class_of_one_image(small, large):
    assert similar(small, large)
    assert not similar(small, large, images=2)


@pytest.mark.parametrize(
    ("small", "large"),
    [
        *(("cat", "bat"), ("type 1", "type 2"), ("type1", "type2"), ("grade a", "grade b")),
        *(("class 10", "class 1"), ("1", "10"), ("1.5", "15"), ("0", "1")),
        *(("type 1-2", "type 12"), ("v1.0", "v10"), ("dog", "cat"), ("a", "b")),
        *(("-1", "1"), ("A+", "A"), ("C#", "C"), ("1:2", "12"), ("1,5", "15")),
    ],
)
def test_names_that_differ_on_purpose_are_not_similar(small, large):
    assert not similar(small, large)


def test_all_spellings_are_compared_with_the_largest_class():
    assert find_similar_names({"bear": 40, "Bear": 2, "BEAR": 3, "owl": 1}) == [
        SimilarName("BEAR", 3, "bear", 40),
        SimilarName("Bear", 2, "bear", 40),
    ]


def test_of_equal_spellings_the_first_by_name_is_kept():
    assert pairs(b=5, B=5) == {"b": "B"}


def test_two_classes_of_one_image_are_no_slip_of_each_other():
    assert pairs(bear=1, beer=1) == {}
