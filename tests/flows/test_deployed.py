"""The deployments on a server of Prefect's: registered, scheduled, run by workers, reported."""

import subprocess
import sys

import pytest
import yaml
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.events import Event
from prefect.events.filters import EventFilter, EventNameFilter
from prefect.states import Cancelled, Pending

from lradapt.runtime import lock
from tasks.server import setup
from tasks.ui.events import DATA_DRIFTED
from tests.prefect_server import connected, listener, server, settings, worker
from tests.projects import ROOT, run
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def hook():
    with listener() as (url, posts):
        yield url, posts


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    with server(tmp_path_factory.mktemp("prefect")) as settings:
        yield settings


@pytest.fixture
def client(environment):
    with connected(environment) as found:
        yield found


def deploy(project, environment, url):
    variables = environment | {"LRADAPT_WEBHOOK_URL": url, "LRADAPT_PROJECT": str(project)}
    return run(project, sys.executable, "-m", "flows.deploy", environment=variables).stdout


@pytest.fixture(scope="module")
def deployed(project, environment, hook):
    """The project after `make deploy`; its output."""
    return project, deploy(project, environment, hook[0])


@pytest.fixture(scope="module")
def workers(deployed, environment):
    """A worker of each pool, in the project; nothing runs by its schedule."""
    project, _ = deployed
    with connected(environment) as client:  # a run at a quarter past would have the slot of a test
        for each in client.read_deployments():
            client.pause_deployment(each.id)
    with worker(project, environment, "gpu"), worker(project, environment, "cpu"):
        yield project


def deployment(client, name):
    return client.read_deployment_by_name(f"{name}/{name}")


def runs_of(client, name):
    chosen = FlowRunFilterDeploymentId(any_=[deployment(client, name).id])
    return client.read_flow_runs(flow_run_filter=FlowRunFilter(deployment_id=chosen))


def start(client, name, **parameters):
    chosen = deployment(client, name).id
    return client.create_flow_run_from_deployment(chosen, parameters=parameters).id


def ended(client, run, seconds=400):
    """The state in which the run ends."""

    def state():
        now = client.read_flow_run(run).state
        return now if now.is_final() else None

    return wait_for(state, seconds=seconds)


def posted(posts, event, number=0):
    """The body of a post about `event`; the first by default."""

    def found():
        bodies = [body for _, body in posts if body["event"] == event]
        return bodies[number] if len(bodies) > number else None

    return wait_for(found, seconds=180)


def output(client, name, at_least=1):
    """The payloads of all events of this name, the newest first; so many are waited for."""
    chosen = EventFilter(event=EventNameFilter(name=[name]))

    def found():
        events = client.read_events(chosen, limit=50).events
        return events if len(events) >= at_least else None

    return [event.payload for event in wait_for(found, seconds=180)]


def everything(client):
    """What the server knows of this project, without its clocks and versions."""
    changing = {"updated", "created", "id", "deployment_id", "version", "status", "last_polled"}

    def stable(value):
        if isinstance(value, dict):
            return {key: stable(one) for key, one in value.items() if key not in changing}
        if not isinstance(value, list):
            return value
        found = [stable(one) for one in value]  # names of events are sets, in any order
        return sorted(found) if all(isinstance(one, str) for one in found) else found

    parts = (
        client.read_work_pools(),
        client.read_global_concurrency_limits(limit=100, offset=0),
        client.read_deployments(),
    )
    listed = [stable(each.model_dump(mode="json")) for part in parts for each in part]
    automations = client.request("POST", "/automations/filter", json={}).json()
    return sorted(map(str, [*listed, *stable(automations)]))


def test_what_is_deployed_twice_is_as_if_deployed_once(deployed, environment, hook, client):
    project, first = deployed
    assert "work pools: cpu, gpu; new: cpu, gpu" in first
    before = everything(client)
    assert "new: none" in deploy(project, environment, hook[0])
    assert everything(client) == before
    names = [each["name"] for each in client.request("POST", "/automations/filter", json={}).json()]
    assert sorted(names) == [
        "lradapt: dead runs",
        "lradapt: notify of failures",
        "lradapt: notify of promotions and rollbacks",
        "lradapt: retrain where images have drifted",
        "lradapt: retrain where labels have changed",
        "lradapt: stranded runs",
    ]


def test_no_path_of_this_machine_is_in_a_deployment(deployed, client):
    project, _ = deployed
    known = client.read_deployments()
    assert len(known) == len(yaml.safe_load((project / "prefect.yaml").read_text())["deployments"])
    assert not [each.name for each in known if str(project) in each.model_dump_json()]


def test_a_schedule_makes_runs(deployed, client):
    runs = wait_for(lambda: runs_of(client, "retrain"), seconds=120)
    assert all(run.auto_scheduled and run.state.is_scheduled() for run in runs)
    assert {run.expected_start_time.hour for run in runs} == {2}


def test_a_changed_schedule_takes_the_place_of_the_former(deployed, environment, hook, client):
    project, _ = deployed
    file = project / "prefect.yaml"
    before = file.read_text()
    file.write_text(before.replace("0 2 * * *", "0 3 * * *"))
    try:
        deploy(project, environment, hook[0])
        schedules = deployment(client, "retrain").schedules
    finally:
        file.write_text(before)
        deploy(project, environment, hook[0])
    assert [each.schedule.cron for each in schedules] == ["0 3 * * *"]


