from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.range_tests.arrays import enlarged_digits
from benchmarks.rate_grid.cells import Cell, params_of
from benchmarks.rate_grid.figures import Row, Seed, summary, table
from benchmarks.rate_grid.head_cell import HeadCell
from benchmarks.rate_grid.images import divided, of_digits, resized
from benchmarks.rate_grid.measure import Measurement
from benchmarks.rate_grid.rows import hits, row_of
from lradapt.errors import DivergedError

N = 200


def some_right(count, first=0):
    """Return which of N images are right: `count` of them from `first` on."""
    right = np.zeros(N, dtype=bool)
    right[first : first + count] = True
    return right


def seed_of(found, *grid):
    return Seed(1e-4, "", some_right(found), np.stack([some_right(count) for count in grid]))


def row_with(*seeds, suggested=(1e-4, 1.2e-4)):
    return Row("skin", "net", "head", (1e-5, 1e-4, 1e-3), 0.5, seeds, suggested)


def test_a_shortfall_is_of_the_grid_s_best_rate_in_points():
    assert seed_of(150, 100, 160, 120).shortfall == pytest.approx(5)
    assert seed_of(170, 100, 160, 120).shortfall == pytest.approx(-5)


def test_the_standard_error_counts_the_images_that_one_of_the_two_has_wrong():
    assert seed_of(160, 100, 160, 120).standard_error == 0
    # 10 of 200 images differ: a variance of 0.05 - 0.05**2 for each
    expected = np.sqrt((0.05 - 0.05**2) / N) * 100
    assert seed_of(150, 100, 160, 120).standard_error == pytest.approx(expected)


def test_a_fair_shortfall_is_measured_on_images_that_did_not_choose_the_rate():
    # One rate is right on all even images, the other on all odd ones: each is best by chance alone.
    even = np.arange(N) % 2 == 0
    seed = Seed(1e-4, "", some_right(0), np.stack([even, ~even]))
    assert seed.shortfall == pytest.approx(50)
    assert seed.fair_shortfall == pytest.approx(0)


def test_the_mean_over_seeds_has_one_best_rate():
    row = row_with(seed_of(150, 100, 160, 120), seed_of(150, 100, 120, 170))
    assert row.shortfall == pytest.approx(100 * (145 - 150) / N)  # the third rate: 120 and 170
    assert row.chance() == [pytest.approx(20), pytest.approx(25)]


def test_one_seed_tells_nothing_about_chance():
    assert row_with(seed_of(150, 100, 160, 120)).chance() == []


def test_the_summary_counts_the_cells_within_a_point_and_the_spreads():
    rows = [
        row_with(seed_of(159, 100, 160, 120), seed_of(150, 100, 160, 120)),
        row_with(seed_of(158, 100, 160, 120), suggested=(1e-4, 1.6e-4)),
    ]
    lines = summary(rows).splitlines()
    assert lines[0] == "- 3 cells of 2 pairs of images and backbone"
    assert lines[1] == "- within 1 point of the grid's best: 2 of 3"
    assert lines[6] == "- spread over seeds of at most 1.5: 1 of 2 pairs, the largest 1.6"
    assert lines[7] == "- refused: 0"


def test_the_table_has_a_line_for_each_pair():
    line = table([row_with(seed_of(150, 100, 160, 120))]).splitlines()[-1]
    assert line.startswith(
        "| skin | net | head | 50.0% | 80.0% at 0.0001 | 0.0001, 0.00012 | 1.20 | 75.0%"
    )


def test_no_group_is_in_both_splits():
    groups = np.repeat(np.arange(30), 3)
    train, test = divided(groups, num_train=20, num_test=40)
    assert len(train) == 21  # the last group is whole
    assert len(test) == 40
    assert not set(groups[train]) & set(groups[test])


