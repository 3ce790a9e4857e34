import numpy as np
import pytest
from scipy.special import softmax

from lradapt.evaluation.conformal import fit_sets, fit_unlike
from lradapt.networks.answer_limits import fewest_images, rank_of

NAMES = ["ant", "bee", "cow"]


def answered(counts, seed=0, difficulty=1.5):
    """Probabilities of so many images of each class, and their labels."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    logits = random.normal(0, difficulty, (len(labels), len(counts)))
    logits[np.arange(len(labels)), labels] += 1.5
    return softmax(logits, axis=1).astype(np.float32), labels


@pytest.mark.parametrize(
    ("share", "fewest"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99), (0.999, 999)]
)
def test_a_share_needs_so_many_images_and_its_rank_is_then_the_last(share, fewest):
    assert fewest_images(share) == fewest
    assert rank_of(fewest, share) == fewest
    assert rank_of(fewest - 1, share) == fewest


@pytest.mark.parametrize(("count", "rank"), [(9, 9), (10, 10), (18, 18), (19, 18), (29, 27)])
def test_the_rank_has_no_error_of_rounding(count, rank):
    assert rank_of(count, 0.9) == rank


def test_the_least_probability_is_the_one_of_the_rank():
    own = np.arange(1, 20, dtype=np.float32) / 20
    probabilities = np.column_stack([own, 1 - own])
    found = fit_sets(probabilities, np.zeros(19, int), ["ant", "bee"], 0.9)
    assert found.least == {"ant": float(np.float32(0.1)), "bee": 0.0}
    assert found.num_images == {"ant": 19, "bee": 0}
    assert found.always == ["bee"]


def test_a_class_with_too_few_images_is_in_every_set_and_is_named():
    probabilities, labels = answered([8, 9, 40])
    found = fit_sets(probabilities, labels, NAMES, 0.9)
    assert found.always == ["ant"]
    assert found.contain(probabilities, NAMES)[:, 0].all()
    assert not found.contain(probabilities, NAMES)[:, 1].all()


def test_without_validation_images_there_are_no_limits():
    assert fit_sets(np.empty((0, 3), np.float32), np.empty(0, int), NAMES, 0.9) is None
    assert fit_unlike(np.empty(0), 0.99) is None


@pytest.mark.slow
@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("counts", [(7, 30, 200), (1, 19, 60)])
def test_the_sets_are_those_of_crepes(counts, coverage):
    crepes = pytest.importorskip("crepes", reason="crepes is not installed")
    hinge = pytest.importorskip("crepes.extras", reason="crepes is not installed").hinge
    probabilities, labels = answered(counts)
    new, _ = answered((50, 50, 50), seed=1)
    reference = crepes.ConformalClassifier()
    scores = hinge(probabilities, np.arange(3), labels)
    reference.fit(alphas=scores, bins=labels)
    values = [
        reference.predict_p(hinge(new), bins=np.full(len(new), k), smoothing=False)[:, k]
        for k in range(3)
    ]
    # Its own sets also have the classes whose p-value is the limit itself, one rank more.
    expected = np.column_stack(values) > 1 - coverage + 1e-9
    found = fit_sets(probabilities, labels, NAMES, coverage)
    np.testing.assert_array_equal(found.contain(new, NAMES), expected)


def test_each_class_is_covered_as_asked_over_many_validation_splits():
    counts = (9, 30, 300)
    covered = np.array([_covered(counts, seed) for seed in range(300)]).mean(axis=0)
    exact = [rank_of(n, 0.9) / (n + 1) for n in counts]
    np.testing.assert_allclose(covered, exact, atol=0.015)  # standard error 0.005, 0.003, 0.001
    assert all(0.9 <= share < 0.915 for share in exact)


def _covered(counts, seed):
    """The share of fresh images of each class whose set has their class."""
    found = fit_sets(*answered(counts, seed), NAMES, 0.9)
    new, labels = answered((200, 200, 200), seed + 10_000)
    return found.contain(new, NAMES)[np.arange(600), labels].reshape(3, 200).mean(axis=1)


def test_the_limit_of_the_distances_is_the_one_of_the_rank():
    found = fit_unlike(np.arange(199)[::-1] / 1000, 0.99)
    assert (found.limit, found.num_images, found.expected) == (0.197, 199, 0.99)


def test_with_too_few_images_no_validation_image_is_beyond_the_limit():
    found = fit_unlike(np.array([0.1, 0.3, 0.2]), 0.99)
    assert (found.limit, found.kept, found.expected) == (0.3, 0.99, 0.75)
