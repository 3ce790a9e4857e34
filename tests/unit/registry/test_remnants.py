"""Files that killed writers leave are found once they are old, and nothing else is."""

import os
import time

import pytest
import releases

from lradapt.registry import open_registry
from lradapt.registry.store import RegistryError, Remnant

NAME = "digits"
OLD, YOUNG = 7200, 60


@pytest.fixture
def registry(tmp_path):
    return open_registry(str(tmp_path), NAME)


def leave(path, age, content=b"part"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_old_temporary_files_are_found_in_every_folder_and_removed(registry, tmp_path):
    version = releases.release(registry, b"1").version
    places = (NAME, f"{NAME}/log", f"{NAME}/versions/{version}", f"{NAME}/versions/ffffffffffff")
    names = [f"{place}/.{number:032x}" for number, place in enumerate(places)]
    for name in names:
        leave(tmp_path / name, OLD)
    before = registry.store.list("")
    found = registry.remnants()
    assert found == [Remnant(name, 4) for name in sorted(names)]
    registry.remove_remnants(found)
    assert registry.remnants() == []
    assert registry.store.list("") == before
    assert registry.read_file(version, "model.onnx") == b"1"


@pytest.mark.parametrize(
    ("name", "age"),
    [
        (".0123456789abcdef0123456789abcdef", YOUNG),
        (".production.json.lock", OLD),
        (".hidden", OLD),
        ("0123456789abcdef0123456789abcdef", OLD),
    ],
)
def test_what_is_young_or_of_another_name_stays(registry, tmp_path, name, age):
    path = leave(tmp_path / NAME / name, age)
    assert registry.remnants() == []
    assert path.exists()


def test_of_another_model_or_behind_a_link_nothing_is_found(registry, tmp_path):
    name = f".{'0' * 32}"
    leave(tmp_path / "other" / name, OLD)
    decoy = leave(tmp_path / "decoy" / name, OLD)
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "versions").symlink_to(tmp_path / "decoy")
    (tmp_path / NAME / f".{'1' * 32}").symlink_to(decoy)
    assert registry.remnants() == []


@pytest.mark.parametrize("name", [f"{NAME}/production.json", f"../.{'0' * 32}x", f"{NAME}/.lock"])
def test_nothing_but_a_temporary_file_is_removed_as_one(registry, name):
    with pytest.raises(RegistryError, match="is not the name of a temporary file"):
        registry.remove_remnants([Remnant(name, 1)])


def test_a_publish_that_was_killed_between_file_and_rename_leaves_what_is_found(
    registry, tmp_path, monkeypatch
):
    def die(*_args, **_kwargs):
        os._exit(9)

    child = os.fork()
    if not child:
        os.link = die
        releases.publish(registry, b"1")
        os._exit(0)
    assert os.waitpid(child, 0)[1] >> 8 == 9
    assert registry.remnants() == []
    (found,) = registry.remnants(older_than_seconds=-1)
    registry.remove_remnants([found])
    assert registry.remnants(older_than_seconds=-1) == []
