"""Whether data could be trained on, asked before an import replaces others by them."""

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from lradapt.data.folder_check import FolderCheck
from lradapt.data.labelled_image import LabelledImage
from lradapt.errors import DataError

Check = Callable[[Path, Sequence[LabelledImage]], FolderCheck]

_CLASSES = 20
_GROUPS = 3  # of each class and split


def why_refused(folder: Path, labels: Sequence[LabelledImage], check: Check) -> str:
    """Return why a training on labelled images would be refused; "" where it would not.

    A few images of each class are asked first. Where a training on them is possible, it is possible
    on all, but for findings with the policy `stop` among the others, which `lradapt check` finds.

    Args:
        folder: of the images.
        labels: of those below it; a file may be missing.
        check: decodes and checks a folder, see `folder_check.check_folder`.
    """
    few = _few_of_each_class(labels)
    if len(few) < len(labels):
        with tempfile.TemporaryDirectory(prefix="lradapt-import-") as sample:
            copied = [label for label in few if _copied(folder, Path(sample), label.image)]
            if copied and not _refusal(Path(sample), copied, check):
                return ""
    return _refusal(folder, labels, check)


def _refusal(folder: Path, labels: Sequence[LabelledImage], check: Check) -> str:
    try:
        return check(folder, labels).refusal
    except DataError as error:  # not one file is an image
        return str(error)


def _few_of_each_class(labels: Sequence[LabelledImage]) -> list[LabelledImage]:
    """Return an image of each of the first groups of each class and split."""
    of_class: defaultdict[str, defaultdict[str, dict[str, LabelledImage]]]
    of_class = defaultdict(lambda: defaultdict(dict))
    for label in labels:
        groups = of_class[label.label][label.split]
        if len(groups) < _GROUPS:
            groups.setdefault(label.group or label.image, label)
    few = list(of_class.values())[:_CLASSES]
    return [label for splits in few for groups in splits.values() for label in groups.values()]


def _copied(folder: Path, sample: Path, name: str) -> bool:
    target = sample / name
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(folder / name, target)
    except FileNotFoundError:
        return False
    return True
