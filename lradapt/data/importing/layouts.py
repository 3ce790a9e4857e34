"""What the levels of a folder mean: classes or splits; a folder with several readings is refused.

Folders of classes are what an import expects: `CLASS/IMAGE`, or `SPLIT/CLASS/IMAGE`. All else that
looks like another layout (splits that are not named as such, an additional level, folders without
an image) stops with the readings, and the options that choose one.
"""

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from lradapt.data.importing.split_names import read_split_names, without_unused_test
from lradapt.data.labelled_image import TEST, TRAIN, LabelledImage
from lradapt.errors import DataError, listed
from lradapt.text import printable

Layout = Literal["class", "split/class", "class/split", "class/group", "any/class"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
_CONTAINERS = ("image", "img", "mask", "annotation", "jpegimage", "thumbnail", "picture", "photo")
_FEW = 5


@dataclass(frozen=True, slots=True)
class Reading:
    """The meaning of the levels of a folder.

    Attributes:
        layout: the levels above an image; folders within the last level change nothing.
        split_of: folder -> split, in the layouts with a split.
        doubled: top folders whose only content is a folder of the same name, `train/train/CLASS`.
    """

    layout: Layout
    split_of: Mapping[str, str] = field(default_factory=dict)
    doubled: frozenset[str] = frozenset()

    def label(self, name: str) -> LabelledImage | None:
        """Return the labelled image of a path, or None where it is outside of the layout."""
        first, *rest = name.split("/")
        second, *inside = rest[1:] if first in self.doubled else rest or [""]
        if self.layout == "class":
            return LabelledImage(name, first) if rest else None
        if not inside:
            return None
        if self.layout == "any/class":
            return LabelledImage(name, second)
        if self.layout == "class/group":
            return LabelledImage(name, first, group=second)
        label, split = (second, first) if self.layout == "split/class" else (first, second)
        return LabelledImage(name, label, split=given) if (given := self._split(split)) else None

    def _split(self, name: str) -> str:
        return self.split_of.get(name, "")

    @property
    def words(self) -> str:
        """The reading in words."""
        splits = ", ".join(f"{name!r} is {split}" for name, split in sorted(self.split_of.items()))
        return f"read as {self.layout.upper()}/IMAGE" + (f"; {splits}" if splits else "")


@dataclass(frozen=True, slots=True)
class Tree:
    """The folders that have images, by their levels.

    Attributes:
        flat: top folder -> images directly in it.
        below: top folder -> folder in it -> images in that.
        bare: top folders with files, of which none is an image.
        bare_within: folders in a top folder with files, of which none in any top folder is one.
        loose: images in no folder.
    """

    flat: Counter[str]
    below: dict[str, Counter[str]]
    bare: list[str]
    bare_within: list[str]
    loose: int

    @property
    def tops(self) -> list[str]:
        """The top folders with an image."""
        return sorted(self.flat.keys() | self.below.keys())

    def is_deep(self, top: str) -> bool:
        """Return whether most images of a top folder are in folders within it."""
        return sum(self.below.get(top, Counter()).values()) > self.flat[top]


def grow_tree(files: Iterable[str], images: Iterable[str]) -> Tree:
    """Return the tree of the images of a folder; `files` are all its visible files."""
    flat: Counter[str] = Counter()
    below: defaultdict[str, Counter[str]] = defaultdict(Counter)
    loose = 0
    for name in images:
        top, *rest = name.split("/")
        if not rest:
            loose += 1
        elif len(rest) == 1:
            flat[top] += 1
        else:
            below[top][rest[0]] += 1
    paths = [name.split("/") for name in files]
    bare = {path[0] for path in paths if len(path) > 1} - flat.keys() - below.keys()
    within = {path[1] for path in paths if len(path) > 2} - {n for b in below.values() for n in b}
    return Tree(flat, dict(below), sorted(bare), sorted(within), loose)


def choose_reading(
    source: Path, tree: Tree, *, layout: Layout | None, splits: Mapping[str, str], roots: list[str]
) -> Reading:
    """Return the one reading of a folder, or the one that the options choose.

    Args:
        source: the folder, for messages.
        tree: its images.
        layout: of the option `--layout`; None: find it.
        splits: folder -> split, of the option `--split`.
        roots: folders below `source` that hold folders of images, for messages.

    Raises:
        DataError: several readings and no option, or an option that does not fit.
    """
    if layout or splits:
        return _chosen(source, tree, layout, splits)
    doubled = frozenset(top for top in tree.tops if _is_doubled(tree, top))
    found = read_split_names(tree.tops + tree.bare)
    if not doubled and _is_split(tree, found):
        return Reading("split/class", without_unused_test(found))
    if doubled and _is_split(tree, found, doubled=True):
        return Reading("split/class", without_unused_test(found), doubled)
    if doubt := _doubt(tree, found):
        raise DataError(
            f"{source}: {doubt}; nothing was imported. Choose what is meant:\n"
            + listed(_readings(source, tree, found, roots))
        )
    return Reading("class")


def _chosen(source: Path, tree: Tree, layout: Layout | None, splits: Mapping[str, str]) -> Reading:
    layout = layout or "split/class"
    if layout not in LAYOUTS:
        raise DataError(f"--layout {layout}: expected one of {', '.join(LAYOUTS)}")
    if "split" not in layout:
        if splits:
            raise DataError(f"--split has no meaning with --layout {layout}")
        return Reading(layout)
    named = tree.tops if layout == "split/class" else _inner(tree)
    found = dict(splits) or without_unused_test(read_split_names(named))
    if strange := sorted(set(found) - set(named)):
        raise DataError(
            f"--split {', '.join(map(repr, strange))}: no such folder with images in {source}; "
            f"it has {_some(named)}"
        )
    if not found:
        raise DataError(
            f"no folder of {source} has the name of a split: {_some(named)}; give "
            "`--split NAME=SPLIT` for each"
        )
    doubled = frozenset(top for top in found if _is_doubled(tree, top))
    return Reading(layout, found, doubled if layout == "split/class" else frozenset())


def _is_split(tree: Tree, found: Mapping[str, str], *, doubled: bool = False) -> bool:
    """Return whether all top folders are different splits, one is train, and they share classes."""
    splits = Counter(found.values())
    if set(found) != set(tree.tops + tree.bare) or tree.bare or max(splits.values(), default=2) > 1:
        return False
    if TRAIN not in splits or len(splits) < 2 or not all(map(tree.is_deep, found)):
        return False
    if tree.bare_within or all(map(_is_container, _inner(tree))):
        return False
    if doubled:
        return all(_is_doubled(tree, top) for top in found)
    classes = {split: set(tree.below[top]) for top, split in found.items()}
    return all(classes[TRAIN] & names for names in classes.values())


def _is_doubled(tree: Tree, top: str) -> bool:
    inner = tree.below.get(top, Counter())
    return not tree.flat[top] and [name.strip() for name in inner] == [top.strip()]


def _doubt(tree: Tree, found: Mapping[str, str]) -> str:
    """Return why the top folders may not be the classes; "" for no doubt."""
    deep = [top for top in tree.tops if tree.is_deep(top)]
    shared = _shared(tree, deep)
    if len(tree.tops + tree.bare) < 2:
        return ""
    if len(set(found.values())) > 1 or set(found) == set(tree.tops):
        return f"{_some(found)} look like a split, not like classes{_beside(tree, found)}"
    if tree.bare:
        return f"no image in {_some(tree.bare)}, so its folders may not be those of classes"
    if shared:
        return f"{_some(deep)} have the same folders in them ({_some(shared)})"
    if len(deep) == len(tree.tops):
        return f"all images are one level deeper than those of classes, such as in {_first(tree)}"
    if all(_is_container(top) for top in tree.tops):
        return f"{_some(tree.tops)} do not look like the names of classes"
    return ""


def _beside(tree: Tree, found: Mapping[str, str]) -> str:
    others = sorted(set(tree.tops + tree.bare) - set(found))
    return f", but there are other folders beside them: {_some(others)}" if others else ""


def _shared(tree: Tree, deep: Sequence[str]) -> list[str]:
    """Return the names of folders that are in more than one deep top folder."""
    counts = Counter(name for top in deep for name in tree.below[top])
    return sorted(name for name, count in counts.items() if count > 1)


def _is_container(top: str) -> bool:
    word = top.strip().casefold().removesuffix("s")
    return word in _CONTAINERS or word.rstrip("0123456789_- ") in ("fold", "cv")


def _readings(
    source: Path, tree: Tree, found: Mapping[str, str], roots: Sequence[str]
) -> list[str]:
    deep = [top for top in tree.tops if tree.is_deep(top)]
    return [
        *(_deep_readings(tree, deep, found) if len(deep) > 1 else []),
        *(f"only {root} is meant: give {shlex.quote(str(source / root))}" for root in roots[:_FEW]),
        *([f"{_some(tree.tops)} are the classes: --layout class"] if len(tree.tops) > 1 else []),
        "the classes are in a table: lradapt import table TABLE --images FOLDER",
    ]


def _deep_readings(tree: Tree, deep: Sequence[str], found: Mapping[str, str]) -> list[str]:
    """Return what folders within folders can mean."""
    splits = {top: found[top] for top in deep if top in found}
    if TRAIN not in splits.values() or len(set(splits.values())) < 2:
        splits = _guessed(tree, deep, splits) if _shared(tree, deep) else {}
    options = " ".join(f"--split {shlex.quote(f'{top}={s}')}" for top, s in splits.items())
    inner = _inner(tree)
    inner_splits = len(read_split_names(inner)) == len(inner) > 1
    return [
        *(["the folders in them are splits: --layout class/split"] if inner_splits else []),
        *(
            [f"{_some(splits)} are splits, the folders in them classes: {options}"]
            if splits
            else []
        ),
        f"{_some(deep)} mean nothing, the folders in them are classes: --layout any/class",
        "the folders in them are groups (patients, lesions): --layout class/group",
    ]


def _guessed(tree: Tree, deep: Sequence[str], known: Mapping[str, str]) -> dict[str, str]:
    """Return what folders may be of which at most one split is known: the largest is train."""
    by_size = sorted(reversed(deep), key=lambda top: sum(tree.below[top].values()))
    train = next((top for top, split in known.items() if split == TRAIN), "")
    train = train or next((top for top in reversed(by_size) if top not in known), by_size[-1])
    others = {top: known.get(top, TRAIN) for top in deep}
    if set(others.values()) == {TRAIN}:
        others[next(top for top in by_size if top != train)] = TEST
    return without_unused_test(others | {train: TRAIN})


def _inner(tree: Tree) -> list[str]:
    return sorted({name for inside in tree.below.values() for name in inside})


def _first(tree: Tree) -> str:
    top = next(top for top in tree.tops if tree.is_deep(top))
    return f"{top}/{min(tree.below[top])}"


def _some(names: Iterable[str]) -> str:
    names = sorted(map(printable, names))
    return ", ".join(names[:_FEW]) + (" ..." if len(names) > _FEW else "")
