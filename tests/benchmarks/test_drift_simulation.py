import numpy as np
import pytest
from scipy.stats import ks_2samp

from benchmarks.drift_simulation.draws import changed_week, draw, one_of_each_group
from benchmarks.drift_simulation.pool import Pool, _changed, read_pool, write_pool
from benchmarks.drift_simulation.rejections import LEVEL, critical_gap, largest_gap, rejected_by
from benchmarks.drift_simulation.years import year, year_of_groups
from lradapt.drift.feature_shift import principal_components
from lradapt.drift.observed import Observed
from lradapt.drift.value_shift import compare_values


def observed(random, count, shift=0.0):
    probabilities = random.dirichlet([2, 1, 1], count).astype(np.float32)
    features = random.normal(shift, size=(count, 12)).astype(np.float32)
    looks = random.normal(100 + 10 * shift, 10, size=(2, count)).astype(np.float32)
    return Observed(probabilities, features, *looks)


@pytest.fixture(scope="module")
def pool():
    """A pool of 300 made up images in groups of three; darker ones differ in everything."""
    random = np.random.default_rng(0)
    changed = {
        f"{kind}{percent}": observed(random, 60, percent / 10)
        for kind in ("dark", "blur")
        for percent in (5, 10, 20)
    }
    return Pool(
        ("a", "b", "c"),
        np.arange(300) % 3,
        np.arange(300) // 3,
        observed(random, 300),
        np.arange(60),
        changed,
        observed(random, 50, 2.0),
    )


def test_a_pool_is_read_as_it_was_written(pool, tmp_path):
    write_pool(tmp_path / "pool.npz", pool)
    found = read_pool(tmp_path / "pool.npz")
    assert found.classes == pool.classes
    assert np.array_equal(found.groups, pool.groups)
    assert np.array_equal(found.changed["blur10"].features, pool.changed["blur10"].features)
    assert list(found.changed) == list(pool.changed)


def test_the_quick_test_of_a_value_rejects_where_that_of_lradapt_does():
    random, critical = np.random.default_rng(1), critical_gap(300, 100)
    for shift in np.linspace(0, 1.2, 30):
        before, after = random.normal(size=300), random.normal(shift, size=100)
        gap = largest_gap(before, after)
        assert gap == pytest.approx(ks_2samp(before, after).statistic)
        assert (gap >= critical) == (compare_values(before, after) <= LEVEL)


def test_groups_are_drawn_whole(pool):
    rows = draw(pool, 30, groups=True, random=np.random.default_rng(2))
    assert rows.reshape(10, 3).tolist() == [[row, row + 1, row + 2] for row in rows[::3]]


def test_one_image_of_each_drawn_group_is_taken(pool):
    rows = one_of_each_group(pool, 30, np.random.default_rng(2))
    assert len(rows) == len(set(pool.groups[rows])) == 10


def test_a_year_whose_groups_are_recorded_has_weeks_of_groups_and_rarely_an_alarm(pool):
    points = principal_components(pool.base.features)
    rejected = year_of_groups(pool, points, 150, 60, np.random.default_rng(3))
    assert rejected.shape == (53, 4)
    assert rejected.any(axis=1).sum() <= 1


def test_a_year_without_a_change_rarely_has_an_alarm(pool):
    random = np.random.default_rng(3)
    found = year(pool, pool.base.features, 100, 50, groups=False, random=random)
    assert found.shape == (53, 4)
    assert found.sum() <= 1


def test_a_week_of_other_images_has_an_alarm_in_each_signal_that_changed(pool):
    random = np.random.default_rng(4)
    week, _ = changed_week(pool, "dark", 20, 100, "a", random)
    assert rejected_by(pool.base, week, random).tolist() == [False, True, True, True]
    same, _ = changed_week(pool, "class", 0, 100, "a", random)
    assert not rejected_by(pool.base, same, random).any()


def test_so_many_of_a_week_are_of_the_class_or_foreign(pool):
    random = np.random.default_rng(5)
    _, labels = changed_week(pool, "class", 20, 20_000, "b", random)
    assert np.mean(labels == 1) == pytest.approx(0.2 + 0.8 / 3, abs=0.02)
    week, labels = changed_week(pool, "foreign", 20, 1000, "b", random)
    assert (len(week), np.mean(labels == -1)) == (1000, pytest.approx(0.2, abs=0.04))


def test_images_are_made_darker_and_blurred_by_so_many_percent():
    noise = np.random.default_rng(6).integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)
    found = _changed(noise)
    assert found["dark20"].mean() == pytest.approx(0.8 * noise.mean(), rel=0.01)
    assert found["blur20"].std() < found["blur5"].std() < noise.std()
