import subprocess

import pytest

from lradapt.production.lineage import lineage, lineage_rows
from lradapt.runtime.files import sha256_of
from tests.finished_training import write_outputs

METRICS = {"backbone": {"source": "none", "detail": "random"}, "ancestor": ""}


@pytest.fixture
def paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_outputs()


def test_data_and_params_are_known_by_their_hashes(paths):
    known = lineage(paths)
    assert known["data"] == {
        "labels": sha256_of(paths.labels),
        "split": sha256_of(paths.split),
        "table": sha256_of(paths.table),
    }
    assert known["params"]["seed"] == 0
    before = known["params_sha256"]
    with open("params.yaml", "a") as file:
        file.write("# a comment\n")
    assert lineage(paths)["params_sha256"] != before


def test_the_commit_of_the_code_says_whether_files_differ_from_it(paths):
    assert dict(lineage_rows(lineage(paths), METRICS))["git commit of the code"] == "not in git"
    for words in (["init", "-q"], ["add", "params.yaml"], ["commit", "-qm", "one"]):
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *who, *words], check=True)
    known = lineage(paths)
    assert known["code"]["dirty"] is False
    with open("params.yaml", "a") as file:
        file.write("# a comment\n")
    commit = dict(lineage_rows(lineage(paths), METRICS))["git commit of the code"]
    assert commit == f"{known['code']['commit']}, with changes"


def test_an_ancestor_is_reported_where_there_is_one(paths):
    known = lineage(paths)
    assert "warm start from version" not in dict(lineage_rows(known, METRICS))
    rows = dict(lineage_rows(known, {**METRICS, "ancestor": "abc"}))
    assert rows["warm start from version"] == "abc"
