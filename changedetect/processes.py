"""Pieces of work in processes of their own, none of which outlives the one that started it."""

import multiprocessing
import pickle
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
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
    """Do pieces of work in processes of their own; results are handed over in the order of the pieces.

    A process whose own memory is not enough may be ended by the system, and with it all others: what
    was not done then is done by one process at a time. When this process is stopped or killed, those
    that it started end at once, wherever they are.

    Parameters
    ----------
    parts
        What to do; few and large, each small to send.
    work
        Called once a piece, with what all share; sent once to each process.
    done
        Called in this process with each piece and its result, in order.
    processes
        How many at most, never more than pieces; 1 = in this process.
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
    finished = 0
    try:
        with process_pool(min(processes, len(parts)), work) as pool:
            for part, future in [(part, pool.submit(_with_held, part)) for part in parts]:
                result: T = future.result()
                done(part, result)
                finished += 1
    except BrokenExecutor:
        for part in parts[finished:]:
            done(part, apart(part, work, name(part)))


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
        with process_pool(1, work) as pool:
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
def process_pool(count: int, work: Callable[[P], T] | None = None) -> Iterator[Executor]:
    """Give a pool whose processes hold a work, if any; none of them outlives the block, or this process.

    They wait at the end of a pipe whose other end only this process has: it is closed when the block
    fails, and by the system when this process dies. The work comes to them in a file: what is sent
    with the start of a process waits in a pipe, for ever where it is more than a pipe holds and the
    process died before it read.
    """
    context = multiprocessing.get_context("spawn")
    waiting, held = context.Pipe(duplex=False)
    try:
        with tempfile.TemporaryDirectory(prefix="changedetect-work-") as folder:
            file = Path(folder) / "work"
            file.write_bytes(pickle.dumps(work))
            given = waiting, file
            with ProcessPoolExecutor(
                count, mp_context=context, initializer=_hold, initargs=given
            ) as pool:
                try:
                    yield pool
                except BaseException:
                    held.close()
                    raise
    finally:
        held.close()
        waiting.close()


def _hold(waiting: Connection, work: Path) -> None:
    """Begin a process: it leaves an interruption to the one that started it, and ends with that one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(waiting,), daemon=True).start()
    _HELD.append(pickle.loads(work.read_bytes()))  # noqa: S301 - our own, written for us


def _end_with(waiting: Connection) -> None:
    waiting.poll(None)  # nothing is ever sent: it returns when the other end is gone
    signal.raise_signal(signal.SIGKILL)


def _with_held(part: P) -> Any:  # noqa: ANN401 - whatever the work gives
    return _HELD[-1](part)
