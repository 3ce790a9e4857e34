"""Run one stage for a flow on another machine; a worker runs it as the deployment `stage-POOL`."""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

import flows  # noqa: F401  applies the settings: a worker loads this file alone
from lradapt.config.paths import read_paths
from lradapt.config.project_name import own
from lradapt.errors import LradaptError
from tasks import stages
from tasks.pipeline import dvc_commands
from tasks.pipeline.graph import find_stage
from tasks.pipeline.last_run import is_cached
from tasks.remote import clone as scratch
from tasks.remote import results as answer
from tasks.remote.inputs import read_needs


@flow(name=own("stage"), persist_result=False)
def stage(address: str, commit: str, texts: dict[str, str]) -> State[None]:
    """Run a stage in a clone of this project, push its outputs, and send the answer.

    Args:
        address: of the stage, as `dvc repro` takes it.
        commit: of the code, in this project's git or its remote.
        texts: path in the project -> text of the files that name the data and the params.

    Returns:
        Completed, with the answer kept in this run; or Failed, with the stage's last message.
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
    """Run a stage, after those whose outputs are neither in the remote nor here."""
    for needs in read_needs(address):
        if needs.address != address and is_cached(find_stage(needs.address)):
            dvc_commands.run("checkout", "--force", needs.address)
            continue
        if needs.data:
            dvc_commands.run("pull", "--force", *needs.data)
        read_paths().timings.unlink(missing_ok=True)  # of earlier calls
        stages.reproduce.with_options(name=needs.address)(needs.address)
