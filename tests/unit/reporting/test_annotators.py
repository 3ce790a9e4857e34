"""Several annotators in the words of the report."""

from dataclasses import asdict

from lradapt.data.agreement import Agreement, AnnotatorFigures
from lradapt.reporting.annotators import annotators_sentence

EACH = (AnnotatorFigures("jo\x1b", 50, 6), AnnotatorFigures("eva", 60, 1))


def said(*values):
    return annotators_sentence(asdict(Agreement(*values)))


def test_the_agreement_is_the_ceiling_and_the_furthest_is_named():
    assert said(3, 1200, 0, 0.9123, 0.851, "Fleiss'", EACH) == (
        "3; on 1,200 images that several have labelled, 91.2% of their pairs agree (Fleiss' kappa "
        "0.85), the ceiling of any accuracy on these labels; most often against the majority: "
        r"jo\x1b (6 of 50 images)"
    )


def test_ties_and_a_kappa_that_is_not_defined_are_named():
    found = said(2, 10, 3, 1.0, None, "Cohen's", (AnnotatorFigures("", 7, 0),))
    assert "(Cohen's kappa not defined: one class)" in found
    assert found.endswith("; 3 ties")


def test_without_several_annotators_of_an_image_nothing_is_known():
    assert said(1, 0, 0, None, None, "Fleiss'", EACH[1:]) == (
        "1; no image has several of them: agreement not known"
    )
    assert annotators_sentence(None) == ""
