"""The store gives back what a run of the same making has left whole, and nothing else."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from lradapt.runtime.row_cache import NOTHING, keep, made_with, recall


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def rows(tmp_path):
    """A function: a file of `num` rows; its path."""

    def make(num=3):
        path = tmp_path / f"{num}.npy"
        if not path.exists():
            np.save(path, np.arange(num))
        return path

    return make


def kept(store, rows, made="a", keys=("x", "", "z")):
    keep(store, "ingest", made, keys=keys, files={"rows.npy": rows()})


def test_what_was_kept_is_found_by_its_key(store, rows):
    kept(store, rows)
    found = recall(store, "ingest", "a")
    assert found.row_of == {"x": 0, "z": 2}
    assert np.load(found.files["rows.npy"]).tolist() == [0, 1, 2]


def test_what_is_kept_shares_its_place_on_the_disk_and_survives_its_owner(store, rows):
    kept(store, rows)
    found = recall(store, "ingest", "a").files["rows.npy"]
    owner = rows()
    assert os.path.samefile(found, owner)
    owner.unlink()
    assert np.load(found).tolist() == [0, 1, 2]


def test_where_there_are_no_hard_links_a_copy_is_kept(store, rows, monkeypatch):
    def refuse(*paths):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    kept(store, rows)
    found = recall(store, "ingest", "a").files["rows.npy"]
    assert found.read_bytes() == rows().read_bytes()
    assert not os.path.samefile(found, rows())


def test_an_empty_store_another_stage_and_another_making_give_nothing(store, rows):
    assert recall(store, "ingest", "a") is NOTHING
    kept(store, rows)
    assert recall(store, "ingest", "b") is NOTHING
    assert recall(store, "activations", "a") is NOTHING


def test_one_run_of_each_stage_is_kept(store, rows):
    kept(store, rows)
    keep(store, "activations", "a", keys=["x"], files={"rows.npy": rows(1)})
    keep(store, "ingest", "b", keys=["x"], files={"rows.npy": rows(5)})
    assert len(list(store.iterdir())) == 4
    assert np.load(recall(store, "ingest", "b").files["rows.npy"]).tolist() == [0, 1, 2, 3, 4]
    assert recall(store, "activations", "a").row_of == {"x": 0}


def cut(path):
    content = path.read_bytes()
    path.unlink()  # not in place: the owner's file is the same one
    path.write_bytes(content[:-1])


def flip(path):
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.unlink()
    path.write_bytes(content)


def remove(path):
    path.unlink()


@pytest.mark.parametrize("harm", [cut, flip, remove])
def test_damaged_rows_are_reported_and_not_used(store, rows, harm, caplog):
    kept(store, rows)
    harm(next(store.glob("*.npy")))
    assert recall(store, "ingest", "a") is NOTHING
    assert "damaged and was not used" in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"made_with": "a"}',
        '{"made_with": "a", "files": 3, "keys": 4}',
    ],
)
def test_a_damaged_note_is_reported_and_not_used(store, rows, text, caplog):
    kept(store, rows)
    (store / "ingest.json").write_text(text)
    assert recall(store, "ingest", "a") is NOTHING
    assert "ingest.json is damaged and was not used" in caplog.text


def test_a_damaged_store_is_made_anew(store, rows):
    kept(store, rows)
    flip(next(store.glob("*.npy")))
    kept(store, rows)
    assert recall(store, "ingest", "a").row_of == {"x": 0, "z": 2}
    assert len(list(store.iterdir())) == 2


def test_a_store_that_cannot_be_written_is_reported_and_stops_nothing(store, rows, caplog):
    store.write_text("a file in its place")
    kept(store, rows)
    assert "nothing was kept for the next run" in caplog.text


def test_a_run_killed_before_the_note_leaves_the_former_one(store, rows, monkeypatch):
    kept(store, rows)

    def killed(*words):
        raise KeyboardInterrupt

    monkeypatch.setattr("lradapt.runtime.row_cache.write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        keep(store, "ingest", "b", keys=["y"], files={"rows.npy": rows(9)})
    assert recall(store, "ingest", "a").row_of == {"x": 0, "z": 2}


def test_the_making_depends_on_facts_code_and_libraries(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("shop").mkdir()
    Path("shop/till.py").write_text("x = 1\n")
    made = made_with("shop.till", size=3)
    assert made == made_with("shop.till", size=3)
    assert made != made_with("shop.till", size=4)
    with monkeypatch.context() as patch:
        patch.setattr("lradapt.runtime.row_cache.version", lambda name: "0")
        assert made != made_with("shop.till", size=3)
    Path("shop/till.py").write_text("x = 2\n")
    assert made != made_with("shop.till", size=3)


def test_the_note_holds_no_clock(store, rows):
    kept(store, rows)
    first = (store / "ingest.json").read_text()
    kept(store, rows)
    assert (store / "ingest.json").read_text() == first
    assert json.loads(first).keys() == {"made_with", "files", "keys"}
