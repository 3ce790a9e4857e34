"""Labels from a JSON file in the format of COCO, with one category for each image.

`images` have `id` and `file_name`, `categories` `id` and `name`, `annotations` join them by
`image_id` and `category_id`. Boxes, masks and other keys are left out: an image whose boxes are all
of one category is of that class.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lradapt.data.importing.source_labels import SourceLabels
from lradapt.data.importing.tool_entries import Entry, Export, label_export
from lradapt.data.importing.tool_export import COCO, read_export, require_kind

_ANNOTATIONS = "annotations"
_REGIONS = ("bbox", "segmentation", "keypoints")


def label_coco(path: Path, *, folder: Path | None = None) -> SourceLabels:
    """Label files by a COCO file; nothing is written.

    Args:
        path: the JSON file.
        folder: of the images; None: that of the file, or the one above its folder `annotations`.

    Raises:
        DataError: another kind of file, or faults in it; the message names all.
    """
    content = read_export(path)
    require_kind(content, path, COCO)
    return label_export(read_coco(content, path), folder or _beside(path))


def read_coco(content: Mapping[str, Any], path: Path) -> Export:
    """Return what the value of a COCO file says of its images."""
    images, image_faults = _by_id(content["images"], "images", "file_name")
    categories, category_faults = _by_id(content["categories"], "categories", "name")
    entries, faults = _entries(content[_ANNOTATIONS], images, categories)
    return Export(
        path,
        entries,
        [*image_faults, *category_faults, *faults],
        _notes(content, images, entries),
        _licence(content),
    )


def _beside(path: Path) -> Path:
    parent = path.resolve().parent
    return parent.parent if parent.name == _ANNOTATIONS else path.parent


def _by_id(rows: Any, what: str, key: str) -> tuple[dict[Any, str], list[str]]:
    """Return id -> text of `key`, and a fault for each row without them or with another's id."""
    texts: dict[Any, str] = {}
    faults = []
    for number, row in enumerate(_objects(rows), start=1):
        found, text = row.get("id"), row.get(key)
        if not isinstance(found, int | str) or not isinstance(text, str) or not text.strip():
            faults.append(f"entry {number} of {what} has no id, or no {key}")
        elif texts.setdefault(found, text) != text:
            faults.append(f"two entries of {what} have the id {found!r}: {texts[found]}, {text}")
    return texts, faults


def _entries(
    rows: Any, images: Mapping[Any, str], categories: Mapping[Any, str]
) -> tuple[list[Entry], list[str]]:
    entries, faults = [], []
    for number, row in enumerate(_objects(rows), start=1):
        where = f"annotation {row.get('id', f'no. {number}')}"
        image, category = row.get("image_id"), row.get("category_id")
        if not _known(image, images):
            faults.append(f"{where}: no image has the id {image!r}")
        elif not _known(category, categories):
            faults.append(f"{where} ({images[image]}): no category has the id {category!r}")
        else:
            entries.append(Entry(where, images[image], categories[category]))
    return entries, faults


def _known(found: Any, known: Mapping[Any, str]) -> bool:
    return isinstance(found, int | str) and found in known


def _objects(rows: Any) -> Iterable[dict[str, Any]]:
    """Return the rows of a list; one that is no object as an empty one, whose keys are missed."""
    listed = rows if isinstance(rows, list) else []
    return (row if isinstance(row, dict) else {} for row in listed)


def _notes(
    content: Mapping[str, Any], images: Mapping[Any, str], entries: Sequence[Entry]
) -> list[str]:
    annotations = list(_objects(content[_ANNOTATIONS]))
    regions = sum(any(row.get(key) for key in _REGIONS) for row in annotations)
    labelled = {entry.image for entry in entries}
    bare = [name for name in images.values() if name not in labelled]
    notes = [f"read as COCO: {len(images):,} images, {len(annotations):,} annotations"]
    if regions:
        notes.append(f"{regions:,} annotation(s) have a box, mask or keypoints, which are left out")
    if bare:
        notes.append(f"{len(bare):,} image(s) without an annotation are left out, as {bare[0]}")
    return notes


def _licence(content: Mapping[str, Any]) -> str:
    """Return the licence of all images; "" where they have several, or none."""
    names = {row.get("id"): row.get("name") for row in _objects(content.get("licenses"))}
    found = {names.get(row.get("license")) for row in _objects(content["images"])}
    name = found.pop() if len(found) == 1 else None
    return name.strip() if isinstance(name, str) else ""
