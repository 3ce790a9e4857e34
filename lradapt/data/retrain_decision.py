"""Whether the data have changed enough to retrain: a pure function, and the reason in words."""

from dataclasses import dataclass

from lradapt.data.changes import RELABELLED, Changes, Count, count_classes, count_kinds


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to retrain, and the reason."""

    retrain: bool
    reason: str


def decide(
    changes: Changes, *, min_changes: int, min_class_share: float, test_relabels: bool
) -> Decision:
    """Decide to retrain where any of three thresholds is reached.

    Args:
        changes: since the version last trained on.
        min_changes: images that changed in any way, at least 1.
        min_class_share: share of the images of a class that changed, in (0, 1].
        test_relabels: whether one relabelled test image is enough: the test set was wrong.
    """
    if not changes.rows:
        return Decision(False, "nothing has changed since the last training")
    relabelled = count_kinds(changes).get(RELABELLED, Count(0, 0)).in_test
    shares = ((one.share, name) for name, one in count_classes(changes).items())
    share, name = max(shares, default=(0.0, "-"))  # annotators may be tied on all that changed
    count = len(changes.rows)
    ignored = "" if test_relabels else ", ignored by watch.test_relabels"
    criteria = [
        (count >= min_changes, f"changes: {count:,}, threshold: {min_changes:,}"),
        (
            share >= min_class_share,
            f"changed of class {name}: {share:.1%}, threshold: {min_class_share:.1%}",
        ),
        (test_relabels and relabelled > 0, f"relabelled in test: {relabelled}{ignored}"),
    ]
    reached = [words for holds, words in criteria if holds]
    return Decision(bool(reached), "; ".join(reached or [words for _, words in criteria]))
