import subprocess
import sys

import pytest

from lradapt.runtime.system.freed_memory import keep_freed_memory
from tests.projects import ROOT

PROGRAM = """
import resource, torch
from lradapt.compute.engine import start_engine

start_engine(device="cpu", precision="fp32", threads=1)
faults = []
for _ in range(12):  # the heap settles in the first ones
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(25_000_000).sum()
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(faults[-1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of GNU's C library")
def test_a_tensor_gets_the_memory_that_the_one_before_it_has_freed():
    found = {
        kept: subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={}
            if kept
            else {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"},
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=True,
        ).stdout
        for kept in (True, False)
    }
    assert int(found[True]) < 5
    assert int(found[False]) >= 40  # 100 MB in pages of at most 2 MB


@pytest.mark.parametrize("name", ["GLIBC_TUNABLES", "MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_"])
def test_what_a_person_has_set_stays(name):
    assert not keep_freed_memory({name: ""})
