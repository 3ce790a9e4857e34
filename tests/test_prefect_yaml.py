"""prefect.yaml says which flow runs where and when, and nothing that another file owns."""

from pathlib import Path

import yaml

from tasks.server import setup as server
from tasks.ui import events

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "prefect.yaml").read_text()
FILE = yaml.safe_load(TEXT)
DEPLOYMENTS = {each["name"]: each for each in FILE["deployments"]}


def words(value):
    """Every string of a YAML document, keys and values."""
    if isinstance(value, dict):
        return {word for pair in value.items() for one in pair for word in words(one)}
    if isinstance(value, list):
        return {word for one in value for word in words(one)}
    return {value} if isinstance(value, str) else set()


def test_it_names_no_stage_and_no_path_of_dvc_yaml():
    project = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    known = set(project["stages"]) | set(project["vars"][0]["path"].values())
    assert not words(FILE) & known


def test_it_holds_no_absolute_path():
    output = words(FILE)
    assert "{{ $LRADAPT_PROJECT }}" in output, "the strings were not found"
    assert not {word for word in output if word.startswith(("/", "~")) or ":\\" in word}


def test_every_entrypoint_is_a_file_and_a_function_of_this_repository():
    for each in DEPLOYMENTS.values():
        file, _, function = each["entrypoint"].partition(":")
        assert f"def {function}(" in (ROOT / file).read_text()


def test_every_run_outlives_its_worker_and_gives_signs_of_life():
    by_hand = (ROOT / "flows/settings.py").read_text()
    for each in DEPLOYMENTS.values():
        job = each["work_pool"]["job_variables"]
        assert job["stream_output"] is False
        beat = job["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]
        assert f'"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "{beat}"' in by_hand
        assert 3 * int(beat) == server.DEAD_AFTER_SECONDS


def test_what_starts_a_training_runs_once_at_a_time_and_skips_what_it_meets():
    once = {"limit": 1, "collision_strategy": "CANCEL_NEW", "grace_period_seconds": 900}
    limited = {name: each.get("concurrency_limit") for name, each in DEPLOYMENTS.items()}
    assert [name for name, limit in limited.items() if limit == once] == [
        "retrain",
        "watch-labels",
        "monitor",
        "benchmark",
    ]


def test_a_stranded_run_is_marked_before_the_server_gives_its_slot_away():
    """Else its end would release the slot of the run that has got it."""
    limits = [
        each["concurrency_limit"] for each in DEPLOYMENTS.values() if "concurrency_limit" in each
    ]
    assert len(limits) == 4
    for limit in limits:
        assert limit["grace_period_seconds"] > server.STRANDED_AFTER_SECONDS + 120


def test_each_pool_has_a_deployment_for_the_stages_of_another_machine():
    pools = {each["work_pool"]["name"] for each in DEPLOYMENTS.values()}
    called = {
        (each["name"], each["work_pool"]["name"])
        for each in DEPLOYMENTS.values()
        if each["entrypoint"].endswith(":stage")
    }
    assert called == {(f"stage-{pool}", pool) for pool in pools}


def test_the_watch_trains_nothing_since_its_event_starts_the_retraining():
    assert DEPLOYMENTS["watch-labels"]["parameters"] == {"train": False}
    assert events.LABELS_CHANGED in expected_by_retrain()


def test_a_drift_starts_the_retraining_and_the_monitor_runs_once_in_each_week():
    assert expected_by_retrain() == [events.LABELS_CHANGED, events.DATA_DRIFTED]
    (schedule,) = DEPLOYMENTS["monitor"]["schedules"]
    assert schedule["cron"].split()[2:] == ["*", "*", "1"]


def expected_by_retrain():
    return [name for each in DEPLOYMENTS["retrain"]["triggers"] for name in each["expect"]]
