"""Commands of DVC beside another DVC, which holds a file for a moment."""

import pytest

from tasks import dvc_commands
from tasks.child import CommandFailedError


def test_a_file_that_another_dvc_holds_for_a_moment_is_asked_for_again(monkeypatch):
    said = iter([dvc_commands.BUSY, dvc_commands.BUSY, ""])
    pauses = []

    def child(command, *, settings):
        if text := next(said):
            raise CommandFailedError(f"ERROR: 'a' {text}:")

    monkeypatch.setattr(dvc_commands, "run_child", child)
    monkeypatch.setattr(dvc_commands.time, "sleep", pauses.append)
    dvc_commands.run("repro")
    assert pauses == [1, 2]


def test_any_other_failure_of_dvc_is_not_tried_again(monkeypatch):
    def child(command, *, settings):
        raise CommandFailedError("ERROR: no such stage")

    monkeypatch.setattr(dvc_commands, "run_child", child)
    with pytest.raises(CommandFailedError, match="no such stage"):
        dvc_commands.run("repro")
