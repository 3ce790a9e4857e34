import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from lradapt.evaluation.calibration import (
    expected_calibration_error,
    fit_temperature,
    perfect_calibration,
    untempered,
)


def slow_error(probabilities, labels, num_bins):
    """Guo et al. 2017, equation 3, a bin at a time."""
    total = 0.0
    for number in range(num_bins):
        low, high = number / num_bins, (number + 1) / num_bins
        sure, right = [], []
        for row, label in zip(probabilities, labels, strict=True):
            if low < row.max() <= high:
                sure.append(row.max())
                right.append(row.argmax() == label)
        if sure:
            total += len(sure) * abs(np.mean(right) - np.mean(sure))
    return total / len(labels)


def drawn(temperature, num=4000, num_classes=5):
    """Logits whose true temperature is known: labels are drawn from softmax(logits / it)."""
    random = np.random.default_rng(0)
    logits = random.normal(size=(num, num_classes)) * 4
    shares = softmax(logits / temperature, axis=1)
    labels = np.array([random.choice(num_classes, p=row) for row in shares])
    return logits, labels


def loss(logits, labels, temperature):
    return -log_softmax(logits / temperature, axis=1)[np.arange(len(labels)), labels].mean()


def posterior(logits, labels, temperature):
    """What is to be smallest: the likelihood's logarithm, and that of the prior, both negative."""
    return loss(logits, labels, temperature) * len(labels) + np.log(temperature) ** 2 / 2


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_a_known_temperature_is_recovered(temperature):
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.05)


def test_no_other_temperature_on_a_fine_grid_is_likelier():
    logits, labels = drawn(2.5, num=300)
    best = posterior(logits, labels, fit_temperature(logits, labels))
    assert best <= min(posterior(logits, labels, t) for t in np.geomspace(0.05, 20, 500)) + 1e-9


def test_without_an_image_the_temperature_is_one():
    found = fit_temperature(np.empty((0, 3)), np.empty(0, dtype=int))
    assert found == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("labels", [[0, 1], [1, 0]], ids=["all right", "all wrong"])
def test_two_images_alone_move_the_temperature_little(labels):
    logits = np.array([[4.0, 0.0], [0.0, 4.0]])
    assert 0.4 < fit_temperature(logits, np.array(labels)) < 8


def test_many_images_that_are_all_right_do_not_make_the_model_certain():
    logits = np.tile([[4.0, 0.0], [0.0, 4.0]], (75, 1))
    assert fit_temperature(logits, np.tile([0, 1], 75)) > 0.4


def test_the_temperature_stays_within_its_bounds():
    logits = np.array([[0.1, 0.0]] * 100_000)
    assert fit_temperature(logits, np.zeros(100_000, int)) == pytest.approx(0.05, rel=1e-3)
    assert fit_temperature(logits, np.ones(100_000, int)) == pytest.approx(20, rel=1e-3)


def test_logits_in_single_precision_and_of_any_size_are_taken():
    logits, labels = drawn(2.5, num=300)
    single = logits.astype(np.float32)
    assert fit_temperature(single, labels) == fit_temperature(single.astype(np.float64), labels)
    far = logits + 1e8
    assert fit_temperature(far, labels) == pytest.approx(fit_temperature(logits, labels), rel=1e-4)


def test_the_fitted_temperature_lowers_the_error_and_changes_no_class():
    logits, labels = drawn(2.5)
    before = softmax(logits, axis=1)
    after = softmax(logits / fit_temperature(logits, labels), axis=1)
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()
    old = expected_calibration_error(before, labels, num_bins=15)
    new = expected_calibration_error(after, labels, num_bins=15)
    assert old > 0.1
    assert new < 0.03


@given(st.integers(0, 10_000), st.integers(2, 30))
def test_the_calibration_error_is_that_of_a_loop_over_bins(seed, num_bins):
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet([0.5] * 4, size=40)
    labels = random.integers(0, 4, size=40)
    found = expected_calibration_error(probabilities, labels, num_bins=num_bins)
    assert found == pytest.approx(slow_error(probabilities, labels, num_bins))


def test_the_calibration_error_of_three_images_counted_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6]])
    labels = np.array([0, 1, 1])  # right, wrong, right
    expected = (abs(1 - 0.9) + abs((0 - 0.7) + (1 - 0.6))) / 3
    assert expected_calibration_error(probabilities, labels, num_bins=4) == pytest.approx(expected)


def test_a_bin_is_closed_above_and_open_below():
    probabilities = np.array([[0.5, 0.5], [0.75, 0.25]])
    labels = np.array([1, 0])  # wrong at 0.5, right at 0.75
    apart = (0.5 + 0.25) / 2  # together they would be |-0.5 + 0.25| / 2
    assert expected_calibration_error(probabilities, labels, num_bins=2) == pytest.approx(apart)


def test_a_confidence_that_rounding_lifts_above_one_lies_in_the_last_bin():
    probabilities = np.array([[1 + 1e-7, 0.0], [0.96, 0.04]])
    labels = np.array([1, 0])  # wrong at 1, right at 0.96
    together = abs(-1 + 0.04) / 2  # apart they would be (1 + 0.04) / 2
    found = expected_calibration_error(probabilities, labels, num_bins=10)
    assert found == pytest.approx(together)


def test_certain_and_right_is_no_error():
    assert expected_calibration_error(np.eye(3), np.arange(3), num_bins=10) == 0


def test_a_perfect_model_of_1257_images_averages_two_percent():
    """Of a 10-class model whose confidence, and so its accuracy, is 85 % in the mean."""
    probabilities = np.random.default_rng(1).dirichlet([0.03] * 10, size=1257)
    found = perfect_calibration(probabilities, num_bins=15)
    assert found.mean == pytest.approx(0.0214, abs=0.0002)
    assert found.low < found.mean < found.high


def labels_of(probabilities, seed):
    """A label for each row, drawn from its probabilities."""
    uniform = np.random.default_rng(seed).random((len(probabilities), 1))
    return (uniform > probabilities.cumsum(axis=1)).sum(axis=1)


def test_the_band_holds_19_of_20_exams_of_a_perfect_model():
    probabilities = np.random.default_rng(2).dirichlet([0.5] * 4, size=2000)
    band = perfect_calibration(probabilities, num_bins=15)
    errors = np.array(
        [
            expected_calibration_error(probabilities, labels_of(probabilities, seed), num_bins=15)
            for seed in range(200)
        ]
    )
    inside = ((errors >= band.low) & (errors <= band.high)).mean()
    assert inside == pytest.approx(0.95, abs=0.03)
    assert errors.mean() == pytest.approx(band.mean, rel=0.03)


def test_a_model_that_is_too_sure_lies_above_the_band():
    probabilities = np.random.default_rng(2).dirichlet([0.5] * 4, size=2000)
    labels, sharper = labels_of(probabilities, 0), untempered(probabilities, 3.0)
    band = perfect_calibration(sharper, num_bins=15)
    assert expected_calibration_error(sharper, labels, num_bins=15) > band.high


def test_the_band_is_the_same_each_time():
    probabilities = np.random.default_rng(0).dirichlet([0.5] * 4, size=50)
    assert perfect_calibration(probabilities, num_bins=5) == perfect_calibration(
        probabilities, num_bins=5
    )


def test_a_temperature_can_be_taken_back():
    logits = np.random.default_rng(0).normal(size=(6, 4)) * 5
    tempered = softmax(logits / 2.5, axis=1).astype(np.float32)
    np.testing.assert_allclose(untempered(tempered, 2.5), softmax(logits, axis=1), atol=1e-6)
