"""What the shell is offered when somebody types TAB."""

import os
import sys

import pytest

from lradapt.cli.app import run
from lradapt.registry import open_registry


@pytest.fixture
def offered(tmp_path, monkeypatch, capsys):
    """A function: what bash is offered behind these words, the last of which is unfinished."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["lradapt"])

    def offer(*words):
        monkeypatch.setenv("_LRADAPT_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", " ".join(["lradapt", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        with pytest.raises(SystemExit) as end:
            run()
        assert end.value.code == 0
        output = capsys.readouterr()
        assert output.err == ""
        return output.out.split()

    return offer


def publish(folder, name="classifier"):
    files = {"model.onnx": os.fsencode(folder), "trained_on.csv": b""}
    return open_registry(folder, name).publish(files, {})


@pytest.mark.parametrize("command", [["show"], ["recipe"], ["rollback", "--reason", "x"]])
def test_versions_of_the_registry_are_offered(offered, command):
    version = publish("registry")
    assert offered(*command, "") == [version]
    assert offered(*command, version[:3]) == [version]
    assert offered(*command, "nosuch") == []


def test_the_registry_and_the_name_that_stand_before_are_asked(offered):
    publish("registry")
    other = publish("elsewhere", "birds")
    assert offered("show", "--registry", "elsewhere", "--name", "birds", "") == [other]


def test_a_registry_that_cannot_be_read_or_might_not_answer_offers_nothing(offered, tmp_path):
    (tmp_path / "file").touch()
    for where in ("file", "nosuch", "s3://bucket/prefix"):
        assert offered("show", "--registry", where, "") == []


def test_presets_stages_kinds_of_weights_and_commands_are_offered(offered):
    assert offered("preset", "") == ["paper"]
    assert offered("stage", "find") == ["find_body_lr", "find_lr"]
    assert offered("import", "weights", "") == ["imagenet", "none", "auto"]
    assert offered("import", "weights", "file.pt") == []
    assert offered("ver") == ["versions"]
