"""The help as a person reads it on 80 columns, and what it costs to ask for it."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from lradapt.cli.app import app

ROOT = Path(__file__).parents[3]
COMMANDS = sorted(get_command(app).commands)


def imported(*words):
    """What a process of its own imports for these words."""
    command = [sys.executable, "-X", "importtime", "-m", "lradapt", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return {line.split("|")[-1].strip() for line in done.stderr.splitlines()}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_examples_and_exit_codes_and_fits(lradapt, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    said = lradapt(command, "--help")
    assert said.code == 0
    assert (
        f"Examples\n   {'dvc repro' if command == 'stage' else f'lradapt {command}'}"
        in "\n".join(line.rstrip() for line in said.out.splitlines())
    )
    assert "Exit codes  0 done, 1 an error, which is told, 2 wrong usage" in said.out
    assert max(map(len, said.out.splitlines())) <= 80
    assert "…" not in said.out


def test_the_commands_stand_in_groups_and_the_exit_codes_below(lradapt):
    said = lradapt("--help").out
    places = [said.index(f"─ {group} ─") for group in ("Data", "Training", "Registry", "Use")]
    assert places == sorted(places)
    assert "─ Commands ─" not in said
    assert all(f"│ {command} " in said for command in COMMANDS)
    assert "130 Ctrl-C" in said


def test_the_version_is_told(lradapt):
    assert lradapt("--version").out.startswith("lradapt 0.")


@pytest.mark.slow
def test_help_and_the_list_of_versions_import_nothing_slow():
    slow = {
        "torch",
        "torchvision",
        "pandas",
        "numpy",
        "onnxruntime",
        "scipy",
        "lradapt.config.params",
    }
    for words in (["--help"], ["versions"]):
        found = imported(*words)
        assert "lradapt.cli.versions" in found
        assert not slow & found, words
