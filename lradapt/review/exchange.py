"""Decisions in a table, for those who decide elsewhere: the open images out, decisions back in."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lradapt.data.label_faults import name_fault
from lradapt.data.labels import as_read, read_csv, require_columns
from lradapt.errors import DataError, listed
from lradapt.review.decisions import Decisions
from lradapt.review.desk import TEST_WARNING, Desk
from lradapt.review.entries import Decision, label_after
from lradapt.review.journal import Action
from lradapt.review.queues import QueueName
from lradapt.runtime.files import write_csv
from lradapt.text import from_table_cell, table_cell

COLUMNS = (
    *("image", "label", "action", "to", "reason", "who", "proposed"),
    *("label_probability", "proposed_probability", "split", "group", "why", "warning"),
)
"""Of an export; a person fills in `action`, and `to` for a change."""
_REQUIRED = ("image", "label", "action", "to")
_ACTIONS: tuple[Action, ...] = ("keep", "change", "exclude", "skip")


@dataclass(frozen=True, slots=True)
class Found:
    """The decisions of a table.

    Attributes:
        decisions: that are to be carried out.
        num_repeated: those that are in force already.
    """

    decisions: list[Decision]
    num_repeated: int


def write_decisions(path: Path, desk: Desk, queue: QueueName) -> int:
    """Write the open images of a queue as a table without decisions; return their number."""
    opened = desk.open_queue(queue)
    rows = [_row(desk.described(opened.items[position])) for position in opened.open]
    write_csv(path, COLUMNS, rows)
    return len(rows)


def read_decisions(path: Path, decisions: Decisions, who: str) -> Found:
    """Read the decisions of a table, and check all of them.

    Args:
        path: of the table; lines without an action are left out.
        decisions: of the project.
        who: the person, for lines whose column `who` is missing or empty.

    Raises:
        DataError: not such a table, or at least one decision does not fit; it has all reasons.
    """
    table = read_csv(path)
    require_columns(table, _REQUIRED, path)
    decisions.refresh()
    known = set(decisions.lines.labels.values())
    found: list[Decision] = []
    faults: list[str] = []
    num_repeated = 0
    for number, line in zip(table.index, table.astype(str).to_dict("records"), strict=True):
        if not line["action"]:
            continue
        decision, fault = _decision(line, who, known)
        if not fault and _in_force(decision, decisions):
            num_repeated += 1
            continue
        fault = fault or decisions.fault_of(decision)
        if fault:
            faults.append(f"line {number + 2}: {fault}")
        else:
            found.append(decision)
    twice = Counter(decision.image for decision in found)
    faults += [f"{image} has {count} decisions" for image, count in twice.items() if count > 1]
    if faults:
        raise DataError(
            f"{path} has {len(faults)} decision(s) that do not fit; nothing was written. Correct "
            f"them, or empty their column action:\n{listed(faults)}"
        )
    return Found(found, num_repeated)


def _row(item: Mapping[str, Any]) -> list[object]:
    texts = {name: table_cell(str(item[name] or "")) for name in ("proposed", "split", "group")}
    return [
        table_cell(item["image"]),
        table_cell(item["label"]),
        *("", "", "", ""),
        texts["proposed"],
        *(_number(item[name]) for name in ("label_probability", "proposed_probability")),
        texts["split"],
        texts["group"],
        table_cell(item["why"]),
        TEST_WARNING if item["is_test"] else "",
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _decision(line: Mapping[Any, str], who: str, known: set[str]) -> tuple[Decision, str]:
    """Return the decision of a line, and what is wrong with the line itself."""
    cells = {name: as_read(from_table_cell(text)) for name, text in line.items()}
    given, new = cells["action"].lower(), cells["to"]
    action = next((each for each in _ACTIONS if each == given), None)
    decision = Decision(
        image=cells["image"],
        action=action or "skip",
        label=cells["label"],
        new=new if action == "change" else "",
        who=cells.get("who") or who,
        reason=cells.get("reason", ""),
    )
    if action is None:
        return decision, f"{decision.image}: action {given!r}; expected {', '.join(_ACTIONS)}"
    if action == "change" and new not in known:
        return decision, f"{decision.image}: no class {new!r} in labels.csv"
    if action != "change" and new:
        return decision, f"{decision.image}: {action} with the label {new!r}; expected an empty to"
    return decision, name_fault(decision.who)


def _in_force(decision: Decision, decisions: Decisions) -> bool:
    """Return whether the journal and the labels have just this decision already."""
    settled = decisions.journal.settled(decision.image)
    if settled is None or settled.action != decision.action or settled.old != decision.label:
        return False
    current = decisions.lines.labels.get(decision.image)
    wanted = {"change": decision.new, "exclude": ""}.get(decision.action, decision.label)
    return settled.new == wanted and label_after(settled) == current
