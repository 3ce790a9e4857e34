"""A command in a child process: its output, its errors, and the end of all its processes."""

import logging
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasks.processes import fork_client, supervisor
from tasks.processes.child import (
    CommandFailedError,
    ask_child,
    forked_commands,
    run_child,
)
from tasks.processes.supervisor import GRACE_SECONDS
from tests.projects import PROGRAMS, ROOT
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def server():
    with forked_commands():
        yield


@pytest.fixture(params=["new program", "fork"], autouse=True)
def way(request, monkeypatch):
    """Each command is started in both ways."""
    if request.param == "fork":
        request.getfixturevalue("server")
        monkeypatch.setattr("tasks.processes.child.start_program", not_a_new_program)
    else:
        monkeypatch.setattr(fork_client, "start", lambda *_: None)
    return request.param


def not_a_new_program(*_):
    raise AssertionError("the fork server did not start the command")


@pytest.fixture
def python(tmp_path, monkeypatch):
    """Return a command that runs some code as a module."""
    monkeypatch.chdir(tmp_path)

    def command(code):
        (tmp_path / "program.py").write_text(code)
        return [sys.executable, "-m", "program"]

    return command


def test_every_line_of_a_child_goes_to_the_log(caplog, python):
    caplog.set_level(logging.INFO, logger="lradapt")
    run_child(python("import sys; print('one'); print('two', file=sys.stderr)"))
    assert sorted(record.getMessage() for record in caplog.records) == ["one", "two"]


def test_a_private_key_of_the_environment_does_not_reach_a_child(caplog, monkeypatch, python):
    monkeypatch.setenv("LRADAPT_SIGNING_KEY", "a secret")
    monkeypatch.setenv("LRADAPT_SIGNING_KEY_FILE", "a path")
    caplog.set_level(logging.INFO, logger="lradapt")
    run_child(python("import os; print(sorted(os.environ))"))
    assert "'LRADAPT_SIGNING_KEY_FILE'" in caplog.text
    assert "'LRADAPT_SIGNING_KEY'" not in caplog.text


def test_an_answer_is_what_a_child_prints_without_its_warnings(python):
    code = "import sys; print('answer'); print('a warning', file=sys.stderr)"
    assert ask_child(python(code)) == "answer\n"


def test_a_child_that_fails_is_an_error_with_its_own_words_of_it(python):
    code = "import sys; print('half an answer'); sys.exit('no such file')"
    with pytest.raises(CommandFailedError, match=r"^no such file$"):
        ask_child(python(code))


def test_hints_of_dvc_stay_out_of_the_log(caplog, python):
    caplog.set_level(logging.INFO, logger="lradapt")
    run_child(
        python(r"print('To track the changes with git, run:\n\n\tgit add dvc.lock\nepoch 1')")
    )
    assert [record.getMessage() for record in caplog.records] == ["epoch 1"]


def test_a_failed_child_is_one_error_from_its_error_line_on(python):
    code = "print('loading'); print('error: no images'); print('  - a.png'); exit(1)"
    with pytest.raises(CommandFailedError) as error:
        run_child(python(code))
    assert str(error.value) == "error: no images\n  - a.png"


def test_a_failed_child_without_a_message_gives_its_exit_code_and_last_lines(python):
    with pytest.raises(CommandFailedError) as error:
        run_child(python("print('loading'); exit(3)"))
    assert str(error.value) == "the command ended with exit code 3; its last output:\nloading"


def test_a_child_that_a_signal_ended_has_the_exit_code_of_a_shell(python):
    with pytest.raises(CommandFailedError, match="exit code 137"):
        run_child(python("import os; os.kill(os.getpid(), 9)"))


@pytest.mark.parametrize(
    ("code", "printed", "exit_code"),
    [
        ("import sys; sys.exit()", [], 0),
        ("import sys; sys.exit(7)", [], 7),
        ("import sys; sys.exit('why')", ["why"], 1),
        ("raise RuntimeError('why')", ["RuntimeError: why"], 1),
        ("raise KeyboardInterrupt", ["KeyboardInterrupt"], None),
        ("import atexit; atexit.register(print, 'at exit')", ["at exit"], 0),
        ("file = open('left_open', 'w'); file.write('all')", [], 0),
        ("import threading; threading.Timer(0.2, lambda: print('late')).start()", ["late"], 0),
    ],
)
def test_a_child_ends_as_a_program_of_python_does(python, caplog, code, printed, exit_code):
    caplog.set_level(logging.INFO, logger="lradapt")
    try:
        run_child(python(code))
        ended = 0
    except CommandFailedError as error:
        ended = int(re.search(r"exit code (\d+)", str(error))[1])
    assert caplog.messages[-1:] == printed
    assert ended == exit_code or (exit_code is None and ended)
    left = Path("left_open")
    assert not left.exists() or left.read_text() == "all"


