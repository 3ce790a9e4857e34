"""Both drivers on one copy of the project: after either, the other finds nothing to do."""

import json
import re
import shutil
import sys
from itertools import count

import pytest
import yaml
from PIL import Image

from tests.projects import dvc, run, stages_run

pytestmark = pytest.mark.slow

numbers = count()


def flow(project, *options, check=True):
    return run(project, sys.executable, "-m", "flows.retrain", *options, check=check)


def lock(project):
    return (project / "dvc.lock").read_text()


def add_image(project):
    """A new picture, and its line in labels.csv."""
    number = next(numbers)
    name = f"r/new{number}.png"
    Image.new("RGB", (20, 20), (200, 30, number)).save(project / "data/images" / name)
    with (project / "data/labels.csv").open("a") as labels:
        labels.write(f"{name},r\n")
    return name


@pytest.fixture(scope="module")
def trained(made):
    """The project after `dvc repro` by hand, and its lock then."""
    return made, lock(made)


@pytest.fixture
def served_project(trained, by_server):
    """The same project, whose flows use the one server of the tests."""
    return trained[0]


@pytest.fixture
def served_copy(made_once, by_server, tmp_path):
    """A trained project of a test's own, whose model is better than guessing."""
    return shutil.copytree(made_once, tmp_path / "project")


def test_the_drivers_agree_and_the_flow_promotes_without_a_server_of_ones_own(trained):
    project, by_hand = trained
    first = flow(project)
    assert "promote: it is the first model" in first.stdout
    assert "Running stage" not in first.stdout
    assert lock(project) == by_hand, "the flow has changed the lock that `dvc repro` had left"
    page = (project / "reports/report.html").read_text()
    assert page.count('<svg role="img"') == 7

    second = flow(project)
    assert "is in production already" in second.stdout
    assert "Running stage" not in second.stdout
    assert lock(project) == by_hand
    assert stages_run(dvc(project, "repro").stdout) == ["code"]  # which always runs

    pointer = json.loads((project / "registry/classifier/production.json").read_text())
    manifest = project / f"registry/classifier/versions/{pointer['version']}/manifest.json"
    facts = json.loads(manifest.read_text())
    assert facts["code"]["dirty"] is False
    assert facts["run"]
    texts = {"report.html", "model_card.md"}
    expected = {"model.onnx", "model.safetensors", "trained_on.csv", "test_images.csv", *texts}
    assert set(facts["files"]) == expected

    output = run(project, sys.executable, "-m", "lradapt", "predict", "data/images/b", "--csv")
    assert len(output.stdout.splitlines()) == 21


@pytest.mark.long
def test_a_tracker_that_gets_nothing_costs_one_warning(served_project):
    project = served_project
    file = project / "params.yaml"
    before = file.read_text()
    track = {"trackers": ["mlflow"], "max_seconds": 30.0}
    file.write_text(yaml.safe_dump(yaml.safe_load(before) | {"track": track}))
    promoted = flow(project, "--registry", "tracked").stdout
    again = flow(project, "--registry", "tracked").stdout
    file.write_text(before)
    warning = "mlflow: this run is not recorded there: MLFLOW_TRACKING_URI is not set"
    assert promoted.count(warning) == 1
    assert "promote: it is the first model" in promoted
    assert "mlflow" not in again, "nothing was trained or promoted"


def test_a_dry_run_publishes_nothing(served_project):
    project = served_project
    flow(project, "--registry", "elsewhere", "--dry-run")
    assert not (project / "elsewhere").exists()


@pytest.mark.long
def test_an_image_added_by_hand_is_picked_up_by_the_flow_and_left_alone_by_repro(served_project):
    project = served_project  # made by `dvc repro`, and left alone by the flow: see above
    name = add_image(project)
    before = lock(project)
    flow(project)
    after = lock(project)
    assert after != before
    assert name in (project / "build/split/split.csv").read_text()
    assert stages_run(dvc(project, "repro").stdout) in ([], ["code"])
    assert lock(project) == after


