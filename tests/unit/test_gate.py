import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from lradapt.gate import ExamImage, Learnt, balanced_accuracy, decide, decide_first, unseen


def seen(hashes=(), groups=()):
    return Learnt(frozenset(hashes), frozenset(groups))


def image(name, pixel_sha256, group=""):
    return ExamImage(name, "cat", pixel_sha256, group)


LABELS = {"1": "cat", "2": "cat", "3": "dog", "4": "dog"}
HALF = dict.fromkeys(LABELS, "cat")


def test_the_first_model_is_promoted():
    verdict = decide_first(parity_passed=True)
    assert (verdict.decision, verdict.images, verdict.champion) == ("promote", 0, None)
    assert "first model" in verdict.why


def test_a_first_model_whose_export_differs_is_invalid():
    assert decide_first(parity_passed=False).decision == "invalid"


def test_the_better_model_is_promoted_and_the_figures_are_told():
    verdict = decide(LABELS, HALF, LABELS, parity_passed=True)
    assert verdict.decision == "promote"
    assert (verdict.images, verdict.champion, verdict.challenger) == (4, 0.5, 1.0)
    assert verdict.why == (
        "balanced accuracy 100.00% is better than the 50.00% of the model in production, "
        "on 4 images that neither has learnt from"
    )


def test_the_worse_model_is_kept_out():
    verdict = decide(LABELS, LABELS, HALF, parity_passed=True)
    assert (verdict.decision, verdict.champion, verdict.challenger) == ("keep", 1.0, 0.5)
    assert "no better than" in verdict.why


def test_a_tie_keeps():
    other_half = dict.fromkeys(LABELS, "dog")
    assert decide(LABELS, HALF, other_half, parity_passed=True).decision == "keep"


def test_a_tie_keeps_where_rounded_sums_of_the_same_recalls_differ():
    labels = {f"{name}{number}": name for name in "abc" for number in range(10)}
    hits = {"a": 1, "b": 2, "c": 3}  # 0.1 + 0.2 + 0.3 > 0.3 + 0.2 + 0.1
    rising = {
        image: label if int(image[1]) < hits[label] else "" for image, label in labels.items()
    }
    swapped = {"a": 3, "b": 2, "c": 1}
    falling = {
        image: label if int(image[1]) < swapped[label] else "" for image, label in labels.items()
    }
    verdict = decide(labels, falling, rising, parity_passed=True)
    assert (verdict.decision, verdict.champion) == ("keep", verdict.challenger)


def test_more_right_images_lose_against_a_better_mean_over_classes():
    labels = {str(number): "common" for number in range(9)} | {"9": "rare"}
    ninety_percent = dict.fromkeys(labels, "common")
    sixty_percent = {**labels, **dict.fromkeys("0123", "rare")}
    assert decide(labels, ninety_percent, sixty_percent, parity_passed=True).decision == "promote"


def test_without_a_clean_image_the_champion_stays():
    verdict = decide({}, {}, {}, parity_passed=True)
    assert (verdict.decision, verdict.images, verdict.challenger) == ("keep", 0, None)
    assert "nothing to judge by" in verdict.why


def test_a_better_model_whose_export_differs_is_invalid():
    verdict = decide(LABELS, HALF, LABELS, parity_passed=False)
    assert (verdict.decision, verdict.images) == ("invalid", 0)
    assert "parity" in verdict.why


def test_a_class_that_the_champion_does_not_know_counts_against_it():
    champion = {"1": "cat", "2": "cat", "3": "cat", "4": "cat"}
    challenger = {"1": "cat", "2": "dog", "3": "dog", "4": "cat"}
    verdict = decide(
        {**LABELS, "5": "owl"},
        {**champion, "5": "cat"},
        {**challenger, "5": "owl"},
        parity_passed=True,
    )
    assert verdict.champion == pytest.approx(1 / 3)
    assert verdict.challenger == pytest.approx((0.5 + 0.5 + 1) / 3)


def test_an_image_that_a_model_cannot_decode_counts_against_it():
    assert balanced_accuracy(LABELS, {**LABELS, "1": ""}) == 0.75


def test_images_that_either_has_learnt_from_are_left_out():
    exam = [image("a", "11"), image("b", "22"), image("c", "33"), image("d", "44")]
    left = unseen(exam, [seen(["11"]), seen(["33"])])
    assert [image.image for image in left] == ["b", "d"]


def test_images_of_a_group_that_either_has_learnt_from_are_left_out():
    exam = [image("a", "11", "anna"), image("b", "22", "bert"), image("c", "33", "carl")]
    left = unseen(exam, [seen(groups=["anna"]), seen(groups=["carl"])])
    assert [image.image for image in left] == ["b"]


def test_the_empty_group_matches_nothing():
    exam = [image("a", "11"), image("b", "22", "bert")]
    assert unseen(exam, [seen(["99"], ["", "bert"])]) == exam[:1]


names = st.sampled_from("abcd")


@pytest.mark.filterwarnings("ignore::UserWarning")  # scikit-learn's, of classes said in vain
@given(st.lists(st.tuples(names, names), min_size=1, max_size=40))
def test_balanced_accuracy_is_that_of_scikit_learn(pairs):
    labels, said = zip(*pairs, strict=True)
    ours = balanced_accuracy(dict(enumerate(labels)), dict(enumerate(said)))
    assert math.isclose(ours, balanced_accuracy_score(labels, said))
