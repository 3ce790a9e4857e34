import numpy as np
import pytest
from gate_verdicts import RULES, decided, images_of, model

from lradapt.data.labelled_image import LabelledImage
from lradapt.gate.guessing import compare_with_guessing
from lradapt.gate.verdict import Candidate, Costs


def answering(images, predictions):
    return Candidate(
        sorted({image.label for image in images}), list(predictions), Costs(0.01, 40.0)
    )


def test_the_first_model_is_promoted_with_its_figures_beside_those_of_guessing():
    images = images_of(cat=200, dog=100)
    found = compare_with_guessing(
        images, model(images, {"cat": 180, "dog": 70}).predictions, RULES, seed=0
    )
    assert (found.images, found.chance) == (300, 0.5)
    assert found.accuracy == pytest.approx(0.8)
    assert 0.74 < found.lower < 0.8
    verdict = decided(images, None, model(images, {"cat": 180, "dog": 70}))
    assert verdict.decision == "promote"
    assert verdict.reason == (
        "it is the first model: nothing was in production; better than guessing: balanced accuracy "
        f"80.00%, at least {found.lower:.2%} with 95% confidence, on 300 test images that it was "
        "not trained on, against 50.00% of guessing"
    )


def test_300_classes_at_a_third_of_a_percent_are_not_promoted():
    images = images_of(**{f"class{k}_": 3 for k in range(300)})
    predictions = [images[0].label] * 900
    for row in (450, 451):
        predictions[row] = images[row].label  # a little luck
    verdict = decided(images, None, answering(images, predictions))
    assert verdict.decision == "keep"
    assert verdict.reason.startswith(
        "it is the first model, and not shown to be better than guessing"
    )
    assert "against 0.33% of guessing" in verdict.reason
    assert "--override REASON" in verdict.reason


@pytest.mark.parametrize(("num_classes", "enough"), [(2, 4), (3, 3), (10, 1)])
def test_a_model_without_a_mistake_needs_a_few_images_of_each_class(num_classes, enough):
    """As docs/method.md says; with fewer, guesses would be right by chance too often."""
    for images_each in (enough, enough - 1):
        images = images_of(**{f"c{k}_": images_each for k in range(num_classes)})
        if images:
            perfect = compare_with_guessing(
                images, [image.label for image in images], RULES, seed=0
            )
            assert perfect.accuracy == 1
            assert perfect.shown_better == (images_each == enough)


@pytest.mark.parametrize("sizes", [{"cat": 9, "dog": 9}, {"cat": 990, "dog": 10, "owl": 3}])
def test_the_most_frequent_class_for_every_image_is_not_promoted(sizes):
    images = images_of(**sizes)
    verdict = decided(images, None, answering(images, ["cat"] * len(images)))
    assert verdict.decision == "keep"
    assert "(or of the answer cat for every image)" in verdict.reason


@pytest.mark.parametrize(
    ("num_classes", "images_each"),
    [(2, 2), (2, 5), (2, 40), (3, 5), (10, 1), (10, 12), (100, 2)],
)
def test_of_models_that_guess_at_most_one_in_twenty_is_promoted(num_classes, images_each):
    images = images_of(**{f"c{k}_": images_each for k in range(num_classes)})
    names = sorted({image.label for image in images})
    random = np.random.default_rng(3)
    promoted = [
        compare_with_guessing(
            images, list(random.choice(names, len(images))), RULES, seed=0
        ).shown_better
        for _ in range(60)
    ]
    assert sum(promoted) <= 7  # 7 or more of 60 at one in twenty: 3 % of the time


@pytest.mark.parametrize(("num_classes", "images_each"), [(2, 4), (3, 3), (10, 1)])
def test_a_model_without_a_mistake_passes_on_a_handful_of_images(num_classes, images_each):
    images = images_of(**{f"c{k}_": images_each for k in range(num_classes)})
    perfect = answering(images, [image.label for image in images])
    assert decided(images, None, perfect).decision == "promote"


def test_many_pictures_of_two_patients_are_two_answers_and_not_many():
    images = [
        LabelledImage(f"{label}{n}", label, f"{label} patient", "test", f"{label}{n}")
        for label in ("cat", "dog")
        for n in range(100)
    ]
    perfect = answering(images, [image.label for image in images])
    assert decided(images, None, perfect).decision == "keep"


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        ({}, "there is no test image that the model was not trained on, so nothing shows"),
        ({"cat": 30}, "all 30 test images are of class cat, so nothing shows"),
    ],
)
def test_images_that_measure_nothing_keep_with_the_reason(sizes, reason):
    images = images_of(**sizes)
    verdict = decided(images, None, answering(images, [image.label for image in images]))
    assert verdict.decision == "keep"
    assert verdict.reason.startswith(reason)
    assert "--override REASON" in verdict.reason


def test_the_same_answers_get_the_same_bound():
    images = images_of(cat=20, dog=12)
    answers = model(images, {"cat": 15, "dog": 9}).predictions
    first, second = (compare_with_guessing(images, answers, RULES, seed=0) for _ in range(2))
    assert first == second
