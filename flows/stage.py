"""Run one stage for a flow on another machine; a worker runs it as the deployment `stage-POOL`."""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

import flows  # noqa: F401 its settings: a worker loads this file alone, and its log would be empty
from lradapt.config.paths import read_paths
from lradapt.errors import LradaptError
from tasks import stages
from tasks.pipeline import dvc_commands, graph
from tasks.remote import clone as scratch
from tasks.remote import results as answer
from tasks.remote.inputs import read_needs


@flow(name="stage", persist_result=False)
def stage(address: str, commit: str, texts: dict[str, str]) -> State[None]:
    """Run a stage in a clone of this project, push what it makes, and answer.

    Args:
        address: of the stage, as `dvc repro` takes it.
        commit: of the code, that this project's git or its remote has.
        texts: path in the project -> text of the files that say which data and which values.

    Returns:
        Completed, the answer being left with this run; or Failed, its message being what the stage
        last said.
    """
    try:
        with scratch.project(commit, texts):
            _run(address)
            dvc_commands.run("push", address)
            answer.send(answer.collect(address))
    except LradaptError as error:
        return Failed(message=str(error))
    return Completed()


def _run(address: str) -> None:
    """Run a stage, and before it those whose outputs never go to the remote and are not here."""
    for needs in read_needs(address):
        if needs.address != address and graph.is_cached(graph.find(needs.address)):
            dvc_commands.run("checkout", "--force", needs.address)
            continue
        if needs.data:
            dvc_commands.run("pull", "--force", *needs.data)
        read_paths().timings.unlink(missing_ok=True)  # of the calls before
        stages.reproduce.with_options(name=needs.address)(needs.address)
