"""Brings the data, and compares them with the version last trained on.

`dvc.lock` records that version, at the stage that makes the split: the labels and images that it
read, and the splits that it assigned. It is not the last version that was added to DVC, so that
changes too small for a retraining add up.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from prefect import task

from lradapt.config.params import load_params
from lradapt.config.paths import read_paths
from lradapt.data.changes import Changes, compare
from lradapt.data.importing.copy_images import copy_images
from lradapt.data.retrain_decision import Decision, decide
from lradapt.data.version_tables import Tables, read_version
from lradapt.errors import DataError
from lradapt.reporting.changes_report import ChangesSummary, sentence, summarise
from tasks.pipeline import dvc_commands
from tasks.pipeline.dvc_index import Stage, has_remote
from tasks.pipeline.last_run import recorded_files
from tasks.pipeline.sources import imported

log = logging.getLogger("lradapt.data")

HERE, UPDATE, PULL = "here", "update", "pull"


@dataclass(frozen=True, slots=True)
class Previous:
    """The tables of the version last trained on; None if there are none, with the reason."""

    tables: Tables | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The changes since then; None if the versions could not be compared, with the reason."""

    changes: Changes | None
    reason: str = ""

    @property
    def sentence(self) -> str:
        """The changes in one line, or why they are not known."""
        return sentence(self.changes) if self.changes else f"no comparison: {self.reason}"

    @property
    def summary(self) -> ChangesSummary:
        """The sentence with its tables, which are short however many changes there are."""
        return summarise(self.changes) if self.changes else ChangesSummary(self.sentence)


@task(persist_result=False)
def bring(source: str, sources: Sequence[str], *, full_check: bool = False) -> None:
    """Bring the data from the place where others change them.

    Args:
        source: "here": in the project itself; "update": the data that DVC imports; "pull": the
            data of the project's `.dvc` files, from DVC's remote; else a folder with `images/`
            and `labels.csv`.
        sources: the project's `.dvc` files.
        full_check: compare a folder's images by content, not by time and size.

    Raises:
        DataError: the project has no such source.
        CommandFailedError: DVC failed.
    """
    if source == UPDATE:
        _update(imported(sources))
    elif source == PULL:
        _pull(sources)
    elif source != HERE:
        paths = read_paths()
        count = copy_images(
            Path(source), images=paths.images, labels=paths.labels, by_content=full_check
        )
        log.info("%s: %s", source, f"{count:,} files copied or removed" if count else "no change")


def _update(imports: Sequence[str]) -> None:
    if not imports:
        raise DataError(
            "nothing to update: DVC imports no data of this project; import them with "
            "`dvc import URL PATH` or `dvc import-url URL PATH`"
        )
    dvc_commands.run("update", *imports)


def _pull(sources: Sequence[str]) -> None:
    if not sources:
        raise DataError(
            "nothing to pull: this project has no .dvc file; get it with `git pull`, or create it "
            "with `dvc add`"
        )
    if not has_remote():
        raise DataError("no DVC remote to pull from: set one with `dvc remote add -d NAME URL`")
    dvc_commands.run("pull", *sources)


def _project_tables() -> Tables:
    paths = read_paths()
    return Tables(paths.labels, paths.table, paths.split)


@task(persist_result=False, retries=2, retry_delay_seconds=10)
def find_previous(stages: Sequence[Stage]) -> Previous:
    """Find the version last trained on; call it before the stages run, which record a new one."""
    here = _project_tables()
    wanted = [str(here.labels), str(here.images), str(here.split)]
    recorded = recorded_files(str(here.split), wanted, stages)
    if not recorded:
        return Previous(None, "nothing has been trained yet")
    labels, images, split = (recorded[path] for path in wanted)
    if not labels.is_file():
        reason = f"the {here.labels} last trained on is in neither DVC's cache nor its remote"
        return Previous(None, reason)
    kept = [table if table.is_file() else None for table in (images, split)]
    return Previous(Tables(labels, *kept))


def compare_with(previous: Previous, *, split_is_new: bool) -> Comparison:
    """Compare the data with a previous version; for the arguments see `artifacts.show_changes`."""
    if previous.tables is None:
        return Comparison(None, previous.reason)
    here = _project_tables()
    new = read_version(here if split_is_new else replace(here, split=None))
    try:
        old = read_version(previous.tables)
    except DataError as error:  # a file of the cache cannot be corrected; the new one counts
        return Comparison(None, f"the version last trained on cannot be read: {error}")
    return Comparison(compare(old, new))


def decide_retraining(comparison: Comparison, behind: Sequence[str]) -> Decision:
    """Decide to retrain if the changes reach a threshold of `params.yaml`, or a run is unfinished.

    `behind` are the stages that the last run did not reach.
    """
    if comparison.changes is None:
        return Decision(True, comparison.reason)
    if behind:
        return Decision(True, f"the last run did not reach {', '.join(behind)}")
    return decide(comparison.changes, **load_params().watch.model_dump())
