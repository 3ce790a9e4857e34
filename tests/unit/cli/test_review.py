"""`lradapt review` on the command line: what it refuses, and decisions in a table."""

import csv
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from reviewed_project import write_project

TABLE = Path("decisions.csv")


@pytest.fixture
def project(tmp_path, monkeypatch):
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LRADAPT_RUN", raising=False)


@pytest.fixture
def command(project, lradapt, monkeypatch):
    """A function that runs `lradapt review` in a small project."""
    return lambda *words: lradapt("review", *words)


def decide(**cells):
    rows = list(csv.DictReader(TABLE.read_text().splitlines()))
    rows[0] |= cells
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_an_export_comes_back_as_decisions(command):
    done = command("--export", TABLE)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("decisions.csv: 4 open images; fill in the column action")
    decide(action="change", to="benign")
    done = command("--import", TABLE, "--as", "Ben")
    assert done.out == "decisions.csv: 1 decisions carried out, 0 already were\n"
    assert 'case 03.png,"benign"' in Path("data/labels.csv").read_text()
    assert '"who": "Ben"' in Path("data/label_journal.jsonl").read_text()
    done = command("--import", TABLE)
    assert done.out == "decisions.csv: 0 decisions carried out, 1 already were\n"


def test_decisions_that_do_not_fit_are_one_error(command):
    command("--export", TABLE)
    decide(action="change", to="horse")
    done = command("--import", TABLE)
    assert done.code == 1
    assert "line 2: case 03.png: no class 'horse' in labels.csv" in done.err


def test_an_export_of_another_queue(command):
    done = command("--queue", "duplicates", "--export", TABLE)
    assert done.out.startswith("decisions.csv: 2 open images")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--queue", "unsure"], "expected one of doubtful, duplicates, near_duplicates"),
        (["--as", "a\x1bb"], "expected 1 to 80 letters"),
        (["--export", "a.csv", "--import", "b.csv"], "not both"),
    ],
)
def test_wrong_usage_is_said(command, words, message):
    done = command(*words)
    assert done.code == 2
    assert message in done.err


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("data/labels.csv", "no data/labels.csv: import images and labels"),
        ("build/ingest/images.csv", "no build/ingest/images.csv: run `make retrain` first"),
        ("build/doubtful_labels/doubtful_labels.csv", "run `dvc repro doubtful_labels` first"),
    ],
)
def test_a_project_without_a_run_is_told_what_to_do(command, missing, message):
    Path(missing).unlink()
    done = command("--export", TABLE)
    assert (done.code, TABLE.exists()) == (1, False)
    assert message in done.err


def test_a_cut_journal_is_a_warning_at_the_start(command):
    Path("data/label_journal.jsonl").write_text('{"time": "2026')
    done = command("--export", TABLE)
    assert done.code == 0
    assert done.err.startswith("warning: data/label_journal.jsonl, line 1: not a complete entry")


def run_without_privileges(*words):
    """Run `lradapt` as one who needs rights to write, though tests may run as root."""
    rights = "--bounding-set=-dac_override,-dac_read_search"
    drop = ["setpriv", rights, "--"] if os.getuid() == 0 else []
    program = [*drop, sys.executable, "-m", "lradapt", *map(str, words)]
    return subprocess.run(program, capture_output=True, text=True, check=False)


@pytest.mark.skipif(
    os.getuid() == 0 and not shutil.which("setpriv"), reason="root writes into read-only folders"
)
@pytest.mark.parametrize("action", ["keep", "change"])
def test_in_a_read_only_project_a_decision_is_an_error_and_nothing_is_written(command, action):
    command("--export", TABLE)
    decide(action=action, to="benign" if action == "change" else "")
    files = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    folders = [Path(), *(path for path in Path().rglob("*") if path.is_dir())]
    for path in (*folders, *files):
        path.chmod(0o555)
    try:
        done = run_without_privileges("review", "--import", TABLE.resolve())
        looked = run_without_privileges("check", "--json")
    finally:
        for path in (*folders, *files):
            path.chmod(0o755)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith("Permission denied\n")
    assert looked.returncode == 0, looked.stderr
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == files


def test_the_printed_address_takes_connections_at_once(command, monkeypatch):
    connected = []

    def echo(line, own=typer.echo):
        own(line)
        if line.startswith("http://"):
            host, port = re.match(r"http://([\d.]+):(\d+)/", line).groups()
            with socket.create_connection((host, int(port)), timeout=5):
                connected.append(line)

    monkeypatch.setattr("typer.echo", echo)

    def run(app, listeners, limits):
        for listener in listeners:
            listener.close()

    monkeypatch.setattr("lradapt.serving.connections.run", run)
    assert command("--no-browser", "--as", "Anna").code == 0
    assert len(connected) == 1
