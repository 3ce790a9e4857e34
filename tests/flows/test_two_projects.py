"""Two projects of `lradapt init` on one server of Prefect's do not touch each other."""

import sys

import pytest
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId

from tests.prefect_server import connected, server, worker
from tests.projects import ROOT, run
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    with server(tmp_path_factory.mktemp("prefect")) as settings:
        yield settings | {"PYTHONPATH": str(ROOT), "LRADAPT_WEBHOOK_URL": "http://127.0.0.1:1/x"}


@pytest.fixture(scope="module")
def deployed(environment, tmp_path_factory):
    """The projects skin and leaf, both deployed."""
    folder = tmp_path_factory.mktemp("projects")
    for name in ("skin", "leaf"):
        run(ROOT, sys.executable, "-m", "lradapt", "init", str(folder / name))
        run(folder / name, sys.executable, "-m", "lradapt", "deploy", environment=environment)
    return folder


def test_each_has_flows_pools_automations_and_a_webhook_of_its_own(deployed, environment):
    with connected(environment) as client:
        found = client.read_deployments()
        pools = {each.name: each.work_pool_name for each in found}
        flows = sorted(client.read_flow(each.flow_id).name for each in found)
        automations = client.request("POST", "/automations/filter", json={}).json()
        names = {each.name for each in client.read_work_pools()}
    assert len(found) == 12
    assert set(pools.values()) <= names == {"leaf-cpu", "leaf-gpu", "skin-cpu", "skin-gpu"}
    assert flows == sorted(
        f"{project}-{flow}"
        for project in ("leaf", "skin")
        for flow in ("monitor", "retrain", "rollback", "stage", "stage", "watch-labels")
    )
    of_skin = [each for each in automations if each["name"].startswith("skin: ")]
    assert len(of_skin) * 2 == len(automations) == 12
    assert "leaf" not in str([each["trigger"] for each in of_skin])


def test_a_run_of_one_is_taken_by_its_worker_alone(deployed, environment):
    with connected(environment) as client, worker(deployed / "leaf", environment, "leaf-cpu"):
        ids = {}
        for project in ("skin", "leaf"):
            chosen = client.read_deployment_by_name(f"{project}-rollback/rollback").id
            started = client.create_flow_run_from_deployment(chosen, parameters={"reason": "try"})
            ids[project] = started.id
        wait_for(lambda: client.read_flow_run(ids["leaf"]).state.is_final(), seconds=180)
        assert client.read_flow_run(ids["leaf"]).state.is_failed()  # it has no model yet
        assert client.read_flow_run(ids["skin"]).state.is_scheduled()
        chosen = client.read_deployment_by_name("skin-retrain/retrain").id
        of_skin = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[chosen]))
        assert not [
            each
            for each in client.read_flow_runs(flow_run_filter=of_skin)
            if not each.state.is_scheduled()
        ]
