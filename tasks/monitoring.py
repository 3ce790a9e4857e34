"""Compare the record of a served model with what it was tested on; write the page."""

from datetime import datetime
from pathlib import Path

from prefect import task

from lradapt.config.paths import Paths, read_paths
from lradapt.drift.false_alarms import Period
from lradapt.drift.period_drift import Drift
from lradapt.production.record_drift import drift_of_record
from lradapt.registry import open_record
from lradapt.registry.registry import Registry
from lradapt.reporting import drift_report
from lradapt.runtime.files import write_text


def page(paths: Paths) -> Path:
    """Return the path of the page, beside the report."""
    return paths.report.with_name("drift.html")


@task(persist_result=False)
def find_drift(registry: Registry, record: str, period: Period, now: datetime) -> Drift:
    """Return the drift of the version in production, and write its page."""
    paths = read_paths()
    version = registry.open(registry.require_production().version)
    found = drift_of_record(open_record(record), version, paths, period=period, now=now)
    write_text(page(paths), drift_report.render(found))
    return found
