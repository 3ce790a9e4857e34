import json
import time

import pytest

from lradapt.runtime.timings import Spent, read_timings, timed


def test_before_any_stage_there_are_no_timings(tmp_path):
    assert read_timings(tmp_path / "timings.json") == {}


def test_wall_and_cpu_seconds_are_noted_to_the_hundredth(tmp_path, monkeypatch):
    clocks = {"perf_counter": iter([10.0, 11.234]), "process_time": iter([3.0, 3.516])}
    for clock, seconds in clocks.items():
        monkeypatch.setattr(time, clock, seconds.__next__)
    path = tmp_path / "reports" / "timings.json"
    with timed("split", path):
        pass
    monkeypatch.undo()
    noted = {"split": {"seconds": 1.23, "cpu_seconds": 0.52}}
    assert read_timings(path) == noted


def test_the_time_of_earlier_processes_is_added(tmp_path):
    with timed("finetune", tmp_path / "timings.json") as stopwatch:
        stopwatch.earlier = Spent(100.0, 50.0)
    noted = read_timings(tmp_path / "timings.json")["finetune"]
    assert 100 <= noted["seconds"] < 105
    assert 50 <= noted["cpu_seconds"] < 55


def test_each_stage_keeps_its_last_run(tmp_path):
    path = tmp_path / "timings.json"
    path.write_text(json.dumps({"split": {"seconds": 99}, "export": {"seconds": 7}}))
    with timed("split", path):
        pass
    noted = read_timings(path)
    assert list(noted) == ["split", "export"]
    assert noted["split"]["seconds"] < 10
    assert noted["export"] == {"seconds": 7}


def test_a_stage_that_fails_leaves_the_previous_timings(tmp_path):
    path = tmp_path / "timings.json"
    path.write_text("{}")
    with pytest.raises(ZeroDivisionError), timed("split", path):
        _ = 1 / 0
    assert read_timings(path) == {}


def test_without_a_path_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with timed("split", None):
        pass
    assert list(tmp_path.iterdir()) == []
