"""Croissant, the metadata of MLCommons by which catalogues and loaders know a data set.

Two files: a table with a line for each labelled image, and JSON-LD that describes the table, the
files of the images and how they belong together. Of the format: http://mlcommons.org/croissant/1.0
"""

import mimetypes
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lradapt.data.images.files import list_files
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.labels import as_read
from lradapt.errors import DataError, listed
from lradapt.runtime.files import sha256_of, write_csv

if TYPE_CHECKING:
    import mlcroissant

_FILES, _IMAGES, _CLASSES = "image-files", "images", "classes"
"""Names in the metadata: of the files, of the records of images and of classes."""
_MEANINGS = {
    "image": "The path of the image below the folder of images.",
    "label": "The class, as people have labelled the image.",
    "group": "Images of one group show one object or person, and are in one split.",
    "split": "train, validation or test.",
    "sha256": "The SHA-256 of the file of the image.",
    "content": "The pixels.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a project states about its data set; "" where it states nothing.

    Attributes:
        name: of the data set.
        licence: of images and labels.
        creator: a person or a team.
        url: of a web page about the data set.
    """

    name: str
    licence: str = ""
    creator: str = ""
    url: str = ""


def write_table(
    path: Path, labels: Iterable[LabelledImage], splits: Mapping[str, str], images: Path
) -> list[str]:
    """Write a line for each image; return the columns.

    Args:
        path: of the table.
        labels: of the images; one without a label, since annotators are tied, is left out.
        splits: image -> split; empty if there is none yet.
        images: their folder.

    Raises:
        DataError: images are missing; the message names them.
    """
    labelled = [each for each in labels if each.label]
    columns = ["image", "label"]
    columns += ["group"] * any(each.group for each in labelled)
    columns += ["split"] * bool(splits)
    columns.append("sha256")
    lines = list(_lines(labelled, splits, images, _files(labelled, images)))
    write_csv(path, columns, ([line[column] for column in columns] for line in lines))
    return columns


def _files(labels: Iterable[LabelledImage], images: Path) -> dict[str, str]:
    """Return image -> its name on the disk, which may compose its letters otherwise."""
    found = {as_read(name): name for name in list_files(images)}
    if missing := [each.image for each in labels if each.image not in found]:
        raise DataError(
            f"{len(missing)} labelled image(s) are not in {images}; `lradapt check` has all that "
            f"is wrong with the data:\n{listed(missing)}"
        )
    return found


def _lines(
    labels: Iterable[LabelledImage],
    splits: Mapping[str, str],
    images: Path,
    files: Mapping[str, str],
) -> Iterator[dict[str, str]]:
    for each in labels:
        name = files[each.image]
        yield {
            "image": name,
            "label": each.label,
            "group": each.group or name,
            "split": splits.get(each.image, ""),
            "sha256": sha256_of(images / name),
        }


def describe(
    statement: Statement,
    labels: Sequence[LabelledImage],
    *,
    table: Path,
    columns: Sequence[str],
    images: str,
) -> dict[str, Any]:
    """Return the metadata of a table and its images; mlcroissant has found them valid.

    Args:
        statement: about the data set.
        labels: of the images.
        table: the file that `write_table` has written, beside which the metadata will lie.
        columns: of the table.
        images: the folder of the images, relative to that of the table.
    """
    import mlcroissant as mlc

    sizes = Counter(each.label for each in labels if each.label)
    creators = [mlc.Organization(name=statement.creator)] if statement.creator else []
    metadata = mlc.Metadata(
        name=statement.name,
        description=f"{sizes.total()} labelled images of {len(sizes)} classes.",
        license=[statement.licence] if statement.licence else None,
        creators=creators,
        url=statement.url or None,
        distribution=[_table(table), _image_files(labels, images)],
        record_sets=[_records_of_images(table.name, columns, images), _records_of_classes(sizes)],
    )
    return dict(metadata.to_json())


def _table(path: Path) -> "mlcroissant.FileObject":
    import mlcroissant as mlc

    return mlc.FileObject(
        id=path.name,
        name=path.name,
        description="A line for each labelled image.",
        content_url=path.name,
        encoding_formats=[mlc.EncodingFormat.CSV],
        sha256=sha256_of(path),
    )


def _image_files(labels: Iterable[LabelledImage], images: str) -> "mlcroissant.FileSet":
    import mlcroissant as mlc

    formats = {mimetypes.guess_type(each.image)[0] or "image/*" for each in labels}
    return mlc.FileSet(
        id=_FILES,
        name=_FILES,
        description="The images.",
        includes=[f"{images}/*"],
        encoding_formats=sorted(formats),
    )


def _records_of_images(table: str, columns: Sequence[str], images: str) -> "mlcroissant.RecordSet":
    import mlcroissant as mlc

    name_of_file = mlc.Source(
        file_set=_FILES,
        extract=mlc.Extract(file_property=mlc.FileProperty.fullpath),
        transforms=[mlc.Transform(regex=f"(?:{re.escape(images)}/)?(.*)")],
    )
    content = mlc.Source(
        file_set=_FILES, extract=mlc.Extract(file_property=mlc.FileProperty.content)
    )
    sources = {
        column: mlc.Source(file_object=table, extract=mlc.Extract(column=column))
        for column in columns
    }
    fields = [
        _field("image", source=name_of_file, references=sources.pop("image")),
        _field("content", mlc.DataType.IMAGE_OBJECT, source=content),
        *(_field(column, source=source) for column, source in sources.items()),
    ]
    return mlc.RecordSet(id=_IMAGES, name=_IMAGES, key=[f"{_IMAGES}/image"], fields=fields)


def _records_of_classes(sizes: Mapping[str, int]) -> "mlcroissant.RecordSet":
    import mlcroissant as mlc

    ids = [f"{_CLASSES}/name", f"{_CLASSES}/num_images"]
    return mlc.RecordSet(
        id=_CLASSES,
        name=_CLASSES,
        description="The classes, and the number of labelled images of each.",
        fields=[
            mlc.Field(id=ids[0], name=ids[0], data_types=[mlc.DataType.TEXT]),
            mlc.Field(id=ids[1], name=ids[1], data_types=[mlc.DataType.INTEGER]),
        ],
        data=[dict(zip(ids, each, strict=True)) for each in sorted(sizes.items())],
    )


def _field(name: str, data_type: Any = None, **sources: "mlcroissant.Source") -> Any:
    import mlcroissant as mlc

    types = [data_type or mlc.DataType.TEXT]
    if name == "split":
        types.append(mlc.DataType.SPLIT)
    found = f"{_IMAGES}/{name}"
    return mlc.Field(id=found, name=found, description=_MEANINGS[name], data_types=types, **sources)
