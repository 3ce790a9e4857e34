"""Computing results ahead of time in a thread."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def prefetched(items: Iterable[T], work: Callable[[T], R], *, ahead: int) -> Iterator[tuple[T, R]]:
    """Yield each item with `work(item)`, computed by one thread up to `ahead` items in advance.

    The thread ends after the last item, when the iterator is closed, or when it is
    garbage-collected. An error of `work` is raised in place of its result.

    Args:
        items: requested one by one in the caller's thread; may be infinite.
        work: called in the thread, in the order of the items.
        ahead: at least 1; the thread waits when it has this many results in reserve.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
    pending: deque[tuple[T, Future[R]]] = deque()
    try:
        for item in items:
            pending.append((item, pool.submit(work, item)))
            if len(pending) > ahead:
                yield _next_result(pending)
        while pending:
            yield _next_result(pending)
    finally:
        # Do not wait: the last reference to the iterator may be dropped by the thread itself.
        pool.shutdown(wait=False, cancel_futures=True)


def _next_result(pending: deque[tuple[T, Future[R]]]) -> tuple[T, R]:
    item, future = pending.popleft()
    return item, future.result()
