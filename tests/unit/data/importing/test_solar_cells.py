"""The solar cells: fetched by pip, checked against a hash, unzipped; no code of theirs is run."""

import hashlib
import io
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from lradapt.data.importing import solar_cells
from lradapt.data.importing.solar_cells import WHEEL, fetch, import_solar_cells
from lradapt.data.labels import read_labels
from lradapt.errors import DataError

LINES = (
    "images/cell0001.png  1.0                 mono",
    "images/cell0002.png  0.3333333333333333  poly",
    "images/cell0003.png  0.6666666666666666  mono",
    "images/cell0004.png  0.0                 poly",
)


@pytest.fixture
def wheel(tmp_path, random_image):
    """A small wheel in a cache, and what is known of it; its code would fail if it ran."""
    path = tmp_path / "cache" / WHEEL.file
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("elpv_dataset/__init__.py", "raise SystemExit('its code was run')")
        file.writestr("elpv_dataset/data/labels.csv", "\n".join(LINES) + "\n")
        for seed, line in enumerate(LINES):
            picture = io.BytesIO()
            random_image(seed, (30, 30)).convert("L").save(picture, "png")
            file.writestr(f"elpv_dataset/data/{line.split()[0]}", picture.getvalue())
    return replace(WHEEL, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture
def project(tmp_path):
    """Where images and labels go."""
    return {"images": tmp_path / "data" / "images", "labels": tmp_path / "data" / "labels.csv"}


def pip_that(monkeypatch, does):
    """Let a function stand in pip: it gets the command and the keywords of `subprocess.run`."""
    monkeypatch.setattr(solar_cells.subprocess, "run", does)


def test_the_four_grades_become_four_classes(wheel, project, tmp_path):
    found = import_solar_cells(cache=tmp_path / "cache", wheel=wheel, **project)
    assert [(each.image, each.label) for each in read_labels(project["labels"])] == [
        ("defective/cell0001_mono.png", "defective"),
        ("defective_unsure/cell0003_mono.png", "defective_unsure"),
        ("functional/cell0004_poly.png", "functional"),
        ("functional_unsure/cell0002_poly.png", "functional_unsure"),
    ]
    with Image.open(project["images"] / "functional/cell0004_poly.png") as picture:
        assert (picture.size, picture.mode) == ((30, 30), "L")
    assert all(not label.group and not label.split for label in found.labels)


def test_licence_citation_and_unknown_groups_are_noted(wheel, project, tmp_path):
    notes = " ".join(import_solar_cells(cache=tmp_path / "cache", wheel=wheel, **project).notes)
    assert "CC BY-NC-SA 4.0" in notes
    assert "Solar Energy 185, 2019" in notes
    assert "no group is known" in notes


def test_a_wheel_of_another_hash_is_refused_and_nothing_is_imported(wheel, project, tmp_path):
    other = replace(wheel, sha256="0" * 64)
    with pytest.raises(DataError, match=f"its sha256 is {wheel.sha256}, expected 0000"):
        import_solar_cells(cache=tmp_path / "cache", wheel=other, **project)
    assert not project["images"].exists()


def test_pip_downloads_one_version_without_its_dependencies_into_the_cache(
    wheel, tmp_path, monkeypatch
):
    content, cache = (tmp_path / "cache" / wheel.file).read_bytes(), tmp_path / "other" / "cache"
    commands = []

    def download(command, **_):
        commands.append(command)
        Path(command[command.index("--dest") + 1], wheel.file).write_bytes(content)

    pip_that(monkeypatch, download)
    assert fetch(wheel, cache) == cache / wheel.file
    assert fetch(wheel, cache).read_bytes() == content
    (command,) = commands  # the second time it lies there
    assert {"--no-deps", "--only-binary", "--no-input"} <= set(command)
    assert command[-1] == "elpv-dataset==1.0.0.post1"
    assert list(cache.iterdir()) == [cache / wheel.file]


def test_a_download_of_another_hash_is_not_kept(wheel, tmp_path, monkeypatch):
    def download(command, **_):
        Path(command[command.index("--dest") + 1], wheel.file).write_bytes(b"other")

    pip_that(monkeypatch, download)
    with pytest.raises(DataError, match="is not the file that lradapt knows"):
        fetch(wheel, tmp_path / "empty")
    assert not list((tmp_path / "empty").iterdir())


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            subprocess.CalledProcessError(1, "pip", stderr="WARNING: Retrying\nERROR: No match\n"),
            r"\(ERROR: No match\)",
        ),
        (subprocess.CalledProcessError(1, "pip", stderr=""), "non-zero exit status 1"),
        (subprocess.TimeoutExpired("pip", 600), "pip took longer than 600 s"),
        (FileNotFoundError("no python"), "no python"),
    ],
)
def test_an_index_that_does_not_answer_gives_one_message(
    wheel, tmp_path, monkeypatch, error, reason
):
    def fail(*_, **__):
        raise error

    pip_that(monkeypatch, fail)
    with pytest.raises(DataError, match=reason) as caught:
        fetch(wheel, tmp_path / "empty")
    assert f"put {wheel.file} there" in str(caught.value)
    assert not list((tmp_path / "empty").iterdir())


def test_a_pip_that_never_ends_is_stopped(wheel, tmp_path, monkeypatch):
    sleeper = tmp_path / "python"
    sleeper.write_text("#!/bin/sh\nexec sleep 60\n")
    sleeper.chmod(0o755)
    monkeypatch.setattr(solar_cells.sys, "executable", str(sleeper))
    with pytest.raises(DataError, match="pip took longer than 0 s"):
        fetch(wheel, tmp_path / "empty", seconds=0.2)


@pytest.mark.long
def test_the_package_index_has_the_2624_cells(project, tmp_path):
    try:
        found = import_solar_cells(cache=tmp_path / "cache", **project)
    except DataError as error:
        if "cannot be downloaded" not in str(error):
            raise
        pytest.skip(str(error))
    counts = [
        sum(each.label == name for each in found.labels) for name in solar_cells.CLASSES.values()
    ]
    assert counts == [1508, 295, 106, 715]
    assert not {"elpv_dataset"} & set(solar_cells.sys.modules)
