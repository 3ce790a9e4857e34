"""Several lines of one image become one: the label that most annotators give, or a fault."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from lradapt.data.labelled_image import LabelledImage
from lradapt.data.similar_groups import note_on_annotators

_COLUMNS = ("label", "group", "split", "queue")


def majority(labels: Iterable[str]) -> str:
    """Return the label that is given most often; "" where several are, which is a tie."""
    (first, most), *others = Counter(labels).most_common(2)
    return "" if others and others[0][1] == most else first


def merge_lines(
    places: Mapping[LabelledImage, str], what: str = "lines"
) -> tuple[list[LabelledImage], list[str]]:
    """Return one labelled image for each image, and a fault for each whose lines disagree.

    Lines of several annotators may differ in the label alone, others in nothing.

    Args:
        places: labelled image -> where it is first, such as "line 3", in the order of the file.
        what: the places are, in the plural.
    """
    by_image: defaultdict[str, list[LabelledImage]] = defaultdict(list)
    for line in places:
        by_image[line.image].append(line)
    merged, faults = [], []
    for image, lines in by_image.items():
        if not image or len(lines) == 1:
            merged += lines
        elif fault := _disagreement(lines, places):
            faults.append(f"{image} is in {what} that disagree: {fault}; keep one")
        else:
            merged.append(_consensus(lines))
    return merged, faults


def keep_annotators(
    labels: Sequence[LabelledImage],
) -> tuple[list[LabelledImage], list[str]]:
    """Return the labels of a source, without annotators if no image has several; notes on them."""
    several = [label for label in labels if len(label.annotations) > 1]
    if not several:
        return [replace(label, annotations=()) for label in labels], []
    annotators = [each.annotator for label in labels for each in label.annotations]
    ties = sum(not label.label for label in several)
    note = f"{len(set(annotators))} annotators; {len(several):,} image(s) have several of them"
    note += f", and {ties:,} of these no majority" if ties else ""
    return list(labels), [note, *note_on_annotators(annotators)]


def _consensus(lines: Sequence[LabelledImage]) -> LabelledImage:
    said = sorted((each for line in lines for each in line.annotations), key=lambda a: a.annotator)
    return replace(lines[0], label=majority(each.label for each in said), annotations=tuple(said))


def _disagreement(lines: Sequence[LabelledImage], places: Mapping[LabelledImage, str]) -> str:
    """Return the lines and how they differ; "" where only the labels of annotators do."""
    possible = ["group", "split", "queue", *dict(lines[0].slices)]
    columns = [c for c in possible if len({_cell(line, c) for line in lines}) > 1]
    several = _of_one_annotator(lines)
    if several:
        columns = ["label", *columns]
    return _listed(several or lines, columns, places) if columns else ""


def _cell(line: LabelledImage, column: str) -> str:
    return str(getattr(line, column)) if column in _COLUMNS else dict(line.slices)[column]


def _of_one_annotator(lines: Sequence[LabelledImage]) -> list[LabelledImage]:
    """Return the lines of each annotator who gives several labels."""
    found: defaultdict[tuple[str, ...], list[LabelledImage]] = defaultdict(list)
    for line in lines:
        found[tuple(each.annotator for each in line.annotations)].append(line)
    several = (each for each in found.values() if len({line.label for line in each}) > 1)
    return [line for each in several for line in each]


def _listed(
    lines: Sequence[LabelledImage], columns: Sequence[str], places: Mapping[LabelledImage, str]
) -> str:
    return ", ".join(
        " ".join(
            [
                places[line],
                *(f"annotator {each.annotator!r}" for each in line.annotations),
                *(f"{column} {_cell(line, column)!r}" for column in columns),
            ]
        )
        for line in lines
    )