def test_a_relabelling_decodes_and_forwards_nothing_and_a_new_image_itself_alone(served_project):
    project, stages = served_project, ("split", "activations")  # nothing is trained for it
    labels = project / "data/labels.csv"
    lines = labels.read_text().splitlines(keepends=True)
    lines[1] = lines[1].replace(",r", ",b")
    labels.write_text("".join(lines))
    relabelled = dvc(project, "repro", *stages).stdout
    assert "Running stage 'split'" in relabelled
    assert "Running stage 'ingest'" not in relabelled
    assert "Running stage 'activations'" not in relabelled
    assert "Stage 'activations' didn't change, skipping" in relabelled

    add_image(project)
    num = len(lines)
    added = dvc(project, "repro", *stages).stdout
    assert f"{num - 1} of {num} files are known from the previous run" in added
    assert f"{num - 1} of {num} images are known from the previous run" in added


def test_a_broken_table_ends_in_one_message_and_leaves_no_output(served_project):
    project = served_project
    labels = project / "data/labels.csv"
    good = labels.read_text()
    labels.write_text(good + "../outside.png,r\nmissing.png,\n")
    try:
        failed = flow(project, check=False)
    finally:
        labels.write_text(good)
    assert failed.returncode == 1
    last = failed.stdout[failed.stdout.rindex("error: ") :]
    assert "data/labels.csv has 2 fault(s)" in last
    assert "leads outside the images folder" in last
    assert "the label is empty" in last
    assert "Traceback" not in last
    assert not (project / "build/split/split.csv").exists()


@pytest.mark.long
def test_where_approval_is_asked_for_and_nobody_answers_the_version_stays_out(served_copy):
    project = served_copy
    waited = flow(project, "--registry", "asked", "--approval-seconds", "2", check=False)
    assert waited.returncode == 1, waited.stdout[-3000:]
    output = " ".join(waited.stdout.split())
    assert "within 2 seconds: it is published, but not in production" in output
    assert "Traceback" not in waited.stdout
    assert list((project / "asked/classifier/versions").glob("*/manifest.json"))
    assert not (project / "asked/classifier/production.json").exists()


@pytest.mark.long
def test_a_warm_start_is_from_the_model_in_production_and_asks_for_no_training_itself(
    served_copy,
):
    project = served_copy
    begun = flow(project, "--registry", "warm").stdout
    pointer = project / "warm/classifier/production.json"
    assert pointer.exists(), begun[-3000:]
    first = json.loads(pointer.read_text())["version"]
    values = yaml.safe_load((project / "params.yaml").read_text())
    values["finetune"] |= {"start": "champion", "num_cycles": 1}
    values["body_rates"]["source"] = "given"
    (project / "params.yaml").write_text(yaml.safe_dump(values))
    warm = flow(project, "--registry", "warm").stdout
    assert f"starting from the weights of version {first}" in warm
    # Not the manifest: where the champion itself is chosen again, there is no new version.
    assert json.loads((project / "reports/metrics.json").read_text())["ancestor"] == first
    assert "Running stage" not in flow(project, "--registry", "warm").stdout


def test_a_registry_with_a_secret_in_its_url_is_refused_before_the_flow_begins(trained):
    project, _ = trained

    def kept():  # the auth string is made before the options are read
        return [path for path in (project / ".prefect").rglob("*") if path.name != "auth"]

    before = sorted(kept())
    refused = flow(project, "--registry", "s3://key:hidden@bucket/a", check=False)
    assert refused.returncode == 1
    assert "use AWS_PROFILE" in refused.stdout.replace("\n", " ")
    assert "hidden" not in refused.stdout
    assert sorted(kept()) == before


@pytest.mark.long
def test_the_flow_trains_in_two_processes_and_makes_nothing_before_it_again(served_copy):
    project = served_copy
    values = yaml.safe_load((project / "params.yaml").read_text())
    values["finetune"] |= {"start": "backbone", "processes": 2}
    (project / "params.yaml").write_text(yaml.safe_dump(values))
    output = flow(project).stdout
    assert "2 processes share each batch" in output
    ran = re.findall(r"Running stage '(\w+)'", output)
    assert ran == ["finetune", "calibrate", "export", "evaluate"]
    assert stages_run(dvc(project, "repro").stdout) == ["code"]  # which always runs
