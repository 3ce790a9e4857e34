from benchmarks.flow_overhead import work_of_stages
from benchmarks.measuring import Elapsed


def test_the_export_is_no_work_of_the_stages():
    timings = {
        "ingest": {"seconds": 1.0, "cpu_seconds": 2.0},
        "finetune": {"seconds": 10.0, "cpu_seconds": 18.0},
        "export": {"seconds": 4.0, "cpu_seconds": 4.0},
    }
    assert work_of_stages(timings) == Elapsed(11.0, 20.0)
