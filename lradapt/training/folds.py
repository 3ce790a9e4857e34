"""Folds for cross-validation: groups are never divided, and each class is spread over all folds.

There is no seed: the order of the group numbers decides, so the order of the rows changes nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence


def fold_numbers(labels: Sequence[int], groups: Sequence[int], *, num_folds: int) -> list[int]:
    """Return the fold of each row, in [0, `num_folds`).

    A group counts to its rarest class. The groups of a class are taken from the largest to the
    smallest; each goes to the fold with the fewest rows of its class.

    Args:
        labels: class number of each row.
        groups: group number of each row.
        num_folds: at most the number of groups, so that no fold is empty.
    """
    sizes, members = Counter(labels), defaultdict(list)
    for row, group in enumerate(groups):
        members[group].append(row)
    assert num_folds <= len(members), f"{num_folds} folds of {len(members)} groups"
    class_of = {
        group: min((labels[row] for row in rows), key=lambda label: (sizes[label], label))
        for group, rows in members.items()
    }
    rows_of_class: defaultdict[int, list[int]] = defaultdict(lambda: [0] * num_folds)
    rows_of_fold, folds = [0] * num_folds, [0] * len(labels)
    order = sorted(members, key=lambda group: (class_of[group], -len(members[group]), group))
    for group in order:
        in_class = rows_of_class[class_of[group]]
        fold = min(range(num_folds), key=lambda fold: (in_class[fold], rows_of_fold[fold]))
        in_class[fold] += len(members[group])
        rows_of_fold[fold] += len(members[group])
        for row in members[group]:
            folds[row] = fold
    return folds
