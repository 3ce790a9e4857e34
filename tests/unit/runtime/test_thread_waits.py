import subprocess
import sys

import pytest

from lradapt.runtime.thread_waits import shorten_thread_waits
from tests.projects import ROOT


def after(environment):
    shorten_thread_waits(environment)
    return environment


def test_threads_wait_for_a_short_time():
    assert after({}) == {"GOMP_SPINCOUNT": "10000"}


@pytest.mark.parametrize("name", ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"])
def test_what_a_person_has_set_stays(name):
    assert after({name: "7"}) == {name: "7"}


def test_the_program_sets_it_before_it_imports_torch():
    seen = (
        "import os, sys; from lradapt import __main__ as program;"
        "program.exit_on_error = lambda **_: sys.exit("
        "os.environ['GOMP_SPINCOUNT'] + str('torch' in sys.modules));"
        "program.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", seen],
        env={},
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.stderr == "10000False\n"
