import numpy as np
import pytest

from lradapt.evaluation.intervals import share_interval
from lradapt.evaluation.slice_results import slice_results, worst_slice
from lradapt.evaluation.slice_table import read_slice_results, write_slices

NAMES = ["cat", "dog"]


def results(labels, predicted, slices, groups=None):
    labels = np.array(labels)
    groups = np.arange(len(labels)) if groups is None else np.array(groups)
    return slice_results(labels, np.array(predicted), groups, NAMES, slices)


def test_a_slice_has_its_accuracy_its_interval_and_the_recall_of_each_class_in_it():
    found = results(
        [0, 0, 0, 1, 1, 0],
        [0, 0, 1, 1, 0, 0],
        {"site": ["Wien", "Wien", "Wien", "Wien", "Graz", ""]},
    )
    assert [(each.name, each.images) for each in found] == [("site = Graz", 1), ("site = Wien", 4)]
    wien = found[1]
    assert wien.accuracy == 3 / 4
    hits = np.array([True, True, False, True])
    assert wien.interval == share_interval(hits, np.arange(4))
    assert [(each.name, each.images, each.recall) for each in wien.classes] == [
        ("cat", 3, 2 / 3),
        ("dog", 1, 1.0),
    ]
    # recall in the whole test set: cat 3 of 4, dog 1 of 2
    assert wien.expected == pytest.approx((3 * 0.75 + 0.5) / 4)


def test_a_slice_of_one_class_is_compared_with_the_recall_of_that_class():
    labels = [0] * 100 + [1] * 100
    predicted = [0] * 100 + [1] * 50 + [0] * 50  # dogs are difficult everywhere
    (cats, dogs) = results(labels, predicted, {"kind": ["c"] * 100 + ["d"] * 100})
    assert (cats.expected, dogs.expected) == (1.0, 0.5)
    assert dogs.accuracy == 0.5
    assert dogs.p > 0.4
    assert worst_slice([cats, dogs]) is None


def test_a_slice_that_is_worse_beyond_chance_is_found_and_described():
    labels = [0] * 200 + [1] * 200
    predicted = [0] * 180 + [1] * 20 + [1] * 200
    camera = ["new" if 170 <= number < 205 else "old" for number in range(400)]
    site = ["a" if number % 2 else "b" for number in range(400)]
    found = results(labels, predicted, {"site": site, "camera": camera})
    worst = worst_slice(found)
    assert worst.name == "camera = new"
    assert worst.p < 1e-4
    assert worst.describe() == (
        f"camera = new: accuracy 42.9% on 35 test images; with the recall of each class in all of "
        f"them it would be 91.4% (p {worst.p:.2g})"
    )


@pytest.mark.parametrize(("images", "groups"), [(19, 19), (40, 9)])
def test_a_slice_with_too_few_images_or_groups_is_not_tested(images, groups):
    labels = [0] * (images + 100)
    predicted = [1] * images + [0] * 100
    values = ["x"] * images + [""] * 100
    (found,) = results(
        labels, predicted, {"site": values}, [n % groups for n in range(len(labels))]
    )
    assert (found.accuracy, found.p) == (0.0, None)
    assert worst_slice([found]) is None


def test_images_of_one_group_do_not_count_as_many():
    labels = [0] * 400
    wrong = [1 if 40 <= number < 100 else 0 for number in range(400)]
    values = ["x" if number < 100 else "y" for number in range(400)]
    alone = results(labels, wrong, {"site": values})
    of_one = [number if not 40 <= number < 100 else 40 for number in range(400)]
    grouped = results(labels, wrong, {"site": values}, of_one)
    assert alone[0].p < 1e-6
    assert grouped[0].p > 0.1


def test_the_p_values_are_corrected_for_the_number_of_slices():
    labels = [0] * 400
    predicted = [1 if number % 11 == 0 or 300 <= number < 316 else 0 for number in range(400)]
    values = [str(number // 100) for number in range(400)]
    noise = {f"noise {k}": [str((number * k) % 2) for number in range(400)] for k in (1, 3, 7)}
    (alone,) = (each for each in results(labels, predicted, {"q": values}) if each.value == "3")
    found = results(labels, predicted, {"q": values, **noise})
    (among,) = (each for each in found if each.name == "q = 3")
    assert among.p == pytest.approx(alone.p / 4 * 10)


def test_of_two_slices_the_less_clear_one_is_corrected_for_itself_alone():
    labels = [0] * 400
    predicted = [1 if number % 4 == 0 and number < 200 else 0 for number in range(400)]
    clear = ["x" if number < 60 else "" for number in range(400)]
    less = ["y" if 100 <= number < 130 else "" for number in range(400)]
    (alone,), (other,) = (results(labels, predicted, {"site": values}) for values in (clear, less))
    both = results(labels, predicted, {"site": clear, "camera": less})
    assert alone.p < other.p < 0.5
    assert both[0].p == pytest.approx(2 * alone.p)
    assert both[1].p == pytest.approx(max(other.p, 2 * alone.p))


def test_without_a_difference_a_slice_is_named_by_chance_in_at_most_a_twentieth():
    random = np.random.default_rng(0)
    named = 0
    for _ in range(400):
        labels = random.integers(0, 2, 300)
        predicted = np.where(random.random(300) < 0.8, labels, 1 - labels)
        slices = {c: random.choice(["a", "b", "c"], 300).tolist() for c in ("site", "camera")}
        named += worst_slice(results(labels, predicted, slices)) is not None
    assert named <= 0.05 * 400 + 8


def test_the_table_is_read_back_as_it_was(tmp_path):
    labels = [0] * 30 + [1] * 30
    predicted = [0] * 25 + [1] * 30 + [0] * 5
    slices = {"=site": ["a", "-b", "c"] * 20, "camera": [""] * 59 + ['x,"y']}
    found = results(labels, predicted, slices)
    assert {each.p is None for each in found} == {True, False}
    path = tmp_path / "slices.csv"
    write_slices(path, found)
    assert read_slice_results(path) == found
    assert "'=site,'-b,," in path.read_text(), "a spreadsheet would run it as a formula"


def test_without_slices_the_table_has_its_header_alone(tmp_path):
    path = tmp_path / "slices.csv"
    write_slices(path, results([0, 1], [0, 1], {}))
    assert path.read_text() == "column,value,class,images,share,low,high,expected,p\n"
    assert read_slice_results(path) == []
