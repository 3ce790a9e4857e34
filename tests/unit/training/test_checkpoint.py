import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from lradapt.errors import DiskFullError
from lradapt.runtime.timings import Spent
from lradapt.training.checkpoint import (
    Checkpoint,
    CheckpointFolder,
    key_of,
    read_checkpoint,
    remove_others,
    write_checkpoint,
)

KEY, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def place(tmp_path):
    return CheckpointFolder(tmp_path / "checkpoints", KEY)


def checkpoint(step, num_cycles=0):
    state = {"weights/w": torch.full((2, 3), float(step)), "losses": torch.arange(step)}
    cycles = [{"w": torch.full((2, 3), float(number))} for number in range(num_cycles)]
    return Checkpoint(step, state, cycles, Spent(1.5, 2.5))


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def names(place):
    return sorted(path.name for path in place.own.iterdir())


def test_what_is_written_is_read(place):
    written = checkpoint(7, num_cycles=2)
    write_checkpoint(place, written)
    found = read_checkpoint(place)
    assert (found.step, found.spent) == (7, Spent(1.5, 2.5))
    assert same(found.state, written.state)
    assert all(map(same, found.cycles, written.cycles))
    assert len(found.cycles) == 2


def test_more_than_nine_cycles_keep_their_order(place):
    write_checkpoint(place, checkpoint(1, num_cycles=11))
    ends = [cycle["w"][0, 0].item() for cycle in read_checkpoint(place).cycles]
    assert ends == list(range(11))


def test_tensors_that_are_channels_last_come_back_whole(place):
    images = torch.arange(48.0).view(2, 3, 2, 4).contiguous(memory_format=torch.channels_last)
    write_checkpoint(place, Checkpoint(1, {"w": images}, [], Spent(0, 0)))
    assert torch.equal(read_checkpoint(place).state["w"], images)


def test_one_state_is_kept_and_a_cycle_is_written_once(place):
    write_checkpoint(place, checkpoint(3, num_cycles=1))
    cycle = place.own / "cycle-1.safetensors"
    written = cycle.stat().st_ino
    write_checkpoint(place, checkpoint(5, num_cycles=2))
    assert names(place) == [
        "checkpoint.json",
        "cycle-1.safetensors",
        "cycle-2.safetensors",
        "step-5.safetensors",
    ]
    assert cycle.stat().st_ino == written


def test_before_any_checkpoint_there_is_none(place, caplog):
    assert read_checkpoint(place) is None
    assert caplog.text == ""


def test_one_of_another_key_is_reported_and_not_used(place, caplog):
    caplog.set_level("INFO")
    write_checkpoint(CheckpointFolder(place.folder, OTHER), checkpoint(3))
    assert read_checkpoint(place) is None
    assert caplog.messages == [
        f"{place.folder} has a checkpoint of other inputs, params, code or threads; it is not used"
    ]


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip(path):
    content = bytearray(path.read_bytes())
    content[-4] ^= 1
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


def remove(path):
    path.unlink()


@pytest.mark.parametrize("harm", [cut, flip, empty, remove])
@pytest.mark.parametrize("name", ["step-3.safetensors", "cycle-1.safetensors"])
def test_damaged_tensors_are_reported_in_one_line_and_removed(place, caplog, harm, name):
    write_checkpoint(place, checkpoint(3, num_cycles=1))
    harm(place.own / name)
    assert read_checkpoint(place) is None
    (output,) = caplog.messages
    assert output.startswith(f"the checkpoint in {place.own} is damaged; the training starts from ")
    assert name in output
    assert "\n" not in output
    assert not place.own.exists()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", f'{{"key": "{KEY}"}}', f'{{"key": "{KEY}", "files": 3}}'],
)
def test_a_damaged_note_is_reported_in_one_line_and_removed(place, caplog, text):
    write_checkpoint(place, checkpoint(3))
    (place.own / "checkpoint.json").write_text(text)
    assert read_checkpoint(place) is None
    (output,) = caplog.messages
    assert "is damaged; the training starts from the beginning (" in output
    assert "\n" not in output
    assert not place.own.exists()


