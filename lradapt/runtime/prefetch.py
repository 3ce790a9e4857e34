"""Work done in a thread before its result is asked for."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def prefetched(items: Iterable[T], work: Callable[[T], R], *, ahead: int) -> Iterator[tuple[T, R]]:
    """Each item in turn with `work(item)`, which one thread has begun up to `ahead` items before.

    The thread ends when the items do, when the iterator is closed, or when nobody holds it any
    more. An error of `work` is raised where its result would have come.

    Args:
        items: asked for one by one in the caller's thread; may go on for ever.
        work: called in the thread, in the order of the items.
        ahead: at least 1; with so many results besides the one handed out, it waits.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
    begun: deque[tuple[T, Future[R]]] = deque()
    try:
        for item in items:
            begun.append((item, pool.submit(work, item)))
            if len(begun) > ahead:
                yield _finished(begun)
        while begun:
            yield _finished(begun)
    finally:
        # Without waiting: whoever drops the iterator last may be the thread itself.
        pool.shutdown(wait=False, cancel_futures=True)


def _finished(begun: deque[tuple[T, Future[R]]]) -> tuple[T, R]:
    item, future = begun.popleft()
    return item, future.result()
