"""The section on the test images: how often they were asked."""

from collections.abc import Iterator

from lradapt.reporting.dossier.collected import Collected
from lradapt.reporting.dossier.param_changes import NOT_RECORDED
from lradapt.reporting.dossier.references import ANSWERS
from lradapt.reporting.dossier.section import Section, Table, percent, second, short
from lradapt.reporting.dossier.use_of_test import AskedImages, UseOfTest, use_of_test_images

_MOST_CONFIDENCE = 0.999  # of gate.confidence, by its schema


def section(collected: Collected) -> Section:
    """Return the section of the test images: the whole history counts, whatever --since says."""
    found = use_of_test_images(collected)
    times = [(str(times), f"{images:,}") for times, images in found.times.items()]
    return Section(
        "use",
        "How often the test images were asked",
        ANSWERS["use"],
        list(_sentences(found)),
        (
            Table(
                "By identity of the test images: the same images, whatever their labels",
                (
                    "images",
                    "sha256",
                    "first (UTC)",
                    "last (UTC)",
                    "asked",
                    "different questions",
                    "error at most",
                    "of the latest test split",
                    "versions with figures on them",
                ),
                [_set_row(each) for each in found.sets] or [(NOT_RECORDED, *[""] * 8)],
            ),
            Table(
                f"The images of the latest test split ({found.latest or NOT_RECORDED}), by how "
                "many different questions they were in",
                ("different questions", "images"),
                times,
            ),
        ),
    )


def _sentences(found: UseOfTest) -> Iterator[str]:
    yield (
        "A question is one challenger against one champion, by one set of rules, on one set of "
        "labelled images. The same question again gets the same answer, so it is counted once. "
        "This part counts the whole history, also with --since."
    )
    if found.distinct:
        yield (
            f"{found.distinct} different question(s) were asked of images of the latest test split."
            f" Each errs with probability 1 - gate.confidence at most, as far as its test holds "
            f"(docs/method.md). By the union bound, the probability that at least one of them has "
            f"promoted a model that is not better (superior), or that is worse by the margin "
            f"(not_worse), is at most {percent(found.error_bound)}."
            + (" A bound of 100 % says nothing." if found.error_bound >= 1 else "")
        )
        yield _confidence(found)
        yield (
            "The bound holds however the comparisons depend on each other, but only if the "
            "challengers were not chosen by figures of these images. The stages never read the "
            "test split to choose. A person who reads a report and then edits params.yaml does: "
            f"{found.of_other_params} of the {found.distinct} challengers had other params than "
            "the version published before them."
        )
    if found.unknown:
        yield (
            f"The images of {found.unknown} question(s) are {NOT_RECORDED}, because the version "
            "was removed or the record is damaged; they count as asked of every image."
        )
    if found.unrecorded:
        numbers = ", ".join(map(str, found.unrecorded))
        yield (
            f"Of the promotion(s) {numbers} the comparison is {NOT_RECORDED}, and neither are "
            "challengers that were kept out then. The bound does not cover them."
        )
    yield (
        f"A fresh share: {found.times.get(0, 0):,} of the {found.latest_images:,} images of the "
        "latest test split were in no question yet. More of them come from new data alone: the "
        "split has no seed, and gives new groups to the test split by their hash "
        "(split.train_per_test), or labels.csv gives it (column split). Drawing other test images "
        "out of the present ones is not offered: the models were trained on those, so the gate "
        "would leave them out."
    )


def _confidence(found: UseOfTest) -> str:
    assert found.confidence_for_target is not None, "there is a comparison"
    needed = found.confidence_for_target
    words = f"For at most 5 % over as many questions, gate.confidence would have to be {needed:.4g}"
    if needed > _MOST_CONFIDENCE:
        words += f", above its bound {_MOST_CONFIDENCE}: a fresh test split is needed"
    return f"{words}."


def _set_row(each: AskedImages) -> tuple[str, ...]:
    return (
        f"{each.images:,}",
        short(each.sha256),
        second(each.first),
        second(each.last),
        str(each.asked),
        str(each.distinct),
        percent(each.error_bound),
        percent(each.in_latest),
        str(each.versions),
    )
