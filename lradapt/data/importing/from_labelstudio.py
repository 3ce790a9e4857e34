"""Labels from an export of Label Studio, in its formats JSON and JSON_MIN.

The class is the one choice of a control `Choices` for the whole image.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lradapt.data.importing.group_column import looks_like_group
from lradapt.data.importing.labelstudio_paths import image_names, names_image
from lradapt.data.importing.labelstudio_tasks import TaskAnnotation, Tasks, read_min, read_tasks
from lradapt.data.importing.source_labels import SourceLabels
from lradapt.data.importing.tool_entries import Entry, Export, label_export
from lradapt.data.importing.tool_export import (
    LABEL_STUDIO,
    LABEL_STUDIO_MIN,
    read_export,
    require_kind,
)
from lradapt.errors import DataError

_NAMED = 8


@dataclass(frozen=True, slots=True)
class Keys:
    """Where in a task the class, the image and the group are; None: found by their values.

    Attributes:
        choices: the control whose choice is the class.
        image: the key of the image in the data.
        group: the key of the patient or lesion in the data; "" for none.
    """

    choices: str | None = None
    image: str | None = None
    group: str | None = None


def label_labelstudio(
    path: Path, *, folder: Path | None = None, keys: Keys | None = None
) -> SourceLabels:
    """Label files by an export of Label Studio; nothing is written.

    Args:
        path: the export.
        folder: of the images, also of those that have URLs; None: that of the export.
        keys: that are known.

    Raises:
        DataError: another kind of export, or faults in it; the message names all.
    """
    content = read_export(path)
    kind = require_kind(content, path, LABEL_STUDIO, LABEL_STUDIO_MIN)
    rows = content if isinstance(content, list) else [content]
    tasks = read_tasks(rows) if kind == LABEL_STUDIO else read_min(rows)
    found = _find_keys(tasks, keys or Keys(), path)
    entries, faults, empty = _entries(tasks.annotations, found, folder is not None)
    notes = [
        f"read as {kind}: class {found.choices!r}, image {found.image!r}"
        + (f", group {found.group!r}" if found.group else ""),
        *(f"{count:,} task(s) {reason} are left out" for reason, count in tasks.left_out.items()),
        *([f"{empty:,} annotation(s) without a choice are left out"] if empty else []),
    ]
    return label_export(Export(path, entries, faults, notes), folder or path.parent)


def _find_keys(tasks: Tasks, given: Keys, path: Path) -> Keys:
    data = [each.data for each in tasks.annotations]
    choices = _control(tasks, given.choices, path)
    image = _image_key(data, given.image, path)
    group = _group_key(data, path) if given.group is None else given.group
    if group and not any(group in each for each in data):
        raise DataError(f"{path}: no task has the key {group!r} in its data: {_keys(data)}")
    return Keys(choices, image, group)


def _control(tasks: Tasks, given: str | None, path: Path) -> str:
    """Return the control whose choice is the class."""
    counts = Counter(
        control
        for each in tasks.annotations
        for control in each.choices
        if control == given or not looks_like_group(control)  # JSON_MIN mixes them with the data
    )
    control = given if given else next(iter(counts), "")
    if not counts:
        why = "".join(f"; {count:,} task(s) {why}" for why, count in tasks.left_out.items())
        raise DataError(
            f"{path} has no choice for an image{why}; expected annotations of a control "
            "<Choices> (a box or another region is no class of an image)"
        )
    if control in counts and (given or len(counts) == 1):
        return control
    found = ", ".join(f"{name!r} ({count:,})" for name, count in counts.most_common(_NAMED))
    asked = f"no choice is of a control {given!r}" if given else "several controls have choices"
    raise DataError(f"{path}: {asked}; which is the class? Give --choices: {found}")


def _image_key(data: Sequence[Mapping[str, Any]], given: str | None, path: Path) -> str:
    """Return the key whose values are names of images."""
    if given and any(given in each for each in data):
        return given
    counts = Counter(key for each in data for key, value in each.items() if names_image(value))
    if not given and len(counts) == 1:
        return next(iter(counts))
    asked = f"no task has the key {given!r}" if given else "which key has the image?"
    found = ", ".join(map(repr, counts)) or _keys(data)
    raise DataError(f"{path}: {asked} Give --image-key, a key of the data: {found}")


def _group_key(data: Sequence[Mapping[str, Any]], path: Path) -> str:
    """Return the key that looks like a patient or lesion; "" where none does."""
    found = list(dict.fromkeys(key for each in data for key in each if looks_like_group(key)))
    if len(found) > 1:
        raise DataError(
            f"{path}: images of one patient or lesion must be in one split; which key says which "
            f"images belong together? Give --group-key: {', '.join(map(repr, found))}"
        )
    return found[0] if found else ""


def _keys(data: Sequence[Mapping[str, Any]]) -> str:
    keys = list(dict.fromkeys(key for each in data for key in each))
    return ", ".join(map(repr, keys[:_NAMED])) or "(it has none)"


def _entries(
    annotations: Sequence[TaskAnnotation], keys: Keys, folder_is_given: bool
) -> tuple[list[Entry], list[str], int]:
    """Return what the annotations say, the faults of others, and how many say nothing."""
    entries, faults, empty = [], [], 0
    for each in annotations:
        image, made = each.data.get(keys.image or ""), each.choices.get(keys.choices or "", [])
        who = f", annotator {each.annotator}" if each.annotator else ""
        if not isinstance(image, str) or not image.strip():
            faults.append(f"{each.where}: its data have no text {keys.image!r}")
        elif not made:
            empty += 1
        elif len(set(made)) > 1:
            names = ", ".join(dict.fromkeys(made))
            faults.append(f"{each.where}{who} ({image}): {len(set(made))} choices: {names}")
        else:
            first, *others = image_names(image.strip(), folder_is_given=folder_is_given)
            group = _text(each.data.get(keys.group or ""))
            entries.append(
                Entry(each.where, first, made[0], group, "", each.annotator, tuple(others))
            )
    return entries, faults, empty


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()
