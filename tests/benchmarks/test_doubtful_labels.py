"""Flipped labels of clouds of points: which images each treatment trains on, and what it brings."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.doubtful_heads import outcome, treatments
from benchmarks.doubtful_labels import as_table, head_table, list_table, measure, precisions
from benchmarks.flipped_labels import confused_with, flip, read_features
from lradapt.doubtful.exclusion import choose_excluded
from lradapt.doubtful.list_labels import list_doubtful_labels

SPLITS = ("train", "train", "train", "validation", "test")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Features of 200 points around four centres, in pairs; the first feature is noise."""
    random, classes = np.random.default_rng(0), np.arange(200) // 2 % 4
    centres = 3 * np.random.default_rng(1).normal(size=(4, 8))
    centres[3] = centres[2] + 0.8  # of which the heads confuse some
    points = centres[classes] + random.normal(size=(200, 8))
    path = tmp_path_factory.mktemp("features") / "cloud.npz"
    features = np.hstack([1000 * random.normal(size=(200, 1)), points])
    splits = [SPLITS[row // 8 % 5] for row in range(200)]
    np.savez(path, F=features, y=classes, g=np.arange(200) // 2, s=splits)
    return path


@pytest.fixture(scope="module")
def data(file):
    """The points without the noise."""
    return read_features(file, 8)


@pytest.fixture(scope="module")
def flipped(data):
    """Labels of which a tenth is flipped."""
    return flip(data, 0.1, None, seed=0)


@pytest.fixture(scope="module")
def found(data, flipped):
    """The list of doubtful labels."""
    return list_doubtful_labels(data.features[:, None], data.relabelled(flipped))


def test_only_the_last_features_are_read_and_groups_stay(file, data):
    every = read_features(file).features
    assert every.shape == (200, 9)
    assert (data.features == every[:, 1:]).all()
    assert len(set(data.groups(data.known))) == 80
    assert len(data.known) == 160


def test_some_images_are_whole_groups_and_all_test_images(file):
    some = read_features(file, num_images=60)
    assert len(some.known) == 60
    assert len(some.members("test")) == 40
    assert len(set(some.groups(some.known))) == 30


def test_flips_are_outside_the_test_split_and_go_to_another_class(data):
    labels = flip(data, 0.25, None, seed=1)
    wrong = np.flatnonzero(labels != data.labels)
    assert len(wrong) == 40
    assert set(wrong) <= set(data.known)


def test_confused_flips_go_to_the_class_that_the_heads_confuse_most(data):
    partner = confused_with(data)
    assert partner[2:].tolist() == [3, 2]
    labels = flip(data, 0.25, partner, seed=1)
    wrong = labels != data.labels
    assert labels[wrong].tolist() == partner[data.labels[wrong]].tolist()


def test_each_treatment_has_its_labels_and_its_training_images(data, flipped, found):
    made = {name: (labels, set(train)) for name, labels, train in treatments(data, flipped, found)}
    train = set(data.members("train"))
    assert list(made) == ["kept", "corrected", "excluded"]
    assert (made["kept"][0] == flipped).all()
    first = [int(one.image) for one in found.labels[: (flipped != data.labels).sum()]]
    expected = flipped.copy()
    expected[first] = data.labels[first]
    assert (made["corrected"][0] == expected).all()
    assert made["corrected"][1] == train
    left_out = {int(image) for image in choose_excluded(found, data.relabelled(flipped), {})}
    assert left_out
    assert made["excluded"][1] == train - left_out
    assert (made["excluded"][0] == flipped).all()


def test_the_list_is_ours_and_lists_are_precise_where_classes_are_apart(data, flipped, found):
    pytest.importorskip("cleanlab", reason="cleanlab is not installed")
    shares = precisions(data, flipped, found)
    assert next(iter(shares)) == "ours"
    assert min(shares.values()) > 0.5


def test_a_head_is_measured_on_true_labels_of_the_test_split(data, flipped):
    train = data.members("train")
    true, wrong = outcome(data, data.labels, train), outcome(data, flipped, train)
    assert (true.images, true.wrong) == (len(train), 0)
    assert wrong.wrong == (flipped != data.labels)[train].sum() > 0
    assert wrong.loss > true.loss
    test = data.members("test")
    labels = data.labels.copy()
    labels[test] = (labels[test] + 1) % 4
    assert outcome(replace(data, labels=labels), data.labels, train).accuracy < 0.3


def test_the_penalty_is_found_in_folds_of_groups(data, flipped, monkeypatch):
    seen = {}

    def spy(features, labels, **options):
        from lradapt.training.exact_head import solve_head

        seen.update(options)
        return solve_head(features, labels, **options)

    monkeypatch.setattr("benchmarks.doubtful_heads.solve_head", spy)
    train = data.members("train")
    outcome(data, flipped, train)
    assert seen == {"num_classes": 4, "groups": data.groups(train)}


def test_tables_have_a_line_for_each_share_and_treatment(data, monkeypatch):
    pytest.importorskip("cleanlab", reason="cleanlab is not installed")
    monkeypatch.setattr("benchmarks.doubtful_labels.SHARES", (0.1,))
    monkeypatch.setattr("benchmarks.doubtful_labels.KINDS", ("confused",))
    runs = list(measure(data, seeds=2))
    figures = as_table(runs)
    assert figures.labels.tolist() == [
        *("kept", "excluded"),
        *("kept", "corrected", "excluded"),
        *("kept", "corrected", "excluded"),
    ]
    gains = figures[figures.share > 0].groupby("labels").gain_loss.mean()
    assert gains["kept"] == 0
    assert gains["corrected"] < 0
    assert head_table("cloud", figures).row_count == 2 + 3
    assert list_table("cloud", runs).row_count == 1
