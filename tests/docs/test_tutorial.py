"""The commands of docs/tutorial.md, typed in order in a fresh copy of the project.

A `console` block has commands, after `$ `, and their output; `...` matches anything. A block that
begins with `# a terminal of its own` is left running. All blocks share the exports of one shell.
"""

import doctest
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.docs.documents import ROOT, blocks
from tests.prefect_server import end, free_port, listener
from tests.projects import PROGRAMS, run
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(1800)]

FOREIGN = ("PREFECT_", "MAKE", "MFLAGS")  # the test may itself be run by make
OWN_TERMINAL = "# a terminal of its own\n"
STAMP = ".lradapt-installed"
END = "the command has ended:"
CHEAPER = (("\n  threads: 2", "\n  threads: 1"), ("\n  num_cycles: 3", "\n  num_cycles: 2"))
"""Of params.yaml: three epochs in place of seven give the output that the page shows, too."""


class Shell:
    """A shell that runs one command after the other."""

    def __init__(self, folder, environment):
        self.started = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def type(self, command):
        """Run a command; return its output and its exit code."""
        self.started.stdin.write(f"{command}\necho '{END}' $?\n")
        self.started.stdin.flush()
        output = ""
        for line in self.started.stdout:
            output += line
            if END in line:
                output, _, code = output.rpartition(END)
                return output, int(code)
        raise AssertionError(f"the shell has ended:\n{output}")

    def leave_running(self, command):
        """Start a command that keeps running, as in a terminal of its own."""
        self.type(f"({command}) < /dev/null > terminal-$RANDOM.log 2>&1 &")


@contextmanager
def shell(folder, environment):
    """Yield a shell; at the end, end it with all processes that it started."""
    opened = Shell(folder, environment)
    try:
        yield opened
    finally:
        end(opened.started, 15)
        opened.started.stdin.close()
        opened.started.stdout.close()


@pytest.fixture
def clone(tmp_path):
    """Make a fresh copy of the project in a git of its own, with an environment as if installed."""
    folder, environment = tmp_path / "lradapt", tmp_path / "environment"
    for name in run(ROOT, "git", "ls-files", "-co", "--exclude-standard").stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    params = (folder / "params.yaml").read_text()
    assert all(params.count(text) == 1 for text, _ in CHEAPER)
    for text, cheaper in CHEAPER:
        params = params.replace(text, cheaper)
    (folder / "params.yaml").write_text(params)
    run(folder, "git", "init", "-q")
    run(folder, "git", "add", "-A")
    run(folder, "git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "a copy")
    environment.mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != STAMP:
            (environment / part.name).symlink_to(part)
    (environment / STAMP).touch()
    return folder, environment


def steps(text):
    """Yield each command of a block with its expected output."""
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        heredoc = re.match(r".*<<'END'\n.*?^END\n", part, flags=re.M | re.S)
        command = heredoc[0] if heredoc else part.partition("\n")[0] + "\n"
        yield command, part.removeprefix(command)


def matches(expected, output):
    """Return whether the output matches, apart from white space and the parts shown as `...`."""
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(expected, output, options)


def is_up(port):
    """Return whether a server answers on this port."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/api/health").is_success
    except httpx.TransportError:
        return False


def test_the_commands_of_the_tutorial_print_the_output_that_it_shows(clone, bucket, tmp_path):
    folder, installed = clone
    port = free_port()
    environment = {
        **{name: value for name, value in PROGRAMS.items() if not name.startswith(FOREIGN)},
        **bucket.settings,
        "VENV": str(installed),
        "PORT": str(port),
        "PYTHONPATH": str(folder),
        "COLUMNS": "80",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
    }
    different = []
    with listener() as (hook, posts), shell(folder, environment) as terminal:
        own = {"https://example.com/hook": hook, "your-bucket": bucket.name, "4200": str(port)}
        for text in (each.text for each in blocks("docs/tutorial.md") if each.kind == "console"):
            for theirs, ours in own.items():
                text = text.replace(theirs, ours)
            if text.startswith(OWN_TERMINAL):
                terminal.leave_running("; ".join(command.strip() for command, _ in steps(text)))
                wait_for(lambda: is_up(port), seconds=180)
                continue
            for command, expected in steps(text):
                output, code = terminal.type(command)
                with (tmp_path / "transcript.txt").open("a") as transcript:
                    transcript.write(f"$ {command}{output}")
                assert code == 0, f"{command}{output}"
                if not matches(expected, output):
                    different.append(f"{command}\nexpected:\n{expected}\ngot:\n{output}")
        wait_for(lambda: posts, seconds=60)
    assert not different, "\n".join(different)
    assert posts[0][1]["event"] == "lradapt.model.rolled_back"
