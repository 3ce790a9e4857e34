import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import balanced_accuracy_score

from lradapt.gate.comparison import McNemar, compare, mcnemar


def compared(images, num_resamples=1000):
    """Of images as (class, group, champion's hit, challenger's hit)."""
    labels, groups, old, new = (np.array(column) for column in zip(*images, strict=True))
    names = "abcdefgh"[: labels.max() + 1]
    options = {"confidence": 0.95, "num_resamples": num_resamples, "seed": 0}
    return compare(labels, groups, old.astype(bool), new.astype(bool), names, **options)


def singles(label, old, new):
    """Images of one class, each its own group, from the hits "110..." of either model."""
    pairs = zip(map(int, old), map(int, new), strict=True)
    return [(label, 100 * label + number, *pair) for number, pair in enumerate(pairs)]


def test_the_figures_of_a_small_test_set():
    found = compared([*singles(0, "1100", "1111"), *singles(1, "10", "00"), (1, 101, 1, 1)])
    assert found.images == 7
    assert found.champion == pytest.approx((2 / 4 + 2 / 3) / 2)
    assert found.challenger == pytest.approx((4 / 4 + 1 / 3) / 2)
    assert found.difference == pytest.approx((2 / 4 - 1 / 3) / 2)
    first, second = found.classes
    assert (first.name, first.images, first.groups) == ("a", 4, 4)
    assert (first.champion, first.challenger, first.drop) == (0.5, 1.0, -0.5)
    assert (second.name, second.images, second.groups) == ("b", 3, 2)
    assert (second.champion, second.challenger) == pytest.approx((2 / 3, 1 / 3))
    assert found.mcnemar == McNemar(1, 2, 1.0)


def test_the_bounds_enclose_the_difference_and_are_narrower_with_more_images():
    few = compared(singles(0, "1" * 30 + "0" * 70, "1" * 10 + "0" * 50 + "1" * 40))
    many = compared(singles(0, "1" * 300 + "0" * 700, "1" * 100 + "0" * 500 + "1" * 400))
    for found in (few, many):
        assert found.difference == pytest.approx(0.2)
        assert found.lower < 0.2 < found.upper
        assert found.classes[0].lower == found.lower
    # 40 in favour, 20 against: 0.2 - 1.645 * sqrt((0.6 - 0.04) / n)
    assert few.lower == pytest.approx(0.2 - 1.645 * np.sqrt(0.56 / 100), abs=0.025)
    assert many.lower == pytest.approx(0.2 - 1.645 * np.sqrt(0.56 / 1000), abs=0.01)


def test_a_tie_is_exactly_zero_where_rounded_sums_of_the_same_recalls_differ():
    def images(*hits):  # 0.1 + 0.2 + 0.3 > 0.3 + 0.2 + 0.1
        pairs = enumerate(zip(hits, reversed(hits), strict=True))
        return [
            image
            for k, (old, new) in pairs
            for image in singles(k, "1" * old + "0" * (10 - old), "1" * new + "0" * (10 - new))
        ]

    assert compared(images(3, 2, 1)).difference == 0


@pytest.mark.parametrize(("lost", "won"), [(0, 0), (0, 5), (1, 8), (7, 7), (30, 12), (2, 0)])
def test_mcnemar_is_the_exact_binomial_test(lost, won):
    champion = np.array([1] * lost + [0] * won + [1, 0], bool)
    challenger = np.array([0] * lost + [1] * won + [1, 0], bool)
    found = mcnemar(champion, challenger)
    assert (found.only_champion, found.only_challenger) == (lost, won)
    assert found.p == pytest.approx(binomtest(won, won + lost).pvalue if won + lost else 1)


hit = st.integers(0, 1)
drawn_images = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 9), hit, hit), min_size=1, max_size=40
).map(lambda drawn: [*drawn, (0, 10, 1, 0), (1, 11, 0, 0), (2, 12, 0, 1)])


@settings(deadline=None)
@given(drawn_images)
def test_balanced_accuracy_is_that_of_scikit_learn(images):
    labels, _, old, new = (np.array(column) for column in zip(*images, strict=True))
    found = compared(images)
    for hits, ours in ((old, found.champion), (new, found.challenger)):
        recalls = [hits[labels == k].mean() for k in range(3)]
        assert ours == pytest.approx(np.mean(recalls))
    output = np.where(new == 1, labels, (labels + 1) % 3)
    assert found.challenger == pytest.approx(balanced_accuracy_score(labels, output))


@settings(deadline=None)
@given(drawn_images)
def test_swapping_the_models_turns_every_figure_round(images):
    one = compared(images)
    other = compared([(label, group, new, old) for label, group, old, new in images])
    assert one.difference == -other.difference
    assert (one.champion, one.challenger) == (other.challenger, other.champion)
    assert one.mcnemar.p == other.mcnemar.p
    assert [each.drop for each in one.classes] == [-each.drop for each in other.classes]
    assert not (one.lower > 0 and other.lower > 0)


def test_swapping_the_models_swaps_the_bounds_but_for_the_draws():
    old, new = "1" * 60 + "0" * 40, "1" * 30 + "0" * 50 + "1" * 20
    one, other = compared(singles(0, old, new), 20_000), compared(singles(0, new, old), 20_000)
    assert (one.lower, one.upper) == pytest.approx((-other.upper, -other.lower), abs=0.011)


@settings(deadline=None)
@given(drawn_images)
def test_models_that_answer_alike_are_a_tie_and_zero_is_within_the_bounds(images):
    found = compared([(label, group, old, old) for label, group, old, _ in images])
    assert found.difference == 0
    assert found.lower <= 0 <= found.upper
    assert found.mcnemar.p == 1


@settings(deadline=None)
@given(drawn_images, st.randoms(use_true_random=False))
def test_the_order_of_the_images_changes_nothing(images, random):
    other = list(images)
    random.shuffle(other)
    assert compared(images) == compared(other)


@settings(deadline=None)
@given(drawn_images)
def test_an_image_more_that_the_challenger_alone_names_never_lowers_its_difference(images):
    assume(any(image[2:] == (1, 0) for image in images))
    place = next(n for n, image in enumerate(images) if image[2:] == (1, 0))
    better = [*images[:place], (*images[place][:2], 0, 1), *images[place + 1 :]]
    assert compared(better).difference > compared(images).difference
