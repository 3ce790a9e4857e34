"""MLflow: the server that MLFLOW_TRACKING_URI names."""

import os
import time
from collections.abc import Iterator
from typing import Any

from lradapt.errors import LradaptError
from lradapt.tracking.tracked_run import TrackedRun


def send(tracked: TrackedRun) -> str:
    """Send a run to the server; return its address.

    Raises:
        LradaptError: no server is named.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        raise LradaptError("MLFLOW_TRACKING_URI is not set; it names the server")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow

    experiment = mlflow.set_experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME") or tracked.project)
    with mlflow.start_run(
        run_name=tracked.name,
        description=tracked.note,
        tags=dict(tracked.tags),
        log_system_metrics=False,
    ) as run:
        mlflow.log_params(dict(tracked.params))
        mlflow.log_metrics(dict(tracked.metrics))
        mlflow.MlflowClient().log_batch(run.info.run_id, metrics=list(_epochs(tracked)))
        for path in tracked.files:
            mlflow.log_artifact(path)
    return f"{uri}/#/experiments/{experiment.experiment_id}/runs/{run.info.run_id}"


def _epochs(tracked: TrackedRun) -> Iterator[Any]:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    for part, rows in tracked.epochs.items():
        for epoch, row in enumerate(rows, start=1):
            for column, value in row.items():
                yield Metric(f"{part}/{column}", value, now, epoch)
