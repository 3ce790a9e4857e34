"""An entry that is read in one lock and written to another is as DVC would have written it."""

import pytest
from dvc.utils.serialize import dumps_yaml

from tasks.pipeline import lock_entry
from tasks.pipeline.dvc_index import Stage

LONG = "python -m train " + " ".join(f"--option-{number} value" for number in range(20))
TRAIN = {
    "cmd": LONG,
    "deps": [{"path": "a", "hash": "md5", "md5": "0e1", "size": 7}],
    "params": {"params.yaml": {"rate": 1e-05, "wide": 1e22, "none": None, "on": "1e-05", "of": []}},
    "outs": [{"path": "model", "hash": "md5", "md5": "1", "size": 2}],
}
SPLIT = {"cmd": "split", "outs": [{"path": "s", "hash": "md5", "md5": "5", "size": 2}]}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lock_entry, "find_stage", lambda address: Stage(address, "dvc.yaml"))
    return tmp_path


def written(**stages):
    return dumps_yaml({"schema": "2.0", "stages": stages})


def test_an_entry_comes_back_as_dvc_writes_it(here):
    (here / "dvc.lock").write_text(written(train=TRAIN, split=SPLIT))
    entries = {name: lock_entry.read(name) for name in ("train", "split")}
    (here / "dvc.lock").unlink()
    for name, entry in entries.items():
        lock_entry.write(name, entry)
    assert (here / "dvc.lock").read_text() == written(train=TRAIN, split=SPLIT)


def test_a_new_entry_takes_the_place_of_the_former_and_leaves_the_others(here):
    former = {**TRAIN, "cmd": "train"}
    (here / "dvc.lock").write_text(written(train=former, split=SPLIT))
    lock_entry.write("train", dumps_yaml(TRAIN))
    assert (here / "dvc.lock").read_text() == written(train=TRAIN, split=SPLIT)


def test_a_stage_of_another_file_has_its_entry_in_that_files_lock(here, monkeypatch):
    monkeypatch.setattr(lock_entry, "find_stage", lambda address: Stage(address, "more/dvc.yaml"))
    lock_entry.write("more/dvc.yaml:tell@a", dumps_yaml(SPLIT))
    assert (here / "more/dvc.lock").read_text() == written(**{"tell@a": SPLIT})
    assert lock_entry.path_of("more/dvc.yaml:tell@a").as_posix() == "more/dvc.lock"
