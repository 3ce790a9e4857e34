"""Agreement of annotators, beside published examples and scikit-learn."""

import numpy as np
import pytest

from lradapt.data.agreement import (
    Agreement,
    AnnotatorFigures,
    fleiss_kappa,
    measure_agreement,
    observed_agreement,
)
from lradapt.data.consensus import majority
from lradapt.data.labelled_image import Annotation, LabelledImage

PSYCHIATRISTS = np.array(
    # The example of https://en.wikipedia.org/wiki/Fleiss'_kappa: 14 raters, 10 subjects, 5 classes.
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
)


def image(**labels):
    said = tuple(Annotation(name, label) for name, label in sorted(labels.items()))
    return LabelledImage("x", majority(labels.values()), annotations=said)


def test_fleiss_kappa_of_the_published_example():
    assert fleiss_kappa(PSYCHIATRISTS) == pytest.approx(0.210, abs=5e-4)
    assert observed_agreement(PSYCHIATRISTS) == pytest.approx(
        [1.000, 0.253, 0.308, 0.440, 0.330, 0.462, 0.242, 0.176, 0.286, 0.286], abs=5e-4
    )


def test_the_order_of_images_and_classes_changes_nothing():
    assert fleiss_kappa(PSYCHIATRISTS[::-1, ::-1]) == pytest.approx(fleiss_kappa(PSYCHIATRISTS))


def test_cohens_kappa_of_two_annotators_of_the_published_example():
    # https://en.wikipedia.org/wiki/Cohen's_kappa: 50 grant proposals, two readers.
    votes = ("yy", 20), ("yn", 5), ("ny", 10), ("nn", 15)
    images = [image(a=a, b=b) for (a, b), count in votes for _ in range(count)]
    found = measure_agreement([*images, image(a="y")])
    assert found == Agreement(
        annotators=2,
        images=50,
        ties=15,
        agreement=0.7,
        kappa=pytest.approx(0.4),
        kappa_of="Cohen's",
        each=(AnnotatorFigures("a", 35, 0), AnnotatorFigures("b", 35, 0)),
    )


def test_more_annotators_have_fleiss_kappa_and_the_one_who_differs_most_comes_first():
    images = [
        image(eva="cat", bob="cat", jo="dog"),
        image(eva="dog", bob="dog"),
        image(eva="cat", jo="dog"),
        image(bob="cat"),
    ]
    found = measure_agreement(images)
    counts = np.array([[2, 1], [0, 2], [1, 1]])
    assert found.agreement == pytest.approx((1 / 3 + 1 + 0) / 3)
    assert found.kappa == fleiss_kappa(counts)
    assert (found.annotators, found.images, found.ties, found.kappa_of) == (3, 3, 1, "Fleiss'")
    assert found.each == (
        AnnotatorFigures("jo", 1, 1),
        AnnotatorFigures("bob", 2, 0),
        AnnotatorFigures("eva", 2, 0),
    )


@pytest.mark.parametrize("names", ["ab", "abc"])
def test_labels_of_one_class_have_no_kappa(names):
    found = measure_agreement([image(**dict.fromkeys(names, "cat"))])
    assert (found.agreement, found.kappa) == (1.0, None)


def test_one_annotator_with_everything_agrees_with_nobody():
    found = measure_agreement([image(eva="cat"), image(eva="dog")])
    expected = (AnnotatorFigures("eva", 0, 0),)
    assert found == Agreement(1, 0, 0, None, None, "Fleiss'", expected)


def test_without_annotators_there_is_nothing_to_measure():
    assert measure_agreement([LabelledImage("x", "cat")]) is None
