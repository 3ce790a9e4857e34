"""Running a command without its output, for a limited time; no process of its group is left."""

import subprocess
import sys
from collections.abc import Sequence

from tasks.processes import supervisor
from tasks.processes.child import child_environment


def run_limited(command: Sequence[str], *, seconds: float) -> int | None:
    """Run a command, and return its exit code; None if it was ended after that many seconds."""
    with subprocess.Popen(
        [sys.executable, "-I", "-S", supervisor.__file__, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
        start_new_session=True,
    ) as child:
        assert child.stdin
        try:
            return child.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            child.stdin.close()  # now the supervisor ends what still runs
