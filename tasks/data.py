"""Brings the data, and compares them with the version last trained on.

That version is what `dvc.lock` has of the stage that makes the split: the labels and images it
read, the sides it gave. It is not the last one that was versioned: changes too small for a training
add up until they are worth one.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from prefect import task

from lradapt.config.params import load_params
from lradapt.config.paths import read_paths
from lradapt.data.changes import Changes, compare
from lradapt.data.importing.mirror import mirror
from lradapt.data.retrain_decision import Decision, decide
from lradapt.data.version_tables import Tables, read_version
from lradapt.errors import DataError
from lradapt.reporting.changes_report import Told, sentence, told
from tasks.pipeline import dvc_commands, graph

log = logging.getLogger("lradapt.data")

HERE, UPDATE, PULL = "here", "update", "pull"


@dataclass(frozen=True, slots=True)
class Former:
    """Where the version last trained on lies; no tables, and why, where there is none."""

    tables: Tables | None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What has changed since; no changes, and why, where nothing could be compared."""

    changes: Changes | None
    why_not: str = ""

    @property
    def sentence(self) -> str:
        """What has changed, or why that is not known."""
        return sentence(self.changes) if self.changes else f"no comparison: {self.why_not}"

    @property
    def told(self) -> Told:
        """The same with its tables: little, however much has changed."""
        return told(self.changes) if self.changes else Told(self.sentence)


@task(persist_result=False)
def bring(source: str, sources: Sequence[str]) -> None:
    """Bring the data from where others change them.

    Args:
        source: "here": they write into the project itself; "update": the sets that DVC imports;
            "pull": what the project's `.dvc` files name, from DVC's remote; else a folder with
            `images/` and `labels.csv`.
        sources: the project's `.dvc` files.

    Raises:
        DataError: there is nothing of the kind to bring.
        CommandFailedError: DVC could not bring it.
    """
    if source == UPDATE:
        _update(graph.imported(sources))
    elif source == PULL:
        _pull(sources)
    elif source != HERE:
        paths = read_paths()
        count = mirror(Path(source), images=paths.images, labels=paths.labels)
        log.info("%s: %s", source, f"{count:,} files brought or removed" if count else "as before")


def _update(imports: Sequence[str]) -> None:
    if not imports:
        raise DataError(
            "nothing to update: no data of this project are imported; import them with "
            "`dvc import URL PATH` or `dvc import-url URL PATH`"
        )
    dvc_commands.run("update", *imports)


def _pull(sources: Sequence[str]) -> None:
    if not sources:
        raise DataError(
            "nothing to pull: no .dvc file names data of this project; `git pull` brings it, or "
            "`dvc add` makes it"
        )
    if not graph.has_remote():
        raise DataError("no DVC remote to pull from: set one with `dvc remote add -d NAME URL`")
    dvc_commands.run("pull", *sources)


def _project_tables() -> Tables:
    paths = read_paths()
    return Tables(paths.labels, paths.table, paths.split)


@task(persist_result=False, retries=2, retry_delay_seconds=10)
def find_former() -> Former:
    """The version last trained on; to be asked before the stages run, which record a new one."""
    here = _project_tables()
    wanted = [str(here.labels), str(here.images), str(here.split)]
    recorded = graph.recorded_files(str(here.split), wanted)
    if not recorded:
        return Former(None, "nothing has been trained yet")
    labels, images, split = (recorded[path] for path in wanted)
    if not labels.is_file():
        gone = f"the {here.labels} last trained on is in neither DVC's cache nor its remote"
        return Former(None, gone)
    kept = [table if table.is_file() else None for table in (images, split)]
    return Former(Tables(labels, *kept))


def compare_with(former: Former, *, split_is_new: bool) -> Comparison:
    """What has changed since a former version; for the arguments see `artifacts.show_changes`."""
    if former.tables is None:
        return Comparison(None, former.why_not)
    here = _project_tables()
    new = read_version(here if split_is_new else replace(here, split=None))
    try:
        old = read_version(former.tables)
    except DataError as error:  # nobody can mend a file of the cache; the new one counts
        return Comparison(None, f"the version last trained on cannot be read: {error}")
    return Comparison(compare(old, new))


def is_worth_training(comparison: Comparison, behind: Sequence[str]) -> Decision:
    """Whether the changes pass the thresholds of `params.yaml`, or a run was left unfinished.

    Args:
        comparison: with the version last trained on.
        behind: stages that the last run did not reach.
    """
    if comparison.changes is None:
        return Decision(True, comparison.why_not)
    if behind:
        return Decision(True, f"the last run did not reach {', '.join(behind)}")
    return decide(comparison.changes, **load_params().watch.model_dump())
