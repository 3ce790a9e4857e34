"""Stage `doubtful_labels` writes the split that the training reads."""

from dataclasses import replace

import numpy as np
import pytest

from lradapt.data.doubtful_table import read_doubtful
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import read_split, write_split
from lradapt.runtime.files import read_json, write_json
from lradapt.stages import doubtful_labels
from tests.projects import ROOT

SPLITS = ("train", "train", "train", "validation", "test")
WRONG = ("000.png", "003.png", "009.png", "012.png")  # two of train, one of validation and test


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function that runs the stage by a policy on clouds of points with four wrong labels."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    classes = np.arange(150) % 3
    features = 6 * np.eye(8)[classes] + random.normal(size=(150, 8))
    np.save("activations.npy", features[:, None].astype(np.float32))
    rows = [
        LabelledImage(f"{row:03d}.png", "abc"[number], "", SPLITS[row // 3 % 5], f"{row:03d}", row)
        for row, number in enumerate(classes)
    ]
    rows = [replace(row, label="b") if row.image in WRONG else row for row in rows]
    names = ("activations.npy", "split.csv", "confirmed.json", "doubtful.csv", "summary.json")
    files = {name.partition(".")[0]: tmp_path / name for name in names}
    files["training_split"] = tmp_path / "training_split.csv"

    def main(policy, confirmed=(), small_class=0):
        few = [replace(row, label="few") if n < small_class else row for n, row in enumerate(rows)]
        write_split(files["split"], few)
        text = (ROOT / "params.yaml").read_text()
        assert "doubtful_labels: keep" in text
        (tmp_path / "params.yaml").write_text(text.replace("labels: keep", f"labels: {policy}"))
        write_json(files["confirmed"], {"sha256": "", "labels": dict(confirmed)})
        doubtful_labels.main(**files)
        return files

    return main


def test_by_default_the_training_reads_the_whole_split(run):
    files = run("keep")
    assert files["training_split"].read_bytes() == files["split"].read_bytes()
    found = read_json(files["summary"])
    assert (found["policy"], found["excluded"]) == ("keep", 0)
    assert found["confident"] >= 3


def test_if_asked_for_doubtful_training_images_are_excluded_but_no_confirmed_ones(run, caplog):
    files = run("exclude", {"003.png": "b"})
    rows = read_split(files["training_split"])
    excluded = [row.image for row in rows if row.split == "excluded"]
    assert "000.png" in excluded
    assert not {"003.png", "009.png", "012.png"} & set(excluded)
    assert read_json(files["summary"])["excluded"] == len(excluded)
    assert f"{len(excluded)} images are not trained on" in caplog.text


@pytest.mark.parametrize("policy", ["keep", "exclude"])
def test_a_class_of_two_images_is_reported_and_neither_judged_nor_excluded(run, caplog, policy):
    files = run(policy, small_class=2)
    assert read_json(files["summary"])["skipped_classes"] == {"few": 2}
    assert "classes of too few groups, not judged: few" in caplog.text
    assert not {"000.png", "001.png"} & {one.image for one in read_doubtful(files["doubtful"])}
    rows = read_split(files["training_split"])
    assert [row.split for row in rows if row.label == "few"] == ["train", "train"]


def test_without_two_classes_to_judge_nothing_is_excluded_and_the_reason_is_reported(run, caplog):
    files = run("exclude", small_class=150)
    found = read_json(files["summary"])
    assert (found["excluded"], found["confident"]) == (0, 0)
    assert "no label was judged: fewer than two classes" in caplog.text
    assert files["training_split"].read_bytes() == files["split"].read_bytes()
