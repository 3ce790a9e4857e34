"""The data brought, and compared with the version last trained on; without a flow around it."""

import shutil

import pytest

from lradapt.data.retrain_decision import Decision
from lradapt.errors import DataError, LradaptError
from tasks import data
from tasks.data import Comparison, Previous, compare_with, decide_retraining, find_previous
from tasks.pipeline.dvc_index import read_stages
from tasks.pipeline.graph import read_graph
from tasks.pipeline.last_run import unfinished_stages
from tasks.pipeline.plan import cut_after, cut_plan, read_plan
from tasks.pipeline.sources import imported, versioned_files
from tasks.processes.child import CommandFailedError
from tests.projects import dvc

pytestmark = pytest.mark.slow

SOURCES = ["data/images.dvc", "data/labels.csv.dvc"]


@pytest.fixture(scope="module")
def trained_once(labelled_once, tmp_path_factory):
    """The project of `trained`, from which each test gets a copy."""
    folder = tmp_path_factory.mktemp("trained")
    shutil.copytree(labelled_once, folder, dirs_exist_ok=True)
    dvc(folder, "add", "data/images", "data/labels.csv")
    dvc(folder, "repro")
    return folder


@pytest.fixture
def trained(trained_once, tmp_path, monkeypatch):
    """The small project, its data versioned and every stage run."""
    shutil.copytree(trained_once, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def relabel(folder, image, label):
    labels = folder / "data/labels.csv"
    lines = [
        f"{image},{label}" if line.startswith(f"{image},") else line
        for line in labels.read_text().splitlines()
    ]
    labels.write_text("\n".join(lines) + "\n")


def changed(previous):
    changes = compare_with(previous, split_is_new=False).changes
    return {row.image: (row.kinds, row.in_test) for row in changes.rows}


def test_before_the_first_training_there_is_no_former_version(labelled):
    assert find_previous.fn(read_stages()) == Previous(None, "nothing has been trained yet")


def test_changes_are_counted_from_what_was_trained_on_and_not_from_what_was_versioned(trained):
    relabel(trained, "a", "y")
    dvc(trained, "add", "data/labels.csv")  # a version of its own, on which nothing was trained
    relabel(trained, "b", "y")
    assert changed(find_previous.fn(read_stages())) == {
        "a": (("relabelled",), True),
        "b": (("relabelled",), False),
    }


def test_pixels_are_compared_with_those_of_the_former_table(trained):
    (trained / "data/images/b").write_text("other")
    previous = find_previous.fn(read_stages())
    dvc(trained, "repro", "ingest")
    assert changed(previous) == {"b": (("changed pixels",), False)}
    assert changed(find_previous.fn(read_stages())) == changed(previous), "split has not run since"


def test_after_the_split_the_new_sides_are_known_and_nothing_is_left_to_compare(trained):
    previous = find_previous.fn(read_stages())
    relabel(trained, "b", "y")
    dvc(trained, "repro", "split")
    (change,) = compare_with(previous, split_is_new=True).changes.rows
    assert change.split_after == "train"
    assert changed(find_previous.fn(read_stages())) == {}


def test_former_labels_that_dvc_did_not_keep_are_reported(labelled):
    dvc(labelled, "repro")
    relabel(labelled, "b", "y")
    dvc(labelled, "add", "data/labels.csv")
    previous = find_previous.fn(read_stages())
    assert previous.tables is None
    assert "last trained on" in previous.reason
    assert "is in neither DVC's cache nor its remote" in previous.reason
    assert compare_with(previous, split_is_new=False) == Comparison(None, previous.reason)


def test_a_fresh_clone_finds_the_former_version_in_the_remote(trained, tmp_path_factory):
    dvc(trained, "remote", "add", "-d", "store", str(tmp_path_factory.mktemp("store")))
    dvc(trained, "push")
    relabel(trained, "b", "y")
    dvc(trained, "add", "data/labels.csv")
    shutil.rmtree(trained / ".dvc/cache")
    assert changed(find_previous.fn(read_stages())) == {"b": (("relabelled",), False)}


def test_former_labels_with_faults_do_not_stop_a_run(trained, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text("image,label\na,\n")
    previous = find_previous.fn(read_stages())
    comparison = compare_with(Previous(type(previous.tables)(bad)), split_is_new=False)
    assert comparison.changes is None
    assert "cannot be read" in comparison.reason
    assert "the label is empty" in comparison.sentence


def test_thresholds_come_from_the_params(trained):
    previous = find_previous.fn(read_stages())
    relabel(trained, "a", "y")
    comparison = compare_with(previous, split_is_new=False)
    assert decide_retraining(comparison, []).retrain
    params = (trained / "params.yaml").read_text()
    params = params.replace("test_relabels: true", "test_relabels: false")
    (trained / "params.yaml").write_text(params.replace("share: 0.1 ", "share: 1.0 "))
    assert decide_retraining(comparison, []).retrain  # the class y is all new
    relabel(trained, "a", "x")
    assert decide_retraining(compare_with(previous, split_is_new=False), []) == Decision(
        False, "nothing has changed since the last training"
    )


def test_an_unknown_former_version_and_a_run_left_unfinished_are_worth_a_training():
    unknown = Comparison(None, "nothing has been trained yet")
    assert decide_retraining(unknown, []) == Decision(True, "nothing has been trained yet")


def test_a_run_that_stopped_between_stages_is_seen_as_unfinished(trained):
    table = "build/images.csv"
    _, rest = cut_plan(read_plan.fn("dvc.yaml"), table)
    assert unfinished_stages(rest) == []
    relabel(trained, "b", "y")
    (trained / "fail").unlink()
    assert dvc(trained, "repro", check=False).returncode
    assert unfinished_stages(rest) == ["train"]
    comparison = compare_with(find_previous.fn(read_stages()), split_is_new=False)
    assert comparison.changes.rows == ()
    assert decide_retraining(comparison, unfinished_stages(rest)) == Decision(
        True, "the last run did not reach train"
    )


def test_images_decoded_but_not_trained_on_are_no_unfinished_run(trained):
    _, rest = cut_plan(read_plan.fn("dvc.yaml"), "build/images.csv")
    (trained / "data/images/b").write_text("other")
    dvc(trained, "repro", "ingest")
    assert unfinished_stages(rest) == []


def test_a_plan_is_cut_below_what_makes_a_path_with_all_sources_above(trained):
    plan = read_plan.fn("dvc.yaml")
    upper, rest = cut_plan(plan, "build/images.csv")
    assert [node.address for node in upper] == [*SOURCES, "ingest"]
    assert [node.address for node in rest] == ["split", "train"]
    upper, rest = cut_plan(plan, "build/split.csv")
    assert [node.address for node in rest] == ["train"]
    first, after = cut_after(plan, "build/images.csv")
    assert [node.address for node in first][-1] == "ingest"
    assert [*first, *after] == plan
    assert versioned_files("dvc.yaml") == [*SOURCES, "dvc.lock"]


def test_outside_a_repository_of_dvc_the_message_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LradaptError, match=r"is in no DVC repository.*`dvc init`"):
        read_graph("dvc.yaml")


def test_an_update_without_an_import_is_refused(trained):
    with pytest.raises(DataError, match="nothing to update: DVC imports no data of this project"):
        data.bring.fn(data.UPDATE, SOURCES)


def test_an_update_brings_what_has_changed_where_it_was_imported_from(labelled, tmp_path_factory):
    origin = tmp_path_factory.mktemp("origin") / "labels.csv"
    origin.write_text("image,label\na,y\n")
    dvc(labelled, "import-url", "--force", str(origin), "data/labels.csv")
    dvc(labelled, "add", "data/images")
    assert imported(SOURCES) == ["data/labels.csv.dvc"]
    origin.write_text("image,label\na,z\n")
    data.bring.fn(data.UPDATE, SOURCES)
    assert (labelled / "data/labels.csv").read_text() == origin.read_text()


def test_a_pull_without_versions_or_without_a_remote_is_refused(trained):
    with pytest.raises(DataError, match=r"nothing to pull: this project has no \.dvc file"):
        data.bring.fn(data.PULL, [])
    with pytest.raises(DataError, match="no DVC remote to pull from: set one with `dvc remote add"):
        data.bring.fn(data.PULL, SOURCES)


def test_a_pull_brings_what_the_dvc_files_name(trained, tmp_path_factory):
    dvc(trained, "remote", "add", "-d", "store", str(tmp_path_factory.mktemp("store")))
    previous = (trained / "data/labels.csv.dvc").read_text()
    dvc(trained, "push", *SOURCES)
    relabel(trained, "a", "y")
    dvc(trained, "add", "data/labels.csv")
    (trained / "data/labels.csv.dvc").write_text(previous)  # as `git pull` would
    data.bring.fn(data.PULL, SOURCES)
    assert "a,x" in (trained / "data/labels.csv").read_text()


def test_a_pull_does_not_overwrite_what_nobody_has_versioned(trained, tmp_path_factory):
    dvc(trained, "remote", "add", "-d", "store", str(tmp_path_factory.mktemp("store")))
    dvc(trained, "push", *SOURCES)
    relabel(trained, "a", "y")
    with pytest.raises(CommandFailedError):
        data.bring.fn(data.PULL, SOURCES)
    assert "a,y" in (trained / "data/labels.csv").read_text()
