"""The classes that params of the gate name: each must exist, or have existed.

The params are `gate.min_recall`, `gate.min_recall_in` and `gate.renamed`.
"""

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches

from lradapt.errors import listed
from lradapt.gate.explanation import shortened
from lradapt.gate.rules import Rules


def unknown_names_in_words(
    rules: Rules, today: Collection[str], earlier: Collection[str] | None
) -> str:
    """Return the message on every name in the rules that is no class; "" if all are classes.

    Args: as `find_unknown_names`.
    """
    faults = list(find_unknown_names(rules, today, earlier))
    if not faults:
        return ""
    return (
        "params.yaml names classes that do not exist, so no model could be promoted as meant. "
        f"Correct or remove:\n{listed(faults)}"
    )


def find_unknown_names(
    rules: Rules, today: Collection[str], earlier: Collection[str] | None
) -> Iterator[str]:
    """Yield a sentence for each name in the rules that is the name of no class.

    A new name may be an old one by now: a later entry of `renamed` then renames it again.

    Args:
        rules: of promotion.
        today: the classes of the labels.
        earlier: the classes of the versions that were in production; None if they are not known.
    """
    for name in rules.min_recall:
        if name not in today:
            yield _sentence("gate.min_recall", name, today)
    for column, values in rules.min_recall_in.items():
        for value, floors in values.items():
            unknown = (name for name in floors if name not in today)
            where = f"gate.min_recall_in, {column} {value}"
            yield from (_sentence(where, name, today) for name in unknown)
    for old, new in rules.renamed.items():
        if earlier is not None and old not in {*earlier, *today}:
            yield _sentence("gate.renamed", old, earlier)
        if new is not None and new not in {*today, *rules.renamed, *(earlier or ())}:
            yield _sentence(f"gate.renamed, new name of {old!r}", new, today)


def _sentence(where: str, name: str, classes: Iterable[str]) -> str:
    names = sorted(classes)
    near = _nearest(name, names)
    return f"{where}: {name!r} is no class; " + (
        f"nearest: {', '.join(map(repr, near))}"
        if near
        else f"the classes are {shortened(map(repr, names))}"
    )


def _nearest(name: str, names: Iterable[str]) -> list[str]:
    """Return up to three similar names, whatever their case."""
    by_case: dict[str, list[str]] = {}
    for each in names:
        by_case.setdefault(each.casefold(), []).append(each)
    near = get_close_matches(name.casefold().strip(), by_case, n=3)
    return [each for case in near for each in by_case[case]][:3]
