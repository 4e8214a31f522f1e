"""Pieces of work in threads of this process."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

P = TypeVar("P")
T = TypeVar("T")

IN_FLIGHT_PER_WORKER = 2
"""Pieces handed out and not yet delivered, per worker: one at work, one waiting."""


def in_order(parts: Sequence[P], work: Callable[[P], T], workers: int) -> list[T]:
    """Do pieces of work in threads; return their results in the order of the pieces.

    Parameters
    ----------
    parts
        What to do; few pieces, each large beside the handing over.
    work
        Called once a piece; what it raises is raised here.
    workers
        Threads; 1 = the calling one.
    """
    if workers == 1:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(workers, thread_name_prefix="part") as pool:
        return list(pool.map(work, parts))


def together(one: Callable[[], P], other: Callable[[], T], workers: int) -> tuple[P, T]:
    """Do two pieces of work, at the same time if there are two threads; what the first raises comes first."""
    if workers == 1:
        return one(), other()
    with ThreadPoolExecutor(1, thread_name_prefix="other") as pool:
        beside = pool.submit(other)
        return one(), beside.result()


def in_turn(parts: Iterable[P], work: Callable[[P], T], workers: int) -> Iterator[T]:
    """Do pieces of work in threads; give their results in the order of the pieces, as they are asked for.

    No more than two pieces a worker are out, so that memory holds the results of as many and no more.

    Parameters
    ----------
    parts
        What to do, as many as there are.
    work
        Called once a piece; what it raises is raised here, and nothing is begun after that.
    workers
        Threads; 1 = the calling one.
    """
    if workers == 1:
        yield from map(work, parts)
        return
    waiting = iter(parts)
    with ThreadPoolExecutor(workers, thread_name_prefix="part") as pool:
        out = deque(
            pool.submit(work, part) for part in islice(waiting, IN_FLIGHT_PER_WORKER * workers)
        )
        try:
            while out:
                result = out.popleft().result()
                out.extend(pool.submit(work, part) for part in islice(waiting, 1))
                yield result
        finally:
            for future in out:
                future.cancel()