def test_a_run_whose_worker_died_before_its_start_is_marked_and_the_next_one_begins(
    deployed, client, monkeypatch
):
    monkeypatch.setattr(setup, "STRANDED_AFTER_SECONDS", 10)
    setup.ensure_automations(["benchmark"], "")

    def taken():
        run = start(client, "benchmark")
        client.set_flow_run_state(run, Pending())  # as a worker does, before it starts anything
        return run

    stranded, skipped = taken(), taken()
    assert client.read_flow_run(skipped).state.is_cancelled()
    assert ended(client, stranded, seconds=180).is_crashed()
    following = taken()
    assert client.read_flow_run(following).state.is_pending()
    client.set_flow_run_state(following, Cancelled(), force=True)


def test_a_run_that_meets_another_is_skipped_and_the_first_promotes(
    workers, client, hook, monkeypatch
):
    monkeypatch.chdir(workers)
    with lock.run():  # so the first one waits as long as it takes
        first = start(client, "retrain")
        wait_for(lambda: client.read_flow_run(first).state.is_running(), seconds=120)
        second = ended(client, start(client, "retrain"))
    assert second.is_cancelled()
    assert "concurrency limit" in second.message
    assert ended(client, first).is_completed()

    (payload,) = output(client, "lradapt.model.promoted")
    assert payload["reason"].startswith("it is the first model")
    assert payload["previous"] == ""
    body = posted(hook[1], "lradapt.model.promoted")
    assert body["payload"] == payload
    assert body["text"].endswith(f"{payload['version']}: {payload['reason']}")
    assert {kind for kind, _ in hook[1]} == {"application/json"}


def test_a_rollback_that_cannot_be_is_a_failure_that_is_posted(workers, client, hook):
    failed = ended(client, start(client, "rollback", reason="to see"))
    assert failed.is_failed()
    body = posted(hook[1], "prefect.flow-run.Failed")
    assert body["flow"] == "rollback"
    assert "there is no previous one" in body["payload"]["reason"]


def test_the_watch_trains_nothing_but_tells_and_so_a_retraining_starts(workers, client):
    project = workers
    labels = project / "data/labels.csv"
    lines = labels.read_text().splitlines(keepends=True)
    labels.write_text("".join([lines[0], *lines[3:]]))
    before = {run.id for run in runs_of(client, "retrain") if not run.auto_scheduled}
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["watch"]["min_changes"] = 2
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    lock_before = (project / "dvc.lock").read_text()

    def new():
        runs = (run for run in runs_of(client, "retrain") if not run.auto_scheduled)
        return [run for run in runs if run.id not in before]

    assert ended(client, start(client, "watch-labels")).is_completed()
    (payload,) = output(client, "lradapt.labels.changed")
    assert payload["reason"] == "changes: 2, threshold: 2"
    (run,) = wait_for(new, seconds=180)
    assert ended(client, run.id).is_completed()
    assert (project / "dvc.lock").read_text() != lock_before
    assert len(new()) == 1

    assert ended(client, start(client, "watch-labels")).is_completed()
    assert len(output(client, "lradapt.labels.changed")) == 1


def test_a_drift_that_is_reported_starts_a_retraining(workers, client):
    def runs():
        return {run.id for run in runs_of(client, "retrain") if not run.auto_scheduled}

    before = runs()
    resource = {"prefect.resource.id": "lradapt.data.classifier", "lradapt.project": "lradapt"}
    event = Event(event=DATA_DRIFTED, resource=resource)
    client.request("POST", "/events", json=[event.model_dump(mode="json")])
    (run,) = wait_for(lambda: runs() - before, seconds=180)
    assert ended(client, run).is_completed()


def test_a_rollback_is_reported_and_posted(workers, client, hook):
    assert ended(client, start(client, "retrain", override="to go back from")).is_completed()
    promoted = output(client, "lradapt.model.promoted", at_least=2)
    assert ended(client, start(client, "rollback", reason="it is worse")).is_completed()
    (payload,) = output(client, "lradapt.model.rolled_back")
    assert (payload["kind"], payload["reason"]) == ("rollback", "it is worse")
    assert payload["previous"] == promoted[0]["version"]
    assert posted(hook[1], "lradapt.model.rolled_back")["payload"] == payload

    repeated = start(client, "rollback", reason="it is worse")  # as after a kill
    assert ended(client, repeated).is_completed()
    assert output(client, "lradapt.model.rolled_back", at_least=2) == [payload, payload]


@pytest.mark.parametrize(
    ("url", "output"),
    [
        ("http://127.0.0.1:1/api", "no Prefect server answers at http://127.0.0.1:1/api"),
        ("", "PREFECT_API_URL names no server"),
    ],
)
def test_where_no_server_is_one_sentence_says_so(tmp_path, url, output):
    variables = settings(tmp_path, 1) | {"PREFECT_API_URL": url}
    done = subprocess.run(
        [sys.executable, "-m", "flows.deploy"],
        cwd=ROOT,
        env=variables,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 1
    assert output in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
