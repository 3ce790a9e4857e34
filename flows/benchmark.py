"""Compare the scheme with conventional training on this project's data: the paper's tables."""

from prefect import flow
from rich.console import Console
from rich.markdown import Markdown

from flows import errors_told, speak_plainly
from lradapt import lock
from tasks import artifacts, gpu, graph, stages

PROJECT_FILE = "benchmarks/dvc.yaml"


@flow(name="benchmark", persist_result=False)
def benchmark() -> str:
    """Run every arm that `benchmarks/params.yaml` asks for; the tables, as Markdown."""
    with lock.run(), gpu.slot():
        stages.run_module("benchmarks.backbones")
        stages.version_sources(graph.unversioned_sources(PROJECT_FILE))
        stages.reproduce_stale(graph.read_plan(PROJECT_FILE))
        return artifacts.show_tables(PROJECT_FILE)


def main() -> None:
    """Run every arm, and print the tables."""
    speak_plainly()
    with errors_told():
        tables = benchmark()
    Console().print(Markdown(tables))


if __name__ == "__main__":
    main()
