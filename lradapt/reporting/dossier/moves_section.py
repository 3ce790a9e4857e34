"""The section on the images that moved between the splits of two versions."""

from collections.abc import Sequence
from itertools import pairwise

from lradapt.reporting.dossier.collected import Collected
from lradapt.reporting.dossier.moves import Moves, moves_of
from lradapt.reporting.dossier.param_changes import NOT_RECORDED
from lradapt.reporting.dossier.references import ANSWERS
from lradapt.reporting.dossier.section import Section, Table


def section(collected: Collected, since: str) -> Section:
    """Return the section of the images that moved between the splits of two versions."""
    found = zip(pairwise(collected.versions), moves_of(collected.versions), strict=True)
    shown = [each for (_, after), each in found if not after.created or after.created >= since]
    return Section(
        "moves",
        "Images that moved between the splits",
        ANSWERS["moves"],
        (
            "By pixel hash, from each version to the next. An image that goes from training to "
            "test measures nothing while a model that was trained on it is compared: the gate "
            "leaves it out. Training includes validation, and the ancestors of a warm start. "
            "--json has the hashes.",
        ),
        (
            Table(
                "Test images",
                (
                    "from",
                    "to",
                    "stayed",
                    "relabelled",
                    "test to training",
                    "training to test",
                    "new in test",
                    "gone",
                ),
                [_move_row(each) for each in shown],
            ),
        ),
    )


def _move_row(each: Moves | tuple[str, str]) -> Sequence[str]:
    if not isinstance(each, Moves):
        return *each, NOT_RECORDED, *[""] * 5
    lists = (
        each.stayed,
        each.relabelled,
        each.to_training,
        each.to_test,
        each.new,
        each.gone,
    )
    return each.before, each.after, *(f"{len(hashes):,}" for hashes in lists)
