"""The labels that people have confirmed, as a file for DVC."""

from pathlib import Path

import pytest

from lradapt.config.paths import read_paths
from lradapt.review.confirmed import write_confirmed
from lradapt.review.decisions import Decisions
from lradapt.review.entries import Decision
from lradapt.runtime.files import read_json
from tests.projects import ROOT

PROJECT = Path("dvc.yaml")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of four images; a function that sets the policy."""
    monkeypatch.chdir(tmp_path)
    for name in ("dvc.yaml", "params.yaml"):
        Path(name).write_text((ROOT / name).read_text())
    labels = read_paths().labels
    labels.parent.mkdir()
    labels.write_text("image,label\na,cat\nb,cat\nc,cat\nd,dog\n")

    def use(policy):
        text = Path("params.yaml").read_text().replace("labels: keep", f"labels: {policy}")
        Path("params.yaml").write_text(text)

    return use


def confirmed():
    path = write_confirmed(PROJECT)
    assert path == read_paths().confirmed
    return read_json(path)["labels"]


def decide(image, action, new=""):
    decision = Decision(image=image, action=action, label="cat", new=new, who="Anna")
    Decisions(read_paths().labels).decide([decision])


def test_kept_and_changed_labels_are_confirmed_skipped_excluded_and_undone_ones_not(project):
    project("exclude")
    assert confirmed() == {}
    decide("a", "keep")
    decide("b", "change", "dog")
    decide("c", "skip")
    assert confirmed() == {"a": "cat", "b": "dog"}
    decide("a", "exclude")
    assert confirmed() == {"b": "dog"}
    Decisions(read_paths().labels).undo("Anna")
    assert confirmed() == {"a": "cat", "b": "dog"}


def test_by_the_policy_keep_no_decision_changes_the_file(project):
    assert confirmed() == {}
    before = read_paths().confirmed.read_bytes()
    decide("a", "keep")
    assert confirmed() == {}
    assert read_paths().confirmed.read_bytes() == before


def test_the_hash_tells_other_labels(project):
    project("exclude")
    write_confirmed(PROJECT)
    before = read_json(read_paths().confirmed)["sha256"]
    decide("a", "keep")
    write_confirmed(PROJECT)
    assert read_json(read_paths().confirmed)["sha256"] != before


def test_a_file_of_stages_without_the_path_writes_nothing(project):
    PROJECT.write_text("vars: [{path: {labels: data/labels.csv}}]\nstages: {}\n")
    assert write_confirmed(PROJECT) is None
