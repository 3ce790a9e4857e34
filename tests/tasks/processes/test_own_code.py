"""Modules that a fork takes from its server, and those that it imports anew."""

import sys

import pytest

from tasks.processes import own_code


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package in the place of lradapt, of which one module has been imported."""
    folder = tmp_path / "here/imitation"
    folder.mkdir(parents=True)
    for name in ("__init__", "used", "other"):
        (folder / f"{name}.py").write_text("")
    monkeypatch.setattr(own_code, "PACKAGE", "imitation")
    monkeypatch.setattr(own_code, "_files_before", {})
    monkeypatch.setattr(sys, "path", [str(folder.parent), *sys.path])
    own_code.import_module("imitation.used")
    yield folder
    own_code.forget("imitation")


def is_kept():
    own_code.forget_changed()
    return "imitation.used" in sys.modules


def test_modules_whose_files_are_as_before_are_kept(package):
    assert is_kept()


def test_after_an_edit_of_any_file_all_are_forgotten(package):
    (package / "other.py").write_text("edited = True")
    assert not is_kept()


@pytest.mark.parametrize("change", ["added", "removed"])
def test_a_file_that_is_added_or_removed_counts_as_an_edit(package, change):
    if change == "added":
        (package / "new.py").write_text("")
    else:
        (package / "other.py").unlink()
    assert not is_kept()


def test_a_place_that_is_found_before_counts_as_an_edit(package, tmp_path, monkeypatch):
    clone = tmp_path / "clone/imitation"
    clone.mkdir(parents=True)
    (clone / "__init__.py").write_text("")
    monkeypatch.setattr(sys, "path", [str(clone.parent), *sys.path])
    assert not is_kept()


def test_a_server_that_has_imported_none_of_them_forgets_none_by_chance(monkeypatch, package):
    monkeypatch.setattr(own_code, "_files_before", {})
    assert not is_kept(), "what else has imported them is not known"
