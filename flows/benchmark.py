"""Compare learning-rate adaptation with conventional training: the paper's tables."""

from prefect import flow
from rich.markdown import Markdown

from flows.program import run, session, start_server
from lradapt.cli.options import Debug
from lradapt.cli.output import console
from lradapt.config.project_name import own
from lradapt.runtime import lock
from tasks import stages
from tasks.pipeline import dvc_files
from tasks.pipeline.plan import read_plan
from tasks.server import gpu
from tasks.ui import artifacts

PROJECT_FILE = "benchmarks/dvc.yaml"


@flow(name=own("benchmark"), persist_result=False)
def benchmark() -> str:
    """Run every arm of `benchmarks/params.yaml`; return the tables, as Markdown."""
    with lock.run(), gpu.slot():
        dvc_files.mend()
        stages.run_module("benchmarks.backbones")
        found = stages.version_sources(PROJECT_FILE)
        stages.reproduce_stale(read_plan(PROJECT_FILE, found))
        return artifacts.show_tables(PROJECT_FILE)


def main(debug: Debug = False) -> None:
    """Compare learning-rate adaptation with conventional training on this project's data.

    Trains every arm of benchmarks/params.yaml, and prints the paper's tables. An
    arm that is up to date is not trained again.
    """
    with session(debug=debug):
        start_server()
        tables = benchmark()
    console().print(Markdown(tables))


if __name__ == "__main__":
    run(main, "python -m flows.benchmark")
