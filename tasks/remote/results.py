"""Returns the results of a stage from another machine, and writes them to their places here.

Outputs in DVC's cache are transferred through DVC's remote. The other results are small: they are
in an artifact of the run, on Prefect's server.
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
from tasks.pipeline import dvc_commands, lock_entry
from tasks.pipeline.graph import find_stage
from tasks.pipeline.plan import read_status
from tasks.remote.places import require_inside

_KEY = "answer"


class MisfitError(LradaptError):
    """The results from another machine do not match the files here."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The results of a stage that are not in DVC's remote.

    Attributes:
        entry: the entry of the stage in `dvc.lock`, as YAML.
        files: the outputs that DVC's cache does not keep: path -> content, in base64.
        timings: the timings of the stages that have run.
    """

    entry: str
    files: dict[str, str]
    timings: Timings


def collect(address: str) -> Answer:
    """Return the results of a stage that has just run here."""
    files = {
        path: base64.b64encode(Path(path).read_bytes()).decode()
        for path in sorted(find_stage(address).uncached)
    }
    return Answer(lock_entry.read(address), files, read_timings(read_paths().timings))


def send(answer: Answer) -> None:
    """Store the answer as an artifact of this flow run."""
    Artifact(
        type="json",
        key=_KEY,
        description="The entry of dvc.lock and the seconds, for the calling flow",
        data=asdict(answer),
    ).create()


def receive(flow_run: UUID) -> Answer:
    """Return the answer of a flow run."""
    with get_client(sync_client=True) as client:
        (artifact,) = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[_KEY])),
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run])),
        )
    return Answer(**json.loads(str(artifact.data)))


def accept(address: str, answer: Answer) -> None:
    """Write the answer to the places of the stage's own results, and pull its other outputs.

    Raises:
        OutsideError: a file is for a place outside the project.
        MisfitError: the results do not match the files here; `dvc.lock` is then restored.
    """
    require_inside(answer.files)
    with _kept_on_error(lock_entry.path_of(address)):
        lock_entry.write(address, answer.entry)
        for path, content in answer.files.items():
            write_bytes(Path(path), base64.b64decode(content))
        dvc_commands.run("pull", "--force", address)
        misfit = read_status(address).get(address)
        if misfit:
            raise MisfitError(
                f"{address} was made on another machine from other files than those here: "
                f"{json.dumps(misfit)}; check that both machines have the same versions of "
                "all packages (constraints.txt), and run again"
            )
    timings = read_paths().timings
    write_json(timings, {**read_timings(timings), **answer.timings})


@contextmanager
def _kept_on_error(path: Path) -> Iterator[None]:
    """Restore a file if the block ends with an error."""
    before = path.read_bytes() if path.exists() else None
    try:
        yield
    except BaseException:
        if before is None:
            path.unlink(missing_ok=True)
        else:
            write_bytes(path, before)
        raise
