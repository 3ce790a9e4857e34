"""Commands and stages of DVC in forks: fresh code, what runs in a fork, and a server that ends."""

import logging
import os
import signal
import subprocess
import sys

import pytest

from tasks.pipeline import dvc_commands
from tasks.processes import fork_client
from tasks.processes.child import CommandFailedError, forked_commands, run_child
from tests.projects import PROGRAMS, dvc
from tests.waiting import wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")

SHOW_FORK = "import sys; print('fork' if 'dvc.stage.run' in sys.modules else 'new program')\n"


@pytest.fixture(scope="module", autouse=True)
def server():
    with forked_commands():
        yield fork_client._current.get()


@pytest.fixture
def lines(caplog):
    """Return a function that returns the lines that commands have printed."""
    caplog.set_level(logging.INFO, logger="lradapt.stages")
    return lambda: caplog.messages


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return a function that makes a stage of a command, in a repository of DVC."""
    monkeypatch.chdir(tmp_path)
    dvc(tmp_path, "init", "--no-scm", "--quiet")
    (tmp_path / "program.py").write_text(SHOW_FORK)

    def stage(command):
        (tmp_path / "dvc.yaml").write_text(
            f"stages:\n  one:\n    cmd: {command}\n    always_changed: true\n"
        )
        return "repro", "--single-item", "one"

    return stage


def test_code_that_is_edited_between_two_commands_is_read_again(tmp_path, monkeypatch, lines):
    monkeypatch.chdir(tmp_path)
    for text in ("first", "second edition"):
        (tmp_path / "inner.py").write_text(f"text = {text!r}")
        (tmp_path / "program.py").write_text("import inner; print(inner.text)")
        run_child([sys.executable, "-m", "program"])
    assert lines() == ["first", "second edition"]


def test_a_command_has_its_own_environment_and_folder(tmp_path, monkeypatch, lines):
    (tmp_path / "program.py").write_text(
        "import os, sys; print(os.environ['A'], os.environ.get('B'), os.getcwd(), sys.argv[1:])"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("B", raising=False)
    run_child([sys.executable, "-m", "program", "x y"], settings={"A": "1", "B": "2"})
    run_child([sys.executable, "-m", "program"], settings={"A": "3"})
    assert lines() == [f"1 2 {tmp_path} ['x y']", f"3 None {tmp_path} []"]


@pytest.mark.parametrize(
    ("command", "runs_in"),
    [
        ("python -m program", "fork"),
        ("python -m program --option=a/b.csv 1e-3", "fork"),
        ("python -m program || true", "new program"),
        ("python -m program 'a b'", "new program"),
        ("python program.py", "new program"),
    ],
)
def test_a_stage_runs_in_a_fork_unless_the_shell_has_more_to_do(project, lines, command, runs_in):
    dvc_commands.run(*project(command))
    assert runs_in in lines()


def test_a_stage_of_several_commands_runs_each_of_them(project, lines):
    dvc_commands.run(*project("[python -m program, python -m program]"))
    assert [line for line in lines() if line in {"fork", "new program"}] == ["fork", "new program"]


def test_a_stage_that_fails_in_a_fork_fails_for_dvc_with_its_own_message(project, tmp_path):
    (tmp_path / "program.py").write_text("import sys; sys.exit('error: no images')")
    with pytest.raises(CommandFailedError, match=r"^error: no images$"):
        dvc_commands.run(*project("python -m program"))


def test_kill_9_of_a_forked_stage_is_an_error(project, tmp_path):
    (tmp_path / "program.py").write_text("import os; os.kill(os.getpid(), 9)")
    with pytest.raises(CommandFailedError, match="exited with -9"):
        dvc_commands.run(*project("python -m program"))


def test_dvc_without_a_stage_to_run_starts_nothing(project, lines, tmp_path):
    project("python -m program")
    (tmp_path / "dvc.yaml").write_text(
        "stages:\n  one:\n    cmd: python -m program\n    deps: [program.py]\n"
    )
    dvc_commands.run("repro", "one")
    dvc_commands.run("repro", "one")
    assert lines().count("fork") == 1


def test_after_the_end_of_the_server_a_command_is_a_new_program(tmp_path, monkeypatch, lines):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.py").write_text(SHOW_FORK)
    own = fork_client.ForkServer(os.environ)
    monkeypatch.setattr(fork_client, "_current", Holder(own))
    run_child([sys.executable, "-m", "program"])
    os.kill(own._process.pid, signal.SIGKILL)
    own._process.wait()
    run_child([sys.executable, "-m", "program"])
    own.stop()
    assert lines() == ["fork", "new program"]


@pytest.mark.slow
def test_a_stage_finds_lradapt_imported_unless_its_folder_has_another(project, lines, tmp_path):
    (tmp_path / "program.py").write_text("import sys; print('lradapt.cli.app' in sys.modules)")
    command = project("python -m program")

    def imported():
        dvc_commands.run(*command)
        return "True" in lines()

    wait_for(imported)
    (tmp_path / "lradapt").mkdir()
    (tmp_path / "lradapt/__init__.py").write_text("text = 'its own'")
    (tmp_path / "program.py").write_text("import lradapt; print(lradapt.text)")
    dvc_commands.run(*command)
    assert "its own" in lines()


@pytest.mark.parametrize(("files", "begins"), [([], True), (["dvc.lock"], False)])
def test_before_a_first_run_what_stages_import_is_imported_at_once(
    tmp_path, monkeypatch, files, begins
):
    monkeypatch.chdir(tmp_path)
    for name in files:
        (tmp_path / name).touch()
    own = fork_client.ForkServer(os.environ)
    own.stop()
    assert (own._of_stages is not None) == begins


class Holder:
    def __init__(self, server):
        self.server = server

    def get(self):
        return self.server


def test_kill_9_of_a_supervisor_is_the_end_of_its_command_with_137(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.py").write_text("import os; os.kill(os.getppid(), 9)")
    with pytest.raises(CommandFailedError, match="exit code 137"):
        run_child([sys.executable, "-m", "program"])


@pytest.mark.slow
def test_no_import_of_the_server_starts_a_thread():
    """A fork has none of the threads, and can wait for them for ever."""
    names = (*fork_client.FIRST_IMPORTS, *fork_client.STAGE_IMPORTS)
    code = "import importlib, os, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\n"
    alone = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # they end before a fork
    environment = {k: v for k, v in PROGRAMS.items() if k != "ORT_DISABLE_TELEMETRY"} | alone
    command = [sys.executable, "-c", f"{code}print(len(os.listdir('/proc/self/task')))", *names]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_a_server_ends_with_its_block():
    own = fork_client.ForkServer(os.environ)
    own.stop()
    wait_for(lambda: own._process.returncode is not None)
