import numpy as np
import pytest
from scipy import stats

from lradapt.drift.value_shift import compare_values


def test_the_p_value_is_that_of_scipys_ks_2samp():
    random = np.random.default_rng(0)
    before_N, after_M = random.normal(size=300), random.normal(0.2, size=200)
    exact = stats.ks_2samp(before_N, after_M, method="exact").pvalue
    assert compare_values(before_N, after_M) == pytest.approx(exact, rel=0.1)
