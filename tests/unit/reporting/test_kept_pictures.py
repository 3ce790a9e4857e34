"""Pictures are kept in the project, and drawn again where anything that they show is another."""

import time

import pytest

from lradapt.reporting import kept_pictures
from lradapt.reporting.kept_pictures import kept


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / ".lradapt").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def drawn():
    """The values that were drawn."""
    return []


@pytest.fixture
def draw(drawn):
    @kept
    def draw(table, rate):
        drawn.append((table, rate))
        return f"<svg>{table!r} {rate} ü</svg>"

    return draw


def test_the_same_values_are_drawn_once(project, draw, drawn):
    first, second = draw(b"1,2", 0.5), draw(b"1,2", 0.5)
    assert first == second == "<svg>b'1,2' 0.5 ü</svg>"
    assert drawn == [(b"1,2", 0.5)]


def test_other_values_are_drawn(project, draw, drawn):
    assert len({draw(b"1,2", 0.5), draw(b"1,3", 0.5), draw(b"1,2", 0.25)}) == len(drawn) == 3


def test_another_code_draws_again(project, draw, drawn, monkeypatch):
    draw(b"1,2", 0.5)
    monkeypatch.setattr(kept_pictures, "_code", lambda: "other")
    draw(b"1,2", 0.5)
    assert len(drawn) == 2


def test_another_function_draws_its_own(project, draw, drawn):
    @kept
    def other(table, rate):
        return "another picture"

    draw(b"1,2", 0.5)
    assert other(b"1,2", 0.5) == "another picture"


def test_the_oldest_pictures_are_removed_first(project, draw, drawn, monkeypatch):
    monkeypatch.setattr(kept_pictures, "_MOST", 2)
    for rate in (1, 2, 1, 3):
        draw(b"", rate)
        time.sleep(0.02)  # the clock of a file system may be as coarse
    del drawn[:]
    draw(b"", 1)
    draw(b"", 2)
    assert drawn == [(b"", 2)]


def test_outside_a_project_nothing_is_written(tmp_path, monkeypatch, draw, drawn):
    monkeypatch.chdir(tmp_path)
    draw(b"1,2", 0.5)
    draw(b"1,2", 0.5)
    assert len(drawn) == 2
    assert list(tmp_path.iterdir()) == []
