"""Whether the data have changed enough to train anew: a pure function, and the sentence for it."""

from dataclasses import dataclass

from lradapt.data.changes import RELABELLED, Changes, Count, count_classes, count_kinds


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to train, and why, or why not."""

    retrain: bool
    why: str


def decide(
    changes: Changes, *, min_changes: int, min_class_share: float, test_relabels: bool
) -> Decision:
    """Train where any one of three thresholds is reached.

    Args:
        changes: since the version last trained on.
        min_changes: images that changed in any way, at least 1.
        min_class_share: of the images of any one class that changed, in (0, 1].
        test_relabels: whether a single other label in test is enough: the exam itself
            was wrong.
    """
    if not changes.rows:
        return Decision(False, "nothing has changed since the last training")
    relabelled = count_kinds(changes).get(RELABELLED, Count(0, 0)).in_test
    share, name = max((one.share, name) for name, one in count_classes(changes).items())
    count = len(changes.rows)
    not_asked = "" if test_relabels else ", not asked for"
    criteria = [
        (count >= min_changes, f"changes: {count:,}, asked for: {min_changes:,}"),
        (
            share >= min_class_share,
            f"changed of class {name}: {share:.1%}, asked for: {min_class_share:.1%}",
        ),
        (
            test_relabels and relabelled > 0,
            f"relabelled in test: {relabelled}{not_asked}",
        ),
    ]
    reached = [said for holds, said in criteria if holds]
    return Decision(bool(reached), "; ".join(reached or [said for _, said in criteria]))
