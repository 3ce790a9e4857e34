"""The order of the measurements: programs take turns within a repeat, and time is kept in mind."""

from collections.abc import Callable, Iterator, Sequence

from benchmarks.peers.work import Work


def rounds(
    works: Sequence[Work],
    programs_of: Callable[[Work], Sequence[str]],
    *,
    repeats: int,
    budget_seconds: float,
    elapsed_seconds: Callable[[], float],
) -> Iterator[tuple[Work, str, int]]:
    """(work, program, repeat): all work once, then again as long as there is time for it.

    A work is repeated only where its first round would still fit, so an expensive one has fewer
    repeats than a cheap one; never fewer than one.

    Args:
        works: in the order in which they are to be done.
        programs_of: names of the programs that do a work.
        repeats: the most of each.
        budget_seconds: for everything.
        elapsed_seconds: since the start; asked before and after each work.
    """
    cost: dict[Work, float] = {}
    for repeat in range(repeats):
        for work in works:
            start = elapsed_seconds()
            if repeat and start + cost[work] > budget_seconds:
                continue
            for program in programs_of(work):
                yield work, program, repeat
            cost.setdefault(work, elapsed_seconds() - start)
