"""A flow that brings the stages of a dvc.yaml up to date, for `benchmarks.flow_overhead stage`."""

from prefect import flow

from lradapt.config.paths import PROJECT_FILE
from tasks import stages
from tasks.pipeline.plan import read_plan


@flow(persist_result=False)
def reproduce() -> None:
    """Run the stale stages of the dvc.yaml of this folder, each as a task."""
    stages.reproduce_stale(read_plan(str(PROJECT_FILE)))


if __name__ == "__main__":
    reproduce()
