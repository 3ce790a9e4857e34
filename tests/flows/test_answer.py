"""What came of a stage elsewhere is put in place whole, or not at all; the server is a twin."""

import json
from types import SimpleNamespace
from uuid import UUID

import pytest
from path_table import path_variables

from tasks.pipeline import dvc_commands, lock_entry
from tasks.pipeline.dvc_index import Stage
from tasks.remote import results as answer
from tasks.remote.results import Answer, MisfitError

ENTRY = "cmd: train\nouts:\n- path: model\n  md5: '1'\n"
FILES = {"metrics.json": "eyJhIjogMX0="}  # {"a": 1}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A project of one stage, whose outputs DVC would bring; what DVC was asked for, and when."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text(path_variables(timings="timings.json"))
    asked = []

    def run(*words):
        asked.append(
            (*words, (tmp_path / "dvc.lock").exists(), (tmp_path / "metrics.json").exists())
        )

    monkeypatch.setattr(dvc_commands, "run", run)
    for module in (answer, lock_entry):
        monkeypatch.setattr(module, "find_stage", lambda address: Stage(address, "dvc.yaml"))
    monkeypatch.setattr(answer, "read_status", lambda address: {})
    return SimpleNamespace(folder=tmp_path, asked=asked)


def test_entry_and_files_are_there_before_dvc_brings_the_outputs(here):
    answer.accept("train", Answer(ENTRY, FILES, {}))
    assert here.asked == [("pull", "--force", "train", True, True)]
    assert json.loads((here.folder / "metrics.json").read_text()) == {"a": 1}
    assert "md5: '1'" in (here.folder / "dvc.lock").read_text()


def test_seconds_of_there_are_added_to_those_of_here_and_count_where_both_have_run(here):
    timings = here.folder / "timings.json"
    timings.write_text('{"split": {"seconds": 1}, "train": {"seconds": 2}}')
    answer.accept("train", Answer(ENTRY, {}, {"train": {"seconds": 7}}))
    assert json.loads(timings.read_text()) == {"split": {"seconds": 1}, "train": {"seconds": 7}}


def misfit(monkeypatch):
    monkeypatch.setattr(answer, "read_status", lambda address: {"train": [{"changed deps": {}}]})
    return MisfitError


def no_pull(monkeypatch):
    def fail(*words):
        raise KeyboardInterrupt

    monkeypatch.setattr(dvc_commands, "run", fail)
    return KeyboardInterrupt


@pytest.mark.parametrize("fault", [misfit, no_pull])
@pytest.mark.parametrize("before", [None, "schema: '2.0'\nstages: {}\n"])
def test_after_any_fault_the_lock_is_as_before_and_no_seconds_are_noted(
    here, monkeypatch, fault, before
):
    lock = here.folder / "dvc.lock"
    if before is not None:
        lock.write_text(before)
    with pytest.raises(fault(monkeypatch)):
        answer.accept("train", Answer(ENTRY, FILES, {"train": {"seconds": 7}}))
    assert (lock.read_text() if lock.exists() else None) == before
    assert not (here.folder / "timings.json").exists()


def test_the_changes_of_another_stage_are_no_misfit(here, monkeypatch):
    monkeypatch.setattr(answer, "read_status", lambda address: {"split": ["changed"]})
    answer.accept("train", Answer(ENTRY, {}, {}))


def test_of_the_artifacts_of_all_runs_the_answer_of_this_one_is_read(monkeypatch):
    own = Answer(ENTRY, FILES, {"train": {"seconds": 7.0, "cpu_seconds": 6.0}})
    asked = {}

    def read(artifact_filter, flow_run_filter):
        asked.update(key=artifact_filter.key.any_, run=flow_run_filter.id.any_)
        data = {"entry": own.entry, "files": own.files, "timings": own.timings}
        return [SimpleNamespace(data=json.dumps(data))]

    class Client:
        def __enter__(self):
            return SimpleNamespace(read_artifacts=read)

        def __exit__(self, *error):
            return None

    monkeypatch.setattr(answer, "get_client", lambda sync_client: Client())
    assert answer.receive(UUID(int=7)) == own
    assert asked == {"key": [answer._KEY], "run": [UUID(int=7)]}
