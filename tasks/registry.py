"""Publish, judge and promote: effects on the registry."""

from prefect import task
from prefect.runtime import flow_run

from lradapt import release, report
from lradapt.layout import read_paths
from lradapt.registry import open_store
from lradapt.release import Outcome


@task(persist_result=False, retries=2, retry_delay_seconds=5)
def publish(registry: str, name: str) -> str:
    """Publish the model that the stages have made; the version's name."""
    paths = read_paths()
    page = report.render(paths, None).encode()
    run = str(flow_run.get_id() or "")
    return release.publish(open_store(registry), name, paths, report=page, run=run)


@task(persist_result=False, retries=2, retry_delay_seconds=5)
def judge_and_promote(registry: str, name: str, version: str) -> Outcome:
    """Promote the version if the gate finds it better than what is in production."""
    return release.judge_and_promote(open_store(registry), name, version, read_paths())
