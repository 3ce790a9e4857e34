import numpy as np
import pytest

from lradapt.evaluation.prototypes import NUM_PROTOTYPES, distances, find_prototypes

CENTRES = np.eye(8)[:4]


def clustered(each=60, spread=0.05, seed=0):
    """Images around four directions, at any length; two directions for each of two classes."""
    random = np.random.default_rng(seed)
    directions = np.repeat(CENTRES, each, axis=0) + random.normal(0, spread, (4 * each, 8))
    lengths = random.uniform(0.1, 9, (4 * each, 1))
    return (directions * lengths).astype(np.float32), np.repeat([0, 0, 1, 1], each)


def test_a_class_with_few_images_has_each_of_them_at_length_one():
    found = find_prototypes(np.array([[3.0, 4.0], [0.0, 2.0]]), np.array([0, 1]))
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, [[0.6, 0.8], [0.0, 1.0]], atol=1e-3)


def test_each_class_has_as_many_prototypes_and_one_at_least():
    features, labels = clustered(each=200)
    assert len(find_prototypes(features, labels)) == NUM_PROTOTYPES
    many = np.arange(NUM_PROTOTYPES + 5)
    assert len(find_prototypes(np.random.default_rng(0).normal(size=(len(many), 3)), many)) == 205


def test_prototypes_are_in_the_middle_of_their_clusters(monkeypatch):
    monkeypatch.setattr("lradapt.evaluation.prototypes.NUM_PROTOTYPES", 8)
    features, labels = clustered()
    nearest = (CENTRES @ find_prototypes(features, labels).astype(float).T).max(axis=1)
    one_image = (CENTRES @ (features / np.linalg.norm(features, axis=1)[:, None]).T).mean(axis=1)
    assert nearest.min() > 0.995
    assert nearest.min() > one_image.max()


def test_the_prototypes_are_the_same_at_each_call():
    features, labels = clustered()
    before = features.copy()
    np.testing.assert_array_equal(
        find_prototypes(features, labels), find_prototypes(features, labels)
    )
    np.testing.assert_array_equal(features, before)


def test_the_distance_is_one_minus_the_cosine_to_the_nearest_whatever_the_length():
    prototypes = np.array([[1, 0], [0, 1]], np.float16)
    features = np.array([[5, 0], [0.3, 0.4], [-1, -1], [0, 0]])
    expected = [0, 0.2, 1 + np.sqrt(0.5), 1]
    np.testing.assert_allclose(distances(features, prototypes), expected, atol=1e-6)


def test_images_of_another_kind_are_farther_than_any_of_the_same_kind():
    prototypes = find_prototypes(*clustered())
    same, _ = clustered(seed=1)
    other = np.random.default_rng(0).normal(size=(50, 8)) * (np.arange(8) > 3)
    assert distances(other, prototypes).min() > distances(same, prototypes).max()


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_the_scale_of_all_features_changes_nothing(scale):
    features, labels = clustered()
    prototypes = find_prototypes(features, labels)
    found = distances(features * np.float32(scale), prototypes)
    np.testing.assert_allclose(found, distances(features, prototypes), atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_distance_of_what_equals_a_prototype_or_its_opposite_is_within_bounds(seed):
    features = np.random.default_rng(seed).normal(size=(40, 512)).astype(np.float32)
    for image in features[:, None]:
        prototypes = find_prototypes(image, np.array([0]))
        assert 0 <= distances(image, prototypes)[0] < 1e-3
        assert 2 - 1e-3 < distances(-image, prototypes)[0] <= 2