def test_squares_are_enlarged_only_where_their_side_differs():
    squares = np.zeros((2, 8, 8, 3), dtype=np.uint8)
    assert resized(squares, 8) is squares
    assert resized(squares, 12).shape == (2, 12, 12, 3)


@pytest.mark.slow
def test_digits_are_divided_too():
    arrays = of_digits(size=12, num_train=30, num_test=50)
    pixels, labels = enlarged_digits(12)
    assert (arrays["train"] == pixels[arrays["train_groups"]]).all()
    assert (arrays["train_labels"] == labels[arrays["train_groups"]]).all()
    assert len(arrays["test"]) == 50


def test_the_parameters_are_those_of_an_import_of_photographs():
    params = params_of(
        "resnet18", epochs=3, num_images=480, input_size=64, rule="rise", num_sweeps=1
    )
    assert params.finetune.optimizer == "adamw"
    assert params.finetune.batchnorm == "frozen"
    assert (params.finetune.num_cycles, params.finetune.first_cycle_epochs) == (1, 3)
    assert params.finetune.batch_size == 16  # of 480 images
    assert list(params.body_rates.rates) == [0.0, 2e-4, 4e-5]
    assert params.find_body_lr.rule == "rise"


@pytest.fixture
def cell(tmp_path):
    arrays = of_digits(size=32, num_train=40, num_test=30)
    params = params_of(
        "resnet18", epochs=1, num_images=40, input_size=32, rule="rise", num_sweeps=1
    )
    test = params.find_body_lr.model_copy(update={"num_steps": 12})
    params = params.model_copy(update={"find_body_lr": test})
    return Cell(arrays, params, "none", tmp_path / "digits-resnet18", flip=False)


@pytest.mark.long
@pytest.mark.slow
def test_a_cell_is_measured_once_and_gives_a_row(cell, monkeypatch):
    monkeypatch.setattr(Cell, "grid", Cell.grid[:2])
    labels = cell.arrays["test_labels"]
    first = Measurement(cell, cell.folder, labels)
    assert row_of("digits", "resnet18", first, [0]) is None
    first.sweeps(0)
    assert row_of("digits", "resnet18", first, [0]) is None
    first.train(0)

    def never(*_):
        raise AssertionError("trained again")

    again = Measurement(cell, cell.folder, labels)
    monkeypatch.setattr(Cell, "trained", never)
    again.train(0)
    row = row_of("digits", "resnet18", again, [0, 1])
    assert len(row.seeds) == 1
    assert row.seeds[0].grid_hits.shape == (2, 30)
    assert row.suggested == [again.found_rate(0)]


@pytest.mark.slow
def test_a_head_is_measured_at_every_rate(cell):
    measurement = Measurement(HeadCell(cell), cell.folder, cell.arrays["test_labels"])
    measurement.sweeps(0)
    measurement.train(0)
    row = row_of("digits", "resnet18", measurement, [0])
    assert (row.part, row.grid) == ("head", HeadCell.grid)
    assert row.seeds[0].grid_hits.shape == (8, 30)
    assert row.accuracies[0] < row.accuracies.max()


def some_cell(**changes):
    return SimpleNamespace(name="head", given=[1e-2], grid=HeadCell.grid, **changes)


def test_a_training_that_diverges_has_no_image_right(tmp_path):
    def diverges(max_lrs, seed):
        raise DivergedError("the loss is nan")

    cell = some_cell(trained=diverges, logits=None)
    figures = Measurement(cell, tmp_path, np.zeros(5, dtype=int)).at(1e-2, 0)
    assert not hits(figures, np.zeros(5)).any()


def test_predictions_are_kept_image_by_image(tmp_path):
    labels = np.array([2, 0, 1])
    logits = np.eye(3)[[2, 0, 0]]
    cell = some_cell(trained=lambda max_lrs, seed: None, logits=lambda model: logits)
    figures = Measurement(cell, tmp_path, labels).at(1e-3, 0)
    assert hits(figures, labels).tolist() == [True, True, False]