def test_the_message_of_dvc_is_reported_if_there_is_no_other(python):
    line = "ERROR: failed to reproduce 'a': no such file"
    with pytest.raises(CommandFailedError, match="no such file"):
        run_child(python(f'print("{line}"); exit(1)'))


def test_python_in_a_command_is_this_python(caplog, python):
    caplog.set_level(logging.INFO, logger="lradapt")
    code = "import subprocess\nsubprocess.run(['python', '-c', 'import sys; print(sys.prefix)'])"
    run_child(python(code))
    assert caplog.records[0].getMessage() == sys.prefix


class CancelledError(BaseException):
    pass


def cancel_at(line):
    """A `log.info` that collects its texts, and cancels at this line."""
    lines = []

    def info(_, text):
        lines.append(text)
        if text == line:
            raise CancelledError

    return info, lines


def test_after_a_cancel_a_child_can_end_by_itself_and_its_output_is_logged(monkeypatch, python):
    info, lines = cancel_at("begun")
    monkeypatch.setattr("tasks.processes.child.log.info", info)
    code = (
        "import signal, sys, time\n"
        "def end(*_): print('checkpoint'); sys.exit(143)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('begun', flush=True); time.sleep(60)"
    )
    with pytest.raises(CancelledError):
        run_child(python(code))
    assert lines == ["begun", "checkpoint"]


STUBBORN = (
    "import os, signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "open({path!r}, 'a').write(f'{{os.getpid()}}\\n')\n"
    "if sys.argv[1:]: subprocess.Popen([sys.executable, *sys.argv[1:]])\n"
    "else: print('begun', flush=True)\n"
    "time.sleep(600)"
)
"""A process that ignores SIGTERM and notes its id; with arguments it starts another."""


def num_running(notes):
    """How many of the processes that have noted their id run."""
    return sum(is_running(int(line)) for line in notes.read_text().split())


def is_running(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.mark.slow
def test_a_cancel_ends_the_whole_group_after_a_grace_period(tmp_path, monkeypatch, python):
    """An exception in the parent (a cancel) must not leave a grandchild training on."""
    info, _ = cancel_at("begun")
    monkeypatch.setattr("tasks.processes.child.log.info", info)
    notes = tmp_path / "notes"
    code = STUBBORN.format(path=str(notes))
    start = time.monotonic()
    with pytest.raises(CancelledError):
        run_child([*python(code), "-c", code])
    assert time.monotonic() - start > GRACE_SECONDS
    assert len(notes.read_text().split()) == 2
    wait_for(lambda: num_running(notes) == 0)


@pytest.mark.slow
@pytest.mark.parametrize("thread", ["main", "another"])
def test_kill_9_of_the_flow_ends_the_whole_group(tmp_path, thread, way, python):
    notes = tmp_path / "notes"
    code = STUBBORN.format(path=str(notes))
    call = f"run_child({[*python(code), '-c', code]!r})"
    if way == "fork":
        call = f"with forked_commands(): {call}"
    imports = "from tasks.processes.child import forked_commands, run_child\n"
    flow = f"{imports}from threading import Thread\ndef flow():\n    {call}\n"
    flow += "flow()" if thread == "main" else "Thread(target=flow).start()"
    environment = {**PROGRAMS, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", flow], env=environment) as process:
        wait_for(lambda: notes.exists() and len(notes.read_text().split()) == 2)
        killed = time.monotonic()
        process.kill()
    wait_for(lambda: num_running(notes) == 0)
    assert time.monotonic() - killed > GRACE_SECONDS, "there was no grace period"


def test_processes_that_a_child_leaves_behind_end_with_it(tmp_path, python):
    notes = tmp_path / "notes"
    notes.touch()
    code = f"import os, time; open({str(notes)!r}, 'a').write(str(os.getpid())); time.sleep(600)"
    start = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {code!r}])"
    wait = f"import os\nwhile not os.path.getsize({str(notes)!r}): time.sleep(.05)"
    run_child(python(f"{start}\n{wait}"))
    wait_for(lambda: num_running(notes) == 0)


def test_sigterm_to_the_supervisor_ends_its_command():
    command = [sys.executable, supervisor.__file__, "sh", "-c", "echo begun; exec sleep 600"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline() == b"begun\n"
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
