"""The update from end to end: brought, compared, trained where it is worth it, recorded."""

import re
import shutil
import sys

import pytest
import yaml

from tests.projects import dvc, run

pytestmark = [pytest.mark.slow, pytest.mark.long]

THRESHOLDS = {"min_changes": 4, "min_class_share": 1.0, "test_relabels": True}


def watch(project, *options, check=True):
    done = run(project, sys.executable, "-m", "flows.watch_labels", *options, check=check)
    return done.stdout


def relabel(project, images):
    """Give these images the next colour as their label."""
    labels = project / "data/labels.csv"
    lines = []
    for line in labels.read_text().splitlines():
        image, label = line.split(",")
        lines.append(f"{image},{'gbr'['rgb'.index(label)]}" if image in images else line)
    labels.write_text("\n".join(lines) + "\n")


def in_split(project, side):
    lines = (project / "build/split/split.csv").read_text().splitlines()
    return [line.split(",")[1] for line in lines if line.endswith(f",{side}")]


def git(project, *words):
    return run(project, "git", *words).stdout


@pytest.fixture(scope="module")
def watched(known, by_server, tmp_path_factory):
    """The project after its first watch, with a remote and thresholds of its own; its output."""
    project = known
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["watch"] = THRESHOLDS
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    dvc(project, "remote", "add", "-d", "store", str(tmp_path_factory.mktemp("store")))
    for name in ("name", "email"):
        git(project, "config", f"user.{name}", "t@t")
    git(project, "commit", "-qam", "a remote and thresholds")
    return project, watch(project)


def test_the_first_watch_trains_promotes_and_pushes(watched):
    project, output = watched
    assert "training: nothing has been trained yet" in output
    assert "promote: it is the first model" in output
    assert git(project, "log", "-1", "--format=%s").strip() == "a remote and thresholds"
    assert "in sync" in dvc(project, "status", "--cloud").stdout


def test_changes_too_few_for_a_training_are_versioned_and_committed(watched):
    project, _ = watched
    images = in_split(project, "train")
    lock = (project / "dvc.lock").read_text()

    relabel(project, images[:2])
    (project / "loose.txt").write_text("staged by somebody")
    git(project, "add", "loose.txt")
    output = watch(project, "--commit")
    assert "2 changes of 60 images: 2 relabelled; 0 in test" in output
    assert "no training: changes: 2, threshold: 4" in output
    assert "Running stage" not in output
    assert (project / "dvc.lock").read_text() == lock
    assert "labels.csv.dvc" not in dvc(project, "status").stdout, "the version is not recorded"
    assert git(project, "log", "-1", "--format=%s").startswith("2 changes of 60 images")
    committed = git(project, "show", "--name-only", "--format=").split()
    sources = ["backbone.safetensors", "champion.safetensors", "images", "labels.csv"]
    assert committed == [*(f"data/{name}.dvc" for name in sources), "dvc.lock"]
    assert "A  loose.txt" in git(project, "status", "--short")


def test_changes_that_are_worth_a_training_are_trained_on_once(watched):
    project, _ = watched
    head = git(project, "rev-parse", "HEAD")
    relabel(project, in_split(project, "train")[2:6])
    output = watch(project)
    assert re.search("training: changes: (4|6), threshold: 4", output)  # 6 after the test above
    assert "Running stage 'finetune'" in output
    assert "Running stage 'ingest'" not in output
    assert "Running stage 'activations'" not in output
    assert git(project, "rev-parse", "HEAD") == head, "without --commit nothing is committed"

    assert "no training: nothing has changed since the last training" in watch(project)


def test_a_model_that_was_trained_and_not_published_is_published_without_a_change(watched):
    project, _ = watched
    output = watch(project, "--registry", "elsewhere")
    assert "training: the last trained model was not published" in output
    assert "Running stage" not in output
    assert "promote: it is the first model" in output


def test_a_folder_that_others_write_to_is_brought(watched, tmp_path):
    project, _ = watched
    for name in ("images", "labels.csv"):
        copy = shutil.copytree if name == "images" else shutil.copy
        copy(project / "data" / name, tmp_path / name)
    relabel_there = (tmp_path / "labels.csv").read_text().splitlines()
    gone = next(line for line in relabel_there if line.startswith(in_split(project, "train")[9]))
    relabel_there.remove(gone)
    (tmp_path / "labels.csv").write_text("\n".join(relabel_there) + "\n")
    (tmp_path / "images" / gone.split(",")[0]).unlink()
    output = watch(project, "--from", str(tmp_path))
    assert "1 change of 60 images: 1 removed; 0 in test" in output
    assert "no training: changes: 1, threshold: 4" in output
    assert not (project / "data/images" / gone.split(",")[0]).exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [("update", "nothing to update: DVC imports"), ("absent", "no folder absent to copy the data")],
)
def test_what_cannot_be_brought_is_one_message(watched, source, message):
    project, _ = watched
    output = watch(project, "--from", source, check=False)
    assert message in output
    assert "Traceback" not in output


def test_a_registry_with_a_secret_in_its_url_is_refused_before_the_flow_begins(watched):
    project, _ = watched
    output = watch(project, "--registry", "s3://key:hidden@bucket/a", check=False)
    assert "use AWS_PROFILE" in output.replace("\n", " ")
    assert "hidden" not in output
