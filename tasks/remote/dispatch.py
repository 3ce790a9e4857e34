"""Sends a stage to another machine, if its `meta.queue` names another work pool than this run's.

The call contains the commit of the code, and the text of the files that define data and params.
Data and outputs are transferred through DVC's remote. The other machine runs `flows.remote_stage`.
"""

import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from prefect import task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, WorkerStatus
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling

from lradapt.config.project_name import own, plain
from lradapt.errors import LradaptError, listed
from tasks import git
from tasks.pipeline import dvc_commands
from tasks.pipeline.dvc_index import has_remote
from tasks.pipeline.plan import Node, read_status
from tasks.remote import results as answer
from tasks.remote.inputs import Needs, read_needs

log = logging.getLogger("lradapt.elsewhere")

NO_WORKER_SECONDS = 60
"""A call ends with an error if its pool has had no worker for this time."""
POLL_SECONDS = 2


class ElsewhereError(LradaptError):
    """A stage cannot run, or has failed, on another machine; the message says why."""


def choose(plan: Sequence[Node]) -> dict[str, str]:
    """Return the stale stages of a plan that run in another work pool: address -> pool.

    Missing requirements are reported here, before any stage runs.

    Raises:
        ElsewhereError: no DVC remote, outputs that are never pushed, uncommitted code, or no
            deployment.
    """
    queues = {
        node.address: own(node.meta["queue"])
        for node in plan
        if node.stale and node.meta.get("queue")
    }
    here = _own_pool() if queues else None
    calls = {address: pool for address, pool in queues.items() if pool != here}
    if calls:
        _require_remote(calls)
        needs = {address: read_needs(address) for address in calls}
        _require_pushed(needs)
        _require_committed(needs)
        _require_deployments(set(calls.values()))
    return calls


def _own_pool() -> str | None:
    """Return the work pool whose worker has started this process; None without a worker."""
    run = os.environ.get("PREFECT__FLOW_RUN_ID")
    if run is None:
        return None
    with get_client(sync_client=True) as client:
        return client.read_flow_run(UUID(run)).work_pool_name


def _require_remote(calls: dict[str, str]) -> None:
    if not has_remote():
        stages = ", ".join(f"{address} (pool {pool})" for address, pool in calls.items())
        raise ElsewhereError(
            f"no DVC remote is set, by which files could travel to another machine: {stages}; "
            "set one with `dvc remote add -d NAME URL`, or remove `queue` from dvc.yaml"
        )


def _require_pushed(needs: dict[str, list[Needs]]) -> None:
    kept = [f"{address}: {path}" for address, each in needs.items() for path in each[-1].unpushed]
    if kept:
        raise ElsewhereError(
            "what these stages make never goes to DVC's remote (`push: false` in dvc.yaml), so "
            f"they cannot run on another machine; remove `push: false` or `queue`:\n{listed(kept)}"
        )


def _require_committed(needs: dict[str, list[Needs]]) -> None:
    code = sorted({path for each in needs.values() for one in each for path in one.code})
    if not code:
        return
    changed = git.checked("status", "--porcelain", "--untracked-files=all", "--", *code)
    if changed:
        raise ElsewhereError(
            f"code that is to run on another machine ({', '.join(needs)}) is not committed; "
            "commit it, push it to where that machine fetches from, and run again:\n"
            f"{listed([line[3:] for line in changed.splitlines()])}"
        )


def _require_deployments(pools: set[str]) -> None:
    with get_client(sync_client=True) as client:
        missing = [pool for pool in sorted(pools) if not _is_deployed(client, pool)]
        if missing:
            raise ElsewhereError(
                f"Prefect's server at {client.api_url} has no deployment "
                f"{', '.join(_deployment(pool) for pool in missing)}, by which stages run on other "
                "machines; see that PREFECT_API_URL is the right server, that prefect.yaml has "
                "it, and run `make deploy`"
            )


def _deployment(pool: str) -> str:
    return f"{own('stage')}/stage-{plain(pool)}"


def _is_deployed(client: SyncPrefectClient, pool: str) -> bool:
    try:
        client.read_deployment_by_name(_deployment(pool))
    except ObjectNotFound:
        return False
    return True


@task(persist_result=False)
def reproduce(address: str, pool: str) -> None:
    """Bring a stage up to date by a worker of another pool; do nothing if it is up to date.

    Raises:
        ElsewhereError: the stage failed there, or no worker has started it.
        MisfitError: the results do not match the files here.
    """
    if address not in read_status(address):
        log.info("%s: already up to date", address)
        return
    needs = read_needs(address)
    data = sorted({path for each in needs for path in each.data})
    if data:
        dvc_commands.run("push", *data)
    flow_run = _call(address, pool, needs)
    answer.accept(address, answer.receive(flow_run))


def _call(address: str, pool: str, needs: Sequence[Needs]) -> UUID:
    """Run the stage in the pool, wait for its end, and return the id of its flow run."""
    texts = sorted({path for each in needs for path in each.texts if Path(path).exists()})
    call = run_deployment(
        _deployment(pool),
        parameters={
            "address": address,
            "commit": git.checked("rev-parse", "HEAD").strip(),
            "texts": {path: Path(path).read_text(encoding="utf-8") for path in texts},
        },
        flow_run_name=address,
        timeout=0,
    )
    assert isinstance(call, FlowRun)
    log.info("%s runs in pool %s, as flow run %s", address, pool, call.id)
    with get_client(sync_client=True) as client:
        try:
            done = _wait(client, call.id, pool)
        except BaseException:  # after a cancel or a timeout, it must not continue
            client.set_flow_run_state(call.id, Cancelling(), force=False)
            raise
    if done.state is None or not done.state.is_completed():
        raise ElsewhereError(_failure(address, pool, done))
    return call.id


def _wait(client: SyncPrefectClient, flow_run: UUID, pool: str) -> FlowRun:
    """Wait for the end of the flow run, and return it."""
    seen = time.monotonic()
    while True:
        run = client.read_flow_run(flow_run)
        assert run.state
        if run.state.is_final():
            return run
        if run.state.is_running() or _has_worker(client, pool):
            seen = time.monotonic()
        elif time.monotonic() - seen > NO_WORKER_SECONDS:
            raise ElsewhereError(
                f"pool {pool} has had no worker for {NO_WORKER_SECONDS} seconds; start one on the "
                f"machine that shall run the stage: `lradapt worker --pool {plain(pool)}`"
            )
        time.sleep(POLL_SECONDS)


def _has_worker(client: SyncPrefectClient, pool: str) -> bool:
    workers = client.read_workers_for_work_pool(pool)
    return any(worker.status == WorkerStatus.ONLINE for worker in workers)


def _failure(address: str, pool: str, run: FlowRun) -> str:
    assert run.state
    reason = run.state.message or "no reason was reported"
    return f"{address} has not run in pool {pool} ({run.state.name}, flow run {run.id}):\n{reason}"
