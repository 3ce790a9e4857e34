from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.stats import norm

from benchmarks import gate
from benchmarks.gate import POINTS, power_png
from benchmarks.gate_simulation import (
    IMAGES,
    NUM_SNAPSHOTS,
    NUM_TEST_IMAGES,
    RECALLS,
    Rates,
    Scenario,
    Split,
    best_snapshot,
    draw_hits,
    hits_of_best,
    in_each_class,
    make_split,
    simulate,
)
from lradapt.config.params import load_params

RULES = replace(load_params().gate.rules, num_resamples=1000)
RARE = [name for name in IMAGES if name != "nv"]


def rates(gains, draws=600, **scenario):
    return simulate(Scenario(name="", gains=gains, **scenario), RULES, draws=draws, seed=1)


def test_a_test_set_has_a_sixth_of_each_class_in_lesions_of_a_third_more_than_one_image():
    test_images = make_split(NUM_TEST_IMAGES, np.random.default_rng(0))
    assert np.bincount(test_images.labels).tolist() == [1118, 186, 183, 86, 55, 24, 19]
    assert len(test_images.labels) / len(set(test_images.groups)) == pytest.approx(1.34, abs=0.05)
    for label in range(7):
        others = set(test_images.groups[test_images.labels != label])
        assert not others & set(test_images.groups[test_images.labels == label])


def test_models_have_the_recalls_asked_for_and_agree_as_two_trainings_do():
    random = np.random.default_rng(0)
    test_images = make_split(NUM_TEST_IMAGES, random)
    wanted = np.array(list(RECALLS.values()))
    one, other = draw_hits(test_images, [norm.ppf(wanted), norm.ppf(wanted)], 200, random)
    assert one.shape == (NUM_SNAPSHOTS, 200, len(test_images.labels))
    for hits in (one, other):
        found = [hits[:, :, test_images.labels == label].mean() for label in range(7)]
        assert found == pytest.approx(wanted, abs=0.02)
    of_models, of_snapshots = (one[0] != other[0]).mean(), (one[0] != one[1]).mean()
    assert 0.1 < of_models < 0.13
    assert of_snapshots < of_models


def test_the_best_snapshot_is_that_of_the_best_balanced_accuracy():
    split = Split(np.array([0, 0, 0, 1]), np.arange(4))
    common_only, rare_too = [1, 1, 1, 0], [1, 1, 0, 1]
    hits = np.array([[common_only, rare_too], [rare_too, common_only]], bool)
    assert best_snapshot(split, hits).tolist() == [1, 0]


def test_a_choice_on_test_flatters_the_challenger_and_one_on_validation_does_not():
    def gain(chosen_on):
        random = np.random.default_rng(0)
        test_images = make_split(NUM_TEST_IMAGES, random)
        scenario = Scenario(name="", gains={}, chosen_on=chosen_on)
        old, new = hits_of_best(scenario, test_images, 200, random)
        weights = 1 / np.bincount(test_images.labels)[test_images.labels] / 7
        return float(((new * 1.0 - old) @ weights).mean())

    assert gain("validation") == pytest.approx(0, abs=0.005)
    assert gain("test") > 0.01


@pytest.mark.long
@pytest.mark.slow
def test_an_equal_model_is_rarely_superior():
    found = rates({})
    assert 0.01 < found.superior <= 0.06
    assert found.superior < found.not_worse


@pytest.mark.long
@pytest.mark.slow
def test_a_choice_on_test_would_promote_an_equal_model_twice_as_often():
    assert rates({}, chosen_on="test").superior > 0.07


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("gains", [in_each_class(-0.02), {"df": -0.14}])
def test_a_model_two_points_worse_is_rarely_taken_for_no_worse(gains):
    found = rates(gains)
    assert found.not_worse <= 0.065
    assert found.superior <= 0.02


@pytest.mark.long
@pytest.mark.slow
def test_a_gain_on_the_common_class_does_not_hide_a_loss_on_the_rare_ones():
    found = rates(dict.fromkeys(RARE, -0.03) | {"nv": 0.04})
    assert found.not_worse <= 0.06
    assert found.mcnemar > 0.5


@pytest.mark.long
@pytest.mark.slow
def test_a_gain_on_the_rare_classes_is_seen_although_plain_accuracy_falls():
    found = rates(dict.fromkeys(RARE, 0.03) | {"nv": -0.04})
    assert found.superior > 0.08
    assert found.not_worse > 0.3
    assert found.mcnemar < 0.01


@pytest.mark.long
@pytest.mark.slow
def test_a_loss_of_eight_points_in_one_class_is_kept_out_by_the_floor():
    found = rates(dict.fromkeys(RARE, 0.03) | {"nv": -0.08})
    assert found.not_worse > 0.2
    assert found.not_worse_with_floors <= 0.01


@pytest.mark.long
@pytest.mark.slow
def test_five_points_are_seen_on_five_thousand_images():
    found = rates(in_each_class(0.05), draws=200, images=5000)
    assert found.superior > 0.85
    assert found.not_worse > 0.97


def test_the_same_seed_gives_the_same_rates():
    assert rates({}, draws=20, images=500) == rates({}, draws=20, images=500)


def test_the_tables_have_a_line_for_each_challenger_and_the_curves_are_drawn(
    monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(gate, "simulate", lambda *_, **__: Rates(*np.arange(6) / 10))
    curves = tmp_path / "curves.png"
    gate.power(figure=curves)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 3 * len(POINTS)
    assert lines[2] == (
        "| -2 in each class | 500 | 0.0 % | 10.0 % | 20.0 % | 30.0 % | 40.0 % | 50.0 % |"
    )
    gate.errors()
    assert len(capsys.readouterr().out.splitlines()) == 2 + 7
    with Image.open(curves) as picture:
        assert picture.format == "PNG"


def test_another_rate_is_another_picture():
    low, high = ([Rates(*[share] * 6)] * len(POINTS) for share in (0.1, 0.9))
    assert power_png({500: low}) != power_png({500: high})
