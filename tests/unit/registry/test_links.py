"""Below a registry's folder no link is followed: decoys beside it stay as they are."""

import os
from contextlib import suppress

import pytest
import releases

from lradapt.registry import local, open_registry
from lradapt.registry.store import DamagedError, RegistryError

NAME = "digits"


@pytest.fixture
def registry(tmp_path):
    return open_registry(str(tmp_path / "registry"), NAME)


@pytest.fixture
def decoy(tmp_path):
    """A folder beside the registry, with files of the names of a version."""
    folder = tmp_path / "decoy"
    folder.mkdir()
    for name in ("model.onnx", "trained_on.csv", "manifest.json", "letter.txt", ".new"):
        (folder / name).write_text(f"precious {name}")
    (folder / "inner").mkdir()
    (folder / "inner" / "deep.txt").write_text("precious")
    return folder


def content(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def replace_by_link(path, target):
    path.rename(path.with_name("was"))
    path.symlink_to(target)


def version_folder(tmp_path, version):
    return tmp_path / "registry" / NAME / "versions" / version


def test_a_link_in_the_place_of_a_version_is_neither_listed_nor_read_nor_emptied(
    registry, decoy, tmp_path
):
    version = releases.publish(registry)
    before = content(decoy)
    replace_by_link(version_folder(tmp_path, version), decoy)
    assert version not in registry.version_names()
    for act in (registry.remove, registry.manifest, registry.has):
        with pytest.raises(DamagedError, match="is a link, and none is followed here"):
            act(version)
    with pytest.raises(DamagedError, match="is a link"):
        releases.publish(registry)
    assert content(decoy) == before


def test_a_link_to_a_version_s_own_copy_is_not_followed_either(registry, tmp_path):
    version = releases.publish(registry)
    folder = version_folder(tmp_path, version)
    replace_by_link(folder, folder.with_name("was"))
    with pytest.raises(DamagedError):
        registry.remove(version)
    assert (folder.with_name("was") / "model.onnx").exists()


def test_a_file_of_a_version_that_is_a_link_is_not_read_and_its_removal_removes_the_link(
    registry, decoy, tmp_path
):
    version = releases.publish(registry)
    before = content(decoy)
    replace_by_link(version_folder(tmp_path, version) / "model.onnx", decoy / "model.onnx")
    with pytest.raises(DamagedError, match=r"model\.onnx is a link"):
        registry.read_file(version, "model.onnx")
    registry.remove(version)
    assert content(decoy) == before


def test_a_link_that_comes_after_the_look_for_links_is_not_followed(
    registry, decoy, tmp_path, monkeypatch
):
    one, two = releases.publish(registry, b"1"), releases.publish(registry, b"2")
    (decoy / "manifest.json").unlink()  # else its content would stop the removal
    before = content(decoy)
    replace_by_link(version_folder(tmp_path, one) / "model.onnx", decoy / "model.onnx")
    replace_by_link(version_folder(tmp_path, two), decoy)
    monkeypatch.setattr(local, "_refuse_link", lambda parent, path: None)
    with pytest.raises(RegistryError, match="Too many levels of symbolic links"):
        registry.read_file(one, "model.onnx")
    with pytest.raises(RegistryError):
        registry.read_file(two, "model.onnx")
    with suppress(RegistryError):
        registry.remove(two)
    assert content(decoy) == before


def test_a_link_in_the_place_of_the_model_s_folder_is_not_followed(registry, decoy, tmp_path):
    releases.release(registry, b"1")
    replace_by_link(tmp_path / "registry" / NAME, decoy)
    before = content(decoy)
    for act in (
        registry.production,
        registry.list_versions,
        registry.promotions,
        registry.remnants,
        lambda: releases.publish(registry, b"2"),
    ):
        with pytest.raises(RegistryError, match="is a link"):
            act()
    assert content(decoy) == before


def test_a_lock_that_is_a_link_is_refused_and_what_it_leads_to_is_not_emptied(
    registry, decoy, tmp_path
):
    version = releases.publish(registry)
    lock = tmp_path / "registry" / NAME / ".production.json.lock"
    lock.symlink_to(decoy / "letter.txt")
    with pytest.raises(DamagedError, match=r"\.production\.json\.lock is a link"):
        releases.promote(registry, version)
    assert (decoy / "letter.txt").read_text() == "precious letter.txt"
    lock.unlink()
    lock.symlink_to(decoy / "not there")
    with pytest.raises(DamagedError, match="is a link"):
        releases.promote(registry, version)
    assert not (decoy / "not there").exists()


def test_a_lock_that_is_another_name_of_a_file_is_not_emptied(registry, decoy, tmp_path):
    version = releases.publish(registry)
    os.link(decoy / "letter.txt", tmp_path / "registry" / NAME / ".production.json.lock")
    releases.promote(registry, version)
    assert (decoy / "letter.txt").read_text() == "precious letter.txt"


def test_a_pointer_that_is_a_link_is_neither_read_nor_replaced(registry, decoy, tmp_path):
    version = releases.publish(registry)
    (tmp_path / "registry" / NAME / "production.json").symlink_to(decoy / "letter.txt")
    for act in (registry.production, lambda: releases.promote(registry, version)):
        with pytest.raises(DamagedError, match="is a link"):
            act()
    assert (decoy / "letter.txt").read_text() == "precious letter.txt"


def test_a_named_pipe_is_an_error_and_not_waited_for(registry, tmp_path):
    version = releases.publish(registry)
    path = version_folder(tmp_path, version) / "model.onnx"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DamagedError, match="is not a regular file"):
        registry.read_file(version, "model.onnx")


def test_the_folder_of_a_registry_itself_may_be_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "registry").symlink_to(tmp_path / "disk")
    registry = open_registry(str(tmp_path / "registry"), NAME)
    promotion = releases.release(registry, b"1")
    assert registry.read_promoted_model(promotion) == b"1"
    assert registry.version_names() == [promotion.version]


def test_only_what_the_manifest_names_is_removed_and_the_rest_is_reported(registry, tmp_path):
    version = releases.publish(registry)
    folder = version_folder(tmp_path, version)
    (folder / "notes.txt").write_text("a person's notes")
    (folder / "more").mkdir()
    (folder / "more" / "a.txt").write_text("more")
    left = registry.remove(version)
    assert left == [f"{NAME}/versions/{version}/{name}" for name in ("more/a.txt", "notes.txt")]
    assert sorted(content(folder)) == [folder / "more" / "a.txt", folder / "notes.txt"]


def test_of_a_version_without_a_manifest_only_files_of_known_names_are_removed(registry, tmp_path):
    version = releases.publish(registry)
    folder = version_folder(tmp_path, version)
    (folder / "manifest.json").unlink()
    (folder / "notes.txt").write_text("a person's notes")
    assert registry.remove(version) == [f"{NAME}/versions/{version}/notes.txt"]
    assert sorted(path.name for path in folder.iterdir()) == ["notes.txt"]
