import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from lradapt.evaluation.calibration import expected_calibration_error
from lradapt.evaluation.reliability import reliability, write_reliability

PROBABILITIES = np.array([[0.6, 0.4], [0.5, 0.5], [0.1, 0.9], [0.0, 1.0]])
LABELS = np.array([0, 1, 0, 1])


def test_the_bins_have_their_images_their_confidence_and_how_many_are_right():
    low, high = reliability(PROBABILITIES, LABELS, num_bins=2)
    assert (low.low, low.high, low.images, low.confidence, low.accuracy) == (0, 0.5, 1, 0.5, 0)
    assert (high.low, high.high, high.images) == (0.5, 1, 3)
    assert (high.confidence, high.accuracy) == pytest.approx(((0.6 + 0.9 + 1) / 3, 2 / 3))


@given(st.integers(0, 2**32 - 1), st.integers(2, 20))
def test_the_gaps_of_the_bins_sum_up_to_the_expected_calibration_error(seed, num_bins):
    random = np.random.default_rng(seed)
    probabilities = softmax(random.normal(size=(30, 4)) * 3, axis=1)
    labels = random.integers(0, 4, 30)
    bins = [each for each in reliability(probabilities, labels, num_bins=num_bins) if each.images]
    found = sum(each.images * abs(each.accuracy - each.confidence) for each in bins) / 30
    expected = expected_calibration_error(probabilities, labels, num_bins=num_bins)
    assert found == pytest.approx(expected)


def test_the_table_has_each_bin_before_and_after_the_temperature(tmp_path):
    path = tmp_path / "reliability.csv"
    write_reliability(path, PROBABILITIES, LABELS, temperature=2.0, num_bins=2)
    table = pd.read_csv(path)
    assert table["temperature"].tolist() == ["before", "before", "after", "after"]
    assert table["images"].tolist() == [1, 3, 1, 3]
    before, after = table["confidence"][1], table["confidence"][3]
    assert after == pytest.approx((0.6 + 0.9 + 1) / 3, abs=1e-5)
    assert before == pytest.approx((0.36 / 0.52 + 0.81 / 0.82 + 1) / 3, abs=1e-5)


def test_a_bin_without_an_image_is_empty_in_the_table(tmp_path):
    path = tmp_path / "reliability.csv"
    write_reliability(path, PROBABILITIES, LABELS, temperature=1.0, num_bins=4)
    assert path.read_text().splitlines()[1] == "before,0,0.25,0,,"
