"""The accuracy without labels."""

import numpy as np
import pytest

from lradapt.drift.accuracy import estimate_accuracy


def two_classes(confidence_N):
    return np.float32(np.stack([confidence_N, 1 - np.asarray(confidence_N)], axis=1))


def test_a_model_that_is_too_sure_is_corrected_by_the_reference():
    reference = two_classes([0.9] * 10)
    labels_N = np.array([0] * 7 + [1] * 3)
    found = estimate_accuracy(reference, labels_N, two_classes([0.8] * 5))
    assert found.accuracy == pytest.approx(0.6)


def test_its_error_is_that_of_both_numbers_of_images():
    random = np.random.default_rng(0)
    errors, stated = [], []
    for _ in range(400):
        sure_N, sure_M = random.uniform(0.6, 1, 300), random.uniform(0.6, 1, 200)
        labels_N, labels_M = (
            (random.random(len(sure)) >= sure).astype(int) for sure in (sure_N, sure_M)
        )
        found = estimate_accuracy(two_classes(sure_N), labels_N, two_classes(sure_M))
        errors.append(found.accuracy - (labels_M == 0).mean())
        stated.append(found.error)
    assert np.std(errors) == pytest.approx(np.mean(stated), rel=0.1)
    assert abs(np.mean(errors)) < 0.005


def test_the_estimate_stays_between_0_and_1():
    reference = two_classes([0.6, 0.6])
    assert estimate_accuracy(reference, np.array([0, 0]), two_classes([0.95])).accuracy == 1
