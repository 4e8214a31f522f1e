"""Pieces of work in this process and others that it starts: none of them outlives it."""

import multiprocessing
import pickle
import signal
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from typing import Any, TypeVar

from changedetect.errors import ResourceError

P = TypeVar("P")
T = TypeVar("T")


def in_processes(
    parts: Sequence[P],
    work: Callable[[P], T],
    done: Callable[[P, T], None],
    *,
    processes: int,
    name: Callable[[P], str],
) -> None:
    """Do pieces of work in this process and others; results are handed over in the order of the pieces.

    This process, whose modules and memory are there already, does its share: there is one less to start.
    Another whose own memory is not enough may be ended by the system, and with it all others: what
    was not done then is done by one new process at a time. When this process is stopped or killed, those
    that it started end at once, wherever they are.

    Parameters
    ----------
    parts
        What to do; few and large, each small to send.
    work
        Called once a piece, with what all share; sent once to each process.
    done
        Called in this process with each piece and its result, in order, when it is not at work itself.
    processes
        How many at most, this one counted, never more than pieces; 1 = only this one.
    name
        Of a piece, for messages.

    Raises
    ------
    ResourceError
        A process died twice over the same piece, the second time alone.
    Exception
        What the work raised for the first piece, in order, at which it failed; later pieces are not done.
    """
    if processes == 1 or len(parts) <= 1:
        for part in parts:
            done(part, work(part))
        return
    others = min(processes, len(parts)) - 1
    finished = 0
    try:
        with processes_of(others, work) as pool:
            for part, result in zip(parts, _shared(parts, work, pool, others), strict=True):
                done(part, result)
                finished += 1
    except BrokenExecutor:
        for part in parts[finished:]:
            done(part, apart(part, work, name(part)))


def _shared(parts: Sequence[P], work: Callable[[P], T], pool: Executor, others: int) -> Iterator[T]:
    """Do pieces here and in a pool, each by whoever is free next; give their results in order.

    The first pieces go to the pool.
    """
    results: list[Future[T]] = [Future() for _ in parts]
    due, waiting = deque(results), deque(range(others, len(parts)))

    def feed(number: int | None) -> None:
        while number is not None:
            _settle(results[number], partial(_done_in, pool, parts[number]), waiting)
            number = _next(waiting)

    feeders = ThreadPoolExecutor(others, thread_name_prefix="feeder")
    try:
        for number in range(others):
            feeders.submit(feed, number)
        while (mine := _next(waiting)) is not None:
            _settle(results[mine], partial(work, parts[mine]), waiting)
            while due and due[0].done():
                yield due.popleft().result()
        for result in due:
            yield result.result()
    finally:
        waiting.clear()
        feeders.shutdown(wait=False)  # what they wait for ends with the pool


def _done_in(pool: Executor, part: P) -> Any:  # noqa: ANN401 - whatever the work gives
    return pool.submit(_with_held, part).result()


def _settle(result: Future[T], do: Callable[[], T], waiting: deque[int]) -> None:
    """Do a piece and keep what came of it; after one that failed none is begun."""
    try:
        result.set_result(do())
    except Exception as error:  # noqa: BLE001 - raised in its turn
        waiting.clear()
        result.set_exception(error)


def _next(waiting: deque[int]) -> int | None:
    """Take the next number, if one is left; several threads may ask at once."""
    try:
        return waiting.popleft()
    except IndexError:
        return None


def apart(part: P, work: Callable[[P], T], name: str) -> T:
    """Do one piece in a process of its own, beside which there is no other; what it needed goes with it.

    Raises
    ------
    ResourceError
        The process died.
    Exception
        What the work raised.
    """
    try:
        with processes_of(1, work) as pool:
            result: T = pool.submit(_with_held, part).result()
            return result
    except BrokenExecutor as error:
        msg = (
            f"{name}: its process died (out of memory, or killed) although no other was at work; "
            "free memory, then run the same command again"
        )
        raise ResourceError(msg) from error


_HELD: list[Callable[[Any], Any]] = []
"""In a process of `in_processes`: its work, sent when it starts."""


@contextmanager
def processes_of(count: int, work: Callable[[P], T] | None) -> Iterator[Executor]:
    """Give a pool whose processes hold a work, if any; none of them outlives the block, or this process.

    They wait at the end of a pipe whose other end only this process has: it is closed when the block
    fails, and by the system when this process dies. The work lies in memory that all share: what is
    sent with the start of a process waits in a pipe, for ever if it is more than a pipe holds and the
    process died before it read. It is packed: containers often have 64 MB of such memory and no more.
    """
    context = multiprocessing.get_context("spawn")
    waiting, held = context.Pipe(duplex=False)
    sent = zlib.compress(pickle.dumps(work), 1)
    shared = SharedMemory(create=True, size=len(sent))
    assert shared.buf is not None
    shared.buf[: len(sent)] = sent
    try:
        with ProcessPoolExecutor(
            count, mp_context=context, initializer=_hold, initargs=(waiting, shared.name)
        ) as pool:
            try:
                yield pool
            except BaseException:
                held.close()
                raise
    finally:
        held.close()
        waiting.close()
        shared.close()
        shared.unlink()


def _hold(waiting: Connection, shared_name: str) -> None:
    """Begin a process: it leaves an interruption to the one that started it, and ends with that one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(waiting,), daemon=True).start()
    shared = SharedMemory(shared_name)
    assert shared.buf is not None
    _HELD.append(pickle.loads(zlib.decompress(shared.buf)))  # noqa: S301 - our own, written for us
    shared.close()


def _end_with(waiting: Connection) -> None:
    waiting.poll(None)  # nothing is ever sent: it returns when the other end is gone
    signal.raise_signal(signal.SIGKILL)


def _with_held(part: P) -> Any:  # noqa: ANN401 - whatever the work gives
    return _HELD[-1](part)
