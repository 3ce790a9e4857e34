"""What a retraining takes beside its work."""

import pytest

from benchmarks.flow_overhead import Cost, beyond, worked


def test_work_is_what_the_stages_took_but_for_the_export():
    timings = {
        "ingest": {"seconds": 1.0, "cpu_seconds": 2.0},
        "finetune": {"seconds": 10.0, "cpu_seconds": 18.0},
        "export": {"seconds": 4.0, "cpu_seconds": 4.0},
    }
    assert worked(timings) == Cost(11.0, 20.0)


def test_the_rest_is_the_whole_without_the_work():
    rest = beyond(Cost(60.0, 70.0), Cost(40.0, 65.0))
    assert (rest.wall, rest.cpu) == pytest.approx((20.0, 5.0))
