"""What `dvc repro` by hand would not see: labels replaced under their former time and size."""

import hashlib
import os
from pathlib import Path

import pytest

from lradapt.config.replaced_sources import touch_replaced

LABELS = Path("labels.csv")
PAST = 1_000_000_000


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose `labels.csv` is versioned and was read by a stage."""
    monkeypatch.chdir(tmp_path)
    LABELS.write_text("a,x\n")
    write(Path("labels.csv.dvc"), "outs:\n- {entry}\n", "a,x\n")
    write(Path("dvc.lock"), "stages:\n  split:\n    cmd: true\n    deps:\n    - {entry}\n", "a,x\n")
    os.utime(LABELS, (PAST, PAST))


def write(path, form, content):
    md5 = hashlib.md5(content.encode()).hexdigest()
    entry = f"{{path: labels.csv, hash: md5, md5: {md5}, size: {len(content)}}}"
    path.write_text(form.format(entry=entry))


def replace(content):
    LABELS.write_text(content)
    os.utime(LABELS, (PAST, PAST))


@pytest.mark.usefixtures("project")
def test_what_is_as_recorded_keeps_its_time():
    assert touch_replaced(Path("dvc.yaml")) == []
    assert LABELS.stat().st_mtime == PAST


@pytest.mark.usefixtures("project")
def test_another_content_under_the_former_time_and_size_gets_the_present_time():
    replace("a,y\n")
    assert touch_replaced(Path("dvc.yaml")) == [LABELS]
    assert LABELS.stat().st_mtime > PAST


@pytest.mark.usefixtures("project")
def test_it_is_seen_too_where_only_the_stage_read_another_content():
    write(Path("labels.csv.dvc"), "outs:\n- {entry}\n", "a,y\n")
    replace("a,y\n")
    assert touch_replaced(Path("dvc.yaml")) == [LABELS]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("gone", ["labels.csv", "labels.csv.dvc", "dvc.lock"])
def test_a_project_that_lacks_one_of_the_files_is_left_alone(gone):
    replace("a,y\n")
    Path(gone).unlink()
    assert touch_replaced(Path("dvc.yaml")) == []


@pytest.mark.usefixtures("project")
def test_another_size_is_left_to_dvc():
    replace("a,x\nb,y\n")
    assert touch_replaced(Path("dvc.yaml")) == []
    assert LABELS.stat().st_mtime == PAST
