"""What is picked: by chance, least sure, least like training, and no two alike."""

import hashlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from recorded_answers import HEADER

from lradapt.recording.read import Recorded
from lradapt.review.picking import Pick, distances_to_training, first_of_each, pick


def recorded(probabilities, features=None, names=None, groups=None):
    count = len(probabilities)
    names = range(count) if names is None else names
    zeros = np.zeros(count, np.float32)
    return Recorded(
        np.arange(count).astype("datetime64[ms]"),
        tuple(hashlib.sha256(str(name).encode()).hexdigest() for name in names),
        HEADER.version,
        HEADER.classes,
        np.asarray(probabilities, np.float32),
        np.zeros((count, 0), np.float32) if features is None else np.asarray(features, np.float32),
        zeros,
        zeros,
        groups=groups,
    )


@pytest.fixture
def many():
    """1,000 answers with random features, the surest last; and their distances to training."""
    random = np.random.default_rng(0)
    sure = np.linspace(0.5, 1, 1000)
    answers = recorded(np.stack([sure, 1 - sure], axis=1), random.normal(size=(1000, 16)))
    return answers, random.permutation(1000).astype(np.float32)


def rows(picks, kind):
    return [each.row for each in picks if each.kind == kind]


def test_a_tenth_is_drawn_by_chance_and_the_others_by_both_measures_in_turn(many):
    answers, distances = many
    picks = pick(answers, range(1000), 100, distances)
    assert Counter(each.kind for each in picks) == {"random": 10, "unsure": 45, "unlike": 45}
    assert len({each.row for each in picks}) == 100


def test_the_least_sure_and_the_least_like_training_are_picked(many):
    answers, distances = many
    picks = pick(answers, range(1000), 100, distances)
    assert max(rows(picks, "unsure")) < 200
    assert min(distances[rows(picks, "unlike")]) >= 800


def test_the_random_tenth_is_drawn_without_a_look_at_the_answers(many):
    answers, distances = many
    others = recorded(answers.probabilities[::-1], answers.features[::-1] ** 2)
    drawn = rows(pick(answers, range(1000), 100, distances), "random")
    assert rows(pick(others, range(1000), 100, -distances), "random") == drawn
    assert rows(pick(answers, range(1000), 500, distances), "random")[:10] == drawn


def test_the_random_tenth_is_spread_over_all_answers(many):
    answers, distances = many
    drawn = np.array(rows(pick(answers, range(1000), 1000, distances), "random"))
    assert len(drawn) == 100
    assert np.histogram(drawn, 4, (0, 1000))[0].min() > 12


def test_no_two_alike_are_picked_unless_by_chance():
    random = np.random.default_rng(0)
    kinds = random.normal(size=(20, 8))
    features = np.repeat(kinds, 50, axis=0) + 0.001 * random.normal(size=(1000, 8))
    answers = recorded(np.tile([0.5, 0.5], (1000, 1)), features)
    picks = pick(answers, range(1000), 100, np.ones(1000, np.float32))
    drawn = {row // 50 for row in rows(picks, "random")}
    others = [each.row // 50 for each in picks if each.kind != "random"]
    assert len(others) == len(set(others)) == 20 - len(drawn)
    assert not drawn & set(others)


def of_groups(answers, size):
    """The answers in groups of `size` that follow each other; the last 100 have none."""
    named = [f"group {row // size}" for row in range(len(answers) - 100)]
    return replace(answers, groups=(*named, *[""] * 100))


def groups_of(answers, picks):
    """How many images of each group the answers of the model have chosen."""
    chosen = Counter(answers.group_of(each.row) for each in picks if each.kind != "random")
    return Counter({group: count for group, count in chosen.items() if group})


def test_another_image_of_a_group_is_chosen_only_after_all_other_groups(many):
    answers = of_groups(many[0], 5)
    picks = pick(answers, range(1000), 50, many[1])
    assert max(groups_of(answers, picks).values()) == 1
    larger = of_groups(many[0], 20)
    picks = pick(larger, range(1000), 200, many[1])
    assert max(groups_of(larger, picks).values()) > 1


def test_a_group_of_which_chance_has_drawn_an_image_gives_no_other(many):
    answers = of_groups(many[0], 20)
    picks = pick(answers, range(1000), 500, many[1])
    drawn = {answers.group_of(row) for row in rows(picks, "random")} - {""}
    assert drawn
    assert not drawn & set(groups_of(answers, picks))


def test_only_chance_draws_from_groups_on_which_models_are_measured(many):
    answers, distances = of_groups(many[0], 20), many[1]
    held_out = {f"group {number}" for number in range(0, 45, 2)} | {""}
    picks = pick(answers, range(1000), 100, distances, held_out)
    chosen = groups_of(answers, picks)
    assert chosen
    assert not held_out & set(chosen)
    assert len(picks) - 10 > chosen.total()  # an image without a group is none of a group ""
    plain = pick(many[0], range(1000), 100, distances)
    assert rows(picks, "random") == rows(plain, "random")


def test_of_the_best_three_the_one_furthest_from_the_others_is_next():
    probabilities = [[0.5, 0.5], [0.52, 0.48], [0.54, 0.46], [0.6, 0.4]]
    drawn = pick(recorded(probabilities), range(4), 1, None)[0].row
    rest = [row for row in range(4) if row != drawn]
    places = dict(zip([drawn, *rest], [[1, 0], [1, 0.3], [0, 1], [1, 0.6]], strict=True))
    answers = recorded(probabilities, [places[row] for row in range(4)])
    assert pick(answers, range(4), 2, None) == [Pick(drawn, "random"), Pick(rest[1], "unsure")]


def test_without_distances_all_but_the_random_ones_are_the_least_sure(many):
    picks = pick(many[0], range(1000), 50, None)
    assert Counter(each.kind for each in picks) == {"random": 5, "unsure": 45}


def test_without_features_equal_probabilities_are_alike():
    answers = recorded([[0.5, 0.5]] * 30 + [[0.8, 0.2]] * 30 + [[0.1, 0.9]] * 30)
    picks = pick(answers, range(90), 10, None)
    assert len(picks) <= 3


@pytest.mark.parametrize("count", [1, 2, 5, 100])
def test_few_answers_are_all_that_can_be_picked(count):
    answers = recorded([[0.6, 0.4], [0.7, 0.3], [0.8, 0.2]], np.eye(3))
    picks = pick(answers, range(3), count, np.ones(3, np.float32))
    assert len(picks) == min(count, 3)
    assert pick(answers, [], count, None) == []


def test_only_candidates_are_picked(many):
    answers, distances = many
    picks = pick(answers, range(500, 600), 100, distances)
    assert {each.row for each in picks} <= set(range(500, 600))


def test_the_distance_is_one_minus_the_cosine_to_the_nearest_training_image():
    features = np.array([[2, 0], [0, -3], [1, 1]], np.float32)
    training = np.array([[5, 0], [0, 1]], np.float32)
    expected = [0, 1, 1 - np.sqrt(0.5)]
    assert distances_to_training(features, training).tolist() == pytest.approx(expected, abs=1e-6)


def test_an_image_that_was_asked_twice_is_one_candidate():
    answers = recorded([[0.6, 0.4]] * 4, names=["a", "b", "a", "c"])
    assert first_of_each(answers, set()) == [0, 1, 3]
    assert first_of_each(answers, {answers.sha256[1]}) == [0, 3]
