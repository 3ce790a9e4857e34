"""The artifacts of a run, without a server."""

import re
import threading
from pathlib import Path

import pytest

from lradapt.reporting.changes_report import ChangesSummary
from tasks.ui import artifacts
from tests.finished_training import write_outputs


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """A function that shows a finished training with so many mistakes: key -> Markdown."""

    def show(num_mistakes):
        made = {}
        monkeypatch.setattr(
            artifacts,
            "create_markdown_artifact",
            lambda text, key, description: made.update({key: text}),
        )
        monkeypatch.chdir(tmp_path)
        write_outputs()
        params = Path("params.yaml")
        text = re.sub(r"mistakes: \d+", f"mistakes: {num_mistakes}", params.read_text())
        params.write_text(text)
        changes = ChangesSummary("nothing has changed")
        artifacts.show.fn(None, "registry", {}, changes, artifacts.draw_training())
        return made

    return show


def test_the_most_confident_mistakes_are_shown_with_their_pictures(shown):
    lines = shown(3)["mistakes"].splitlines()
    assert lines[:2] == ["| | label | predicted | confidence | image |", "|---|---|---|--:|---|"]
    (line,) = lines[2:]
    picture, rest = line.split(") | ")
    assert picture.startswith("| ![](data:image/png;base64,")
    assert rest == "\\<script>alert('x')\\</script> | owl | 70.0% | NA |"


def test_one_param_turns_the_pictures_off_in_the_ui_and_the_report(shown):
    assert "mistakes" in shown(1)
    assert "<img" in Path("reports/report.html").read_text()
    assert "mistakes" not in shown(0)
    assert "<img" not in Path("reports/report.html").read_text()


def test_curves_are_drawn_while_the_stages_of_the_block_run(monkeypatch):
    stages_run, seen = threading.Event(), []
    monkeypatch.setattr(artifacts, "_draw_beside", lambda _: seen.append(stages_run.wait(5)))
    with artifacts.training_drawn_beside():
        stages_run.set()
    assert seen == [True]


def test_a_curve_that_cannot_be_drawn_is_an_error_after_the_block(monkeypatch):
    ran = []
    monkeypatch.setattr(artifacts, "_draw_beside", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError), artifacts.training_drawn_beside():
        ran.append("stages")
    assert ran == ["stages"]
