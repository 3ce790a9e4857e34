"""The annotations in an export of Label Studio, the same from its formats JSON and JSON_MIN."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lradapt.data.importing.labelstudio_paths import names_image

_OF_TASK = frozenset(
    [
        "id",
        "annotator",
        "annotation_id",
        "created_at",
        "updated_at",
        "lead_time",
        "agreement",
        "project",
        "meta",
    ]
)
"""Keys of an entry of JSON_MIN that are no data of the task."""


@dataclass(frozen=True, slots=True)
class TaskAnnotation:
    """What one annotator says of one task.

    Attributes:
        where: the task, for messages.
        data: of the task, such as the path of its image.
        annotator: the number of the user; empty if it is not known.
        choices: control -> its choices.
    """

    where: str
    data: Mapping[str, Any]
    annotator: str
    choices: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Tasks:
    """All annotations, and why tasks have none: reason -> tasks."""

    annotations: Sequence[TaskAnnotation]
    left_out: Mapping[str, int]


def read_tasks(rows: Sequence[Any]) -> Tasks:
    """Read tasks of the format JSON.

    Skipped annotations, drafts and predictions are left out. Where annotations of a task are
    marked as ground truth, they alone count.
    """
    found: list[TaskAnnotation] = []
    left_out: Counter[str] = Counter()
    for number, row in enumerate(rows, start=1):
        task = _dict(row)
        annotations = [_dict(each) for each in _list(task.get("annotations"))]
        valid = [each for each in annotations if not each.get("was_cancelled")]
        if not valid:
            left_out["that were skipped" if annotations else "without an annotation"] += 1
        truth = [each for each in valid if each.get("ground_truth")]
        found += _annotations(f"task {task.get('id', f'no. {number}')}", task, truth or valid)
    return Tasks(found, left_out)


def _annotations(
    where: str, task: Mapping[str, Any], annotations: Sequence[Mapping[str, Any]]
) -> Iterator[TaskAnnotation]:
    for each in annotations:
        choices = _choices(_list(each.get("result")))
        annotator = _annotator(each.get("completed_by"))
        yield TaskAnnotation(where, _dict(task.get("data")), annotator, choices)


def _choices(results: Sequence[Any]) -> dict[str, list[str]]:
    """Return control -> choices; a result of the kind choices without any has an empty one."""
    found: dict[str, list[str]] = {}
    for result in map(_dict, results):
        if result.get("type") == "choices":
            made = _list(_dict(result.get("value")).get("choices"))
            found.setdefault(str(result.get("from_name")), []).extend(map(str, made or [""]))
    return found


def read_min(rows: Sequence[Any]) -> Tasks:
    """Read annotations of the format JSON_MIN, in which skipped ones are missing."""
    found = []
    for number, row in enumerate(rows, start=1):
        values = _dict(row)
        data = {key: value for key, value in values.items() if key not in _OF_TASK}
        choices = {key: made for key, value in data.items() if (made := _min_choices(value))}
        where = f"task {values.get('id', f'no. {number}')}"
        found.append(TaskAnnotation(where, data, _annotator(values.get("annotator")), choices))
    return Tasks(found, {})


def _min_choices(value: Any) -> list[str]:
    """Return the choices that a value may be: one as text, several in an object."""
    if isinstance(value, str):
        return [] if names_image(value) else [value]
    return [str(choice) for choice in _list(_dict(value).get("choices"))]


def _annotator(value: Any) -> str:
    """Return the number of a user; names and addresses in the export are not kept."""
    found = value.get("id") if isinstance(value, dict) else value
    return str(found) if isinstance(found, int | str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