def test_a_note_that_names_no_state_is_damaged(place, caplog):
    write_checkpoint(place, checkpoint(3))
    note = json.loads((place.own / "checkpoint.json").read_text())
    (place.own / "checkpoint.json").write_text(json.dumps({**note, "files": {}}))
    assert read_checkpoint(place) is None
    assert "is damaged" in caplog.text


def test_one_copied_from_another_key_is_not_used(place, caplog):
    other = CheckpointFolder(place.folder, OTHER)
    write_checkpoint(other, checkpoint(3))
    shutil.copytree(other.own, place.own)
    assert read_checkpoint(place) is None
    assert f"made by another run, {OTHER}" in caplog.text


@pytest.mark.parametrize("dies_at", ["save_file", "flush", "json.dumps"])
def test_the_one_before_stays_whole_until_the_new_one_is(place, monkeypatch, dies_at):
    write_checkpoint(place, checkpoint(3, num_cycles=1))

    def fails(*words, **settings):
        raise OSError(28, "No space left on device")

    note = place.own / "checkpoint.json"
    monkeypatch.setattr(f"lradapt.training.checkpoint.{dies_at}", fails)
    former = note.read_bytes()
    with pytest.raises((OSError, DiskFullError)):
        write_checkpoint(place, checkpoint(5, num_cycles=2))
    monkeypatch.undo()
    assert note.read_bytes() == former
    assert names(place) == ["checkpoint.json", "cycle-1.safetensors", "step-3.safetensors"]
    assert read_checkpoint(place).step == 3


def test_what_safetensors_cannot_write_is_an_error_of_the_system(place, monkeypatch):
    def fails(*_):
        raise SafetensorError("I/O error: Input/output error (os error 5)")

    monkeypatch.setattr("lradapt.training.checkpoint.save_file", fails)
    with pytest.raises(OSError, match="os error 5"):
        write_checkpoint(place, checkpoint(3))


def test_a_disk_that_is_full_for_safetensors_is_full(place, monkeypatch):
    def fails(*_):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("lradapt.training.checkpoint.save_file", fails)
    with pytest.raises(DiskFullError):
        write_checkpoint(place, checkpoint(3))


def test_a_folder_that_cannot_be_made_is_the_error(tmp_path, monkeypatch):
    def fails(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", fails)
    with pytest.raises(PermissionError, match="Permission denied"):
        write_checkpoint(CheckpointFolder(tmp_path / "checkpoints", KEY), checkpoint(3))


def test_a_write_that_died_before_its_note_leaves_the_one_before(place):
    write_checkpoint(place, checkpoint(3))
    shutil.copy(place.own / "step-3.safetensors", place.own / "step-5.safetensors")
    (place.own / ".step-4.safetensors.partial-999999").write_bytes(b"half")
    assert read_checkpoint(place).step == 3
    write_checkpoint(place, checkpoint(6))
    assert names(place) == ["checkpoint.json", "step-6.safetensors"]


def test_a_success_removes_the_others_and_keeps_its_own(place):
    other = CheckpointFolder(place.folder, OTHER)
    write_checkpoint(place, checkpoint(3))
    write_checkpoint(other, checkpoint(4))
    remove_others(place)
    assert not other.own.exists()
    assert read_checkpoint(place).step == 3
    remove_others(CheckpointFolder(place.folder / "nowhere", KEY))


def test_the_key_depends_on_all_that_the_training_depends_on(tmp_path, engine):
    file = tmp_path / "split.csv"
    file.write_text("a")

    def key(stage="finetune", seed=0, engine=engine):
        return key_of(f"lradapt.stages.{stage}", [file], {"seed": seed}, engine)

    first = key()
    keys = {first, key(stage="train_head"), key(seed=1)}
    keys.add(key(engine=replace(engine, precision="bf16")))
    keys.add(key(engine=replace(engine, memory_format="contiguous")))
    torch.set_num_threads(2)
    keys.add(key())
    torch.set_num_threads(1)
    file.write_text("b")
    keys.add(key())
    assert len(keys) == 7
    file.write_text("a")
    assert key() == first
