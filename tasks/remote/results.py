"""What a stage that ran on another machine sends back, by Prefect's server, and where it goes here.

Outputs that DVC keeps go by its remote; the rest is small and goes as an artifact of the run.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

from prefect.artifacts import Artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterKey,
    FlowRunFilter,
    FlowRunFilterId,
)

from lradapt.config.paths import read_paths
from lradapt.errors import LradaptError
from lradapt.runtime.files import write_bytes, write_json
from lradapt.runtime.timings import Timings, read_timings
from tasks.pipeline import dvc_commands, graph, lock_entry

_KEY = "answer"


class MisfitError(LradaptError):
    """What another machine has made is not of what is here."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What has come of a stage.

    Attributes:
        entry: of `dvc.lock`, as YAML.
        files: path -> content, base64: outputs that DVC does not keep.
        timings: of what has run.
    """

    entry: str
    files: dict[str, str]
    timings: Timings


def collect(address: str) -> Answer:
    """What is here of a stage that has just run."""
    files = {
        path: base64.b64encode(Path(path).read_bytes()).decode()
        for path in sorted(graph.find(address).uncached)
    }
    return Answer(lock_entry.read(address), files, read_timings(read_paths().timings))


def send(answer: Answer) -> None:
    """Leave the answer with this flow run."""
    Artifact(
        type="json",
        key=_KEY,
        description="The entry of dvc.lock and the seconds, for the flow that has called",
        data=asdict(answer),
    ).create()


def receive(flow_run: UUID) -> Answer:
    """The answer that a flow run has left."""
    with get_client(sync_client=True) as client:
        (artifact,) = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[_KEY])),
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run])),
        )
    return Answer(**json.loads(str(artifact.data)))


def accept(address: str, answer: Answer) -> None:
    """Put the answer where the stage itself would have put it; its outputs from DVC's remote.

    Raises:
        MisfitError: it does not fit what is here; then `dvc.lock` is as before.
    """
    with _kept_on_error(lock_entry.path_of(address)):
        lock_entry.write(address, answer.entry)
        for path, content in answer.files.items():
            write_bytes(Path(path), base64.b64decode(content))
        dvc_commands.run("pull", "--force", address)
        misfit = graph.read_status(address).get(address)
        if misfit:
            raise MisfitError(
                f"{address} was made elsewhere of other files than those here: "
                f"{json.dumps(misfit)}; see that both machines have the same versions of "
                "everything (constraints.txt), and run again"
            )
    timings = read_paths().timings
    write_json(timings, {**read_timings(timings), **answer.timings})


@contextmanager
def _kept_on_error(path: Path) -> Iterator[None]:
    """A block after whose error a file is as before."""
    before = path.read_bytes() if path.exists() else None
    try:
        yield
    except BaseException:
        if before is None:
            path.unlink(missing_ok=True)
        else:
            write_bytes(path, before)
        raise
