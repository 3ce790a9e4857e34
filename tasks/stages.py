"""Brings the nodes of DVC's graph up to date, a task each."""

import logging
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from prefect import task

from tasks.pipeline import dvc_commands, lock_file
from tasks.pipeline.dvc_index import Stage, read_stages
from tasks.pipeline.plan import Node
from tasks.pipeline.sources import unversioned_sources
from tasks.processes.child import run_child
from tasks.remote import dispatch as elsewhere
from tasks.ui import progress

log = logging.getLogger("lradapt.stages")


@task(persist_result=False)
def reproduce(address: str) -> None:
    """Bring one node up to date; DVC does nothing if it already is."""
    lock_file.keep()
    with progress.followed() as settings:
        dvc_commands.run("repro", "--single-item", address, settings=settings)


def reproduce_stale(
    plan: Sequence[Node],
    then: Sequence[Node] = (),
    beside: AbstractContextManager[None] | None = None,
) -> None:
    """Bring the stale nodes of a plan up to date: one task each, with the options of its `meta`.

    Args:
        plan: its nodes, in order.
        then: those that follow.
        beside: a context in which they run.
    """
    pools = elsewhere.choose([*plan, *then])
    up_to_date = [node.address for node in (*plan, *then) if not node.stale]
    if up_to_date:
        log.info("up to date: %s", ", ".join(up_to_date))
    for node in plan:
        _reproduce_if_stale(node, pools)
    with beside or nullcontext():
        for node in then:
            _reproduce_if_stale(node, pools)


def _reproduce_if_stale(node: Node, pools: Mapping[str, str]) -> None:
    options = {
        "name": node.address,
        "retries": node.meta.get("retries", 0),
        "timeout_seconds": node.meta.get("timeout"),
    }
    if node.stale and node.address in pools:
        elsewhere.reproduce.with_options(**options)(node.address, pools[node.address])
    elif node.stale:
        reproduce.with_options(**options)(node.address)


@task(persist_result=False)
def run_module(module: str) -> None:
    """Run a module of this project as a program, without options."""
    run_child([sys.executable, "-m", module])


def version_sources(project_file: str) -> Sequence[Stage]:
    """Add data to DVC that it does not version yet; return all stages, as they are then."""
    found = read_stages()
    paths = unversioned_sources(project_file, found)
    if not paths:
        return found
    add_to_dvc(paths)
    return read_stages()


@task(persist_result=False)
def add_to_dvc(paths: Sequence[str]) -> None:
    """Add data to DVC."""
    dvc_commands.run("add", *paths)
