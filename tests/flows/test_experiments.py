"""Experiments by DVC: tried beside production, compared, and nothing of it is published."""

import csv
import json
import re

import pytest
import yaml

from lradapt.runtime import lock
from tests.projects import ROOT, dvc, run, stages_run

pytestmark = [pytest.mark.slow, pytest.mark.long]
ANCHOR = re.compile(r"<DVC_METRIC_\w+>")


def state(project):
    """What an experiment may not touch: files of git and DVC, figures, what is in production."""
    changed = run(project, "git", "status", "--porcelain").stdout
    kept = ("params.yaml", "dvc.lock", "reports/metrics.json", "build/export/model.onnx")
    return changed, [(project / name).read_bytes() for name in kept]


@pytest.fixture(scope="module")
def tried(made):
    """A trained project whose versions are committed, an experiment in it, the state before."""
    project, sources = (
        made,
        ("images", "labels.csv", "backbone.safetensors", "champion.safetensors"),
    )
    dvc(project, "add", *(f"data/{name}" for name in sources))
    run(project, "git", "add", "dvc.lock", *(f"data/{name}.dvc" for name in sources))
    run(project, "git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "trained")
    before = state(project)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        with lock.run():  # as a flow that trains at this time
            output = dvc(
                project, "exp", "run", "--temp", "-n", "short", "-S", "finetune.num_cycles=1"
            )
    return project, before, output.stdout


def test_an_experiment_trains_only_what_its_params_change_and_leaves_the_project_as_it_is(tried):
    project, before, output = tried
    assert stages_run(output) == ["code", "finetune", "calibrate", "export", "evaluate"]
    assert state(project) == before
    assert before[0] == ""
    assert not (project / "registry").exists()


def test_experiments_are_listed_with_what_they_change_and_their_figures(tried):
    project, _, _ = tried
    listed = run(project, "dvc", "exp", "show", "--csv").stdout
    rows = list(csv.DictReader(listed.splitlines()))
    cycles = [(row["Experiment"], row["typ"], row["finetune.num_cycles"]) for row in rows]
    assert cycles == [("", "baseline", "2"), ("", "baseline", "2"), ("short", "branch_base", "1")]
    assert all(0 < float(row["accuracy"]) <= 1 for row in rows)


def test_figures_params_and_curves_of_an_experiment_are_compared_with_the_committed_ones(tried):
    project, _, _ = tried
    figures = json.loads(dvc(project, "metrics", "diff", "--all", "HEAD", "short", "--json").stdout)
    accuracy = figures["reports/metrics.json"]["accuracy"]
    assert set(accuracy) == {"old", "new", "diff"}
    output = dvc(project, "params", "diff", "HEAD", "short", "--json").stdout
    changed = json.loads(output.splitlines()[-1])  # after a warning of DVC
    assert changed == {"params.yaml": {"finetune.num_cycles": {"old": 2, "new": 1, "diff": -1}}}
    dvc(project, "plots", "diff", "HEAD", "short", "-o", "build/plots")
    page = (project / "build/plots/index.html").read_text()
    assert '"rev": "HEAD"' in page
    assert '"rev": "short"' in page


def test_the_extension_of_vs_code_finds_every_plot_of_both_revisions(tried):
    """By the command that it runs, and with the anchors that it fills in itself."""
    project, _, _ = tried
    words = ("-o", ".dvc/tmp/plots", "--split", "--json")
    answer = json.loads(run(project, "dvc", "plots", "diff", "HEAD", "short", *words).stdout)
    assert list(answer) == ["data"], "errors are a key of their own"
    titles = [each if isinstance(each, str) else next(iter(each)) for each in plots()]
    assert sorted(answer["data"]) == sorted(titles)
    for title, found in answer["data"].items():
        assert {each for one in found for each in one["revisions"]} == {"HEAD", "short"}, title
        for vega in (one for one in found if one["type"] == "vega"):
            filled = vega["anchor_definitions"]
            assert filled["<DVC_METRIC_DATA>"], title
            assert set(ANCHOR.findall(json.dumps(vega["content"]))) <= set(filled)
    test = answer["data"]["range test of the head"][0]["content"]
    assert test["encoding"]["x"]["scale"] == {"type": "log"}


def plots():
    return yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"]


def test_the_extension_of_vs_code_finds_params_and_figures_of_each_row(tried):
    project, _, _ = tried
    answer = json.loads(run(project, "dvc", "exp", "show", "--num", "1", "--json").stdout)
    rows = [each["data"] for each in answer] + [
        one["data"] for each in answer for more in each["experiments"] or [] for one in more["revs"]
    ]
    assert len(rows) == 3
    for row in rows:
        assert row["params"]["params.yaml"]["data"]["finetune"]["num_cycles"] in (1, 2)
        assert 0 < row["metrics"]["reports/metrics.json"]["data"]["accuracy"] <= 1


def test_an_experiment_in_the_project_itself_is_refused_while_a_flow_holds_it(tried, monkeypatch):
    project, before, _ = tried
    monkeypatch.chdir(project)
    with lock.run():
        refused = dvc(project, "exp", "run", "-S", "finetune.num_cycles=3", check=False)
    assert refused.returncode
    assert "one run at a time" in " ".join(refused.stdout.split())
    run(project, "git", "checkout", "-q", "params.yaml", "dvc.lock")
    dvc(project, "checkout", "dvc.yaml")
    assert state(project) == before


def test_a_value_that_was_tried_is_taken_over_without_a_training(tried):
    project, _, _ = tried
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("num_cycles: 2", "num_cycles: 1"))
    output = dvc(project, "repro").stdout
    assert stages_run(output) == ["code"]  # which always runs
    assert output.count("is cached - skipping run") == 4
