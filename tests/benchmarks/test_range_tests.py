import csv
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks.range_tests import suggestions
from benchmarks.range_tests.arrays import lesions
from benchmarks.range_tests.cells import Settings, head_cell
from benchmarks.range_tests.figures import COLUMNS, GRID, markdown, rate_figures
from benchmarks.range_tests.results import Results
from benchmarks.range_tests.suggestions import exponential, peer_suggestions, until_diverged
from lradapt.errors import TrainingError
from lradapt.training.range_test.rules import RULES


@pytest.fixture
def cell(blobs, engine):
    features = {}
    for seed, split in enumerate(["fit", "validation", "test"]):
        examples = blobs(150, seed=seed)
        features[split] = examples.activations[:, 0].numpy()
        features[f"{split}_labels"] = examples.labels.numpy()
    features["train_labels"] = features["fit_labels"]
    return head_cell("blobs", features, engine, Settings(1e-4, 100.0, 60, 2))[0]


def lines_of(cell, path):
    return rate_figures(cell, Results(path), num_seeds=3, peer_seeds=0, train_seeds=1)


def test_a_cell_gives_a_line_for_each_of_our_rules(cell, tmp_path):
    lines = lines_of(cell, tmp_path / "figures.json").set_index("rule")
    assert lines.index.tolist() == [f"lradapt {rule}" for rule in RULES]
    lowest = lines.loc["lradapt minimum"]
    assert lowest.best_rate in GRID
    assert lowest.spread >= 1
    assert lowest.refused == 0
    assert lowest.accuracy > 0.9


def test_a_resumed_run_measures_nothing_again(cell, tmp_path):
    def never(rate, seed):
        raise AssertionError(f"trained again at {rate}")

    once = lines_of(cell, tmp_path / "figures.json")
    again = lines_of(replace(cell, train=never, start=never), tmp_path / "figures.json")
    assert again.equals(once)


def test_a_training_that_diverges_has_accuracy_zero(cell, tmp_path):
    def lost(rate, seed):
        raise TrainingError("the loss became nan")

    lines = lines_of(replace(cell, train=lost), tmp_path / "figures.json")
    assert set(lines["accuracy"]) == {0.0}


def test_a_peer_that_is_absent_is_left_out(cell, tmp_path, monkeypatch):
    monkeypatch.setattr(suggestions, "PEERS", {"no_such_peer": lambda rates, losses: {"it": 1.0}})
    assert peer_suggestions(cell, 0, Results(tmp_path / "figures.json")) == {}


def test_a_peer_that_is_there_reads_off_the_raw_curve(cell, tmp_path, monkeypatch):
    monkeypatch.setattr(suggestions, "PEERS", {"json": lambda rates, losses: {"it": rates[0]}})
    found = peer_suggestions(cell, 0, Results(tmp_path / "figures.json"))
    assert found == {"it": pytest.approx(1e-7)}


def test_exponential_mean_is_corrected_for_its_start():
    assert exponential(np.array([4.0, 2.0, 2.0]), 0.5) == pytest.approx([4, 8 / 3, 16 / 7])


def test_a_peers_sweep_ends_with_the_first_diverged_point():
    assert until_diverged(np.array([4.0, 1, 3, 5, 6]), 4.0) == 4
    assert until_diverged(np.array([4.0, 1, 3]), 4.0) == 3


def test_the_table_has_a_row_for_each_rule_and_a_column_for_each_cell():
    good = ("digits head", "edge", 0.0312, 1.24, 0, 0.9, -0.26, 0.032, 0.51)
    refused = ("digits all", "edge", None, None, 5, None, None, 0.1, 1.0)
    assert markdown(pd.DataFrame([good, refused], columns=COLUMNS)).splitlines() == [
        "| rule | digits head | digits all |",
        "| --- | --- | --- |",
        "| best of the grid, noise of a seed | 0.032 ± 0.5 | 0.1 ± 1.0 |",
        "| edge | 0.031 (1.2x): +0.3 | refused 5 |",
    ]


def test_no_lesion_is_in_both_splits(tmp_path, random_image):
    (tmp_path / "images").mkdir()
    with (tmp_path / "metadata.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["lesion_id", "image_id", "dx"])
        for number in range(60):
            lesion = number // 2  # two images each; the label names it
            writer.writerow([f"lesion{lesion}", f"image{number}", f"{lesion:02}"])
            random_image(number, (30, 20)).save(tmp_path / f"images/image{number}.jpg")
    found = lesions(tmp_path, size=8, num_train=100)
    assert found["train"].shape[1:] == found["test"].shape[1:] == (8, 8, 3)
    assert len(found["train"]) + len(found["test"]) == 60
    assert len(found["test"]) > 0
    assert not set(found["train_labels"]) & set(found["test_labels"])
