import subprocess
import sys

import pytest

from benchmarks.flow_overhead import make_chain, work_of_stages
from benchmarks.measuring import Elapsed
from tests.prefect_server import server
from tests.projects import ROOT


def test_the_export_is_no_work_of_the_stages():
    timings = {
        "ingest": {"seconds": 1.0, "cpu_seconds": 2.0},
        "finetune": {"seconds": 10.0, "cpu_seconds": 18.0},
        "export": {"seconds": 4.0, "cpu_seconds": 4.0},
    }
    assert work_of_stages(timings) == Elapsed(11.0, 20.0)


@pytest.mark.slow
def test_the_flow_of_the_measurement_runs_each_stage(tmp_path, tmp_path_factory):
    make_chain(tmp_path, 2)
    (tmp_path / "source").write_text("new\n")
    with server(tmp_path_factory.mktemp("prefect")) as environment:
        command = [sys.executable, "-m", "benchmarks.chain_flow"]
        here = environment | {"PYTHONPATH": str(ROOT)}
        subprocess.run(command, cwd=tmp_path, env=here, check=True)
    assert (tmp_path / "made1").read_text() == "new\n"
