"""The help on 80 columns, and its imports."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from lradapt.cli.app import app

ROOT = Path(__file__).parents[3]
COMMANDS = sorted(get_command(app).commands)


def imported(*words):
    """The modules that a new process imports for this command line."""
    command = [sys.executable, "-X", "importtime", "-m", "lradapt", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return {line.split("|")[-1].strip() for line in done.stderr.splitlines()}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_examples_and_exit_codes_and_fits(lradapt, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    result = lradapt(command, "--help")
    assert result.code == 0
    assert (
        f"Examples\n   {'dvc repro' if command == 'stage' else f'lradapt {command}'}"
        in "\n".join(line.rstrip() for line in result.out.splitlines())
    )
    assert "Exit codes  0 done, 1 error (message on stderr), 2 wrong usage" in result.out
    assert max(map(len, result.out.splitlines())) <= 80
    assert "…" not in result.out


def test_the_commands_are_grouped_and_the_exit_codes_follow(lradapt):
    text = lradapt("--help").out
    places = [text.index(f"─ {group} ─") for group in ("Data", "Training", "Registry", "Use")]
    assert places == sorted(places)
    assert "─ Commands ─" not in text
    assert all(f"│ {command} " in text for command in COMMANDS)
    assert "130 Ctrl-C" in text


def test_the_version_is_printed(lradapt):
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
