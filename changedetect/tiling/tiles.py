"""The work of every tile: on threads, processes, or an existing cluster.

The only module that knows dask. On one machine plain pools are used: the same work took 5.2 s on a
pool, 6.2 s as dask tasks on threads and 8-9 s on a local dask cluster (484 tiles, measured), and
pools open no listening socket. A dask cluster that somebody else runs (``tcp://``, ``tls://``) is
used through its executor, with the same bounded flow of tiles.
"""

import importlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from changedetect.errors import ChangeDetectError, ConfigError, IntegrityError, ResourceError
from changedetect.grid import Tile
from changedetect.tiling.processes import processes_of
from changedetect.tiling.threads import IN_FLIGHT_PER_WORKER

T = TypeVar("T")

CLUSTER_SCHEMES = ("tcp://", "tls://")
"""Beginnings of a scheduler's address."""


@dataclass(frozen=True, slots=True)
class TileFailure:
    """A tile that could not be done, and why; the ground under it is not observed."""

    tile: Tile
    error: Exception


def run_tiles(
    tiles: Sequence[Tile],
    work: Callable[[Tile], T],
    *,
    workers: int,
    scheduler: str = "threads",
    done: Callable[[Tile, T | TileFailure], None],
) -> None:
    """Do the work of every tile; one bad tile does not end the rest.

    Results are handed to `done` in the calling thread as they come, in no fixed order, and are
    not kept: memory is bounded by two tiles a worker.

    Parameters
    ----------
    tiles
        What to do.
    work
        Called once a tile, in a worker; picklable unless the scheduler is ``threads``.
    workers
        Threads or processes, at least 1; a cluster keeps that many tiles busy.
    scheduler
        ``threads``, ``processes`` (spawned), or the address of a dask cluster.
    done
        Called with each tile and its result, or with a `TileFailure` where the work raised one
        of our own errors or its worker died.

    Raises
    ------
    ConfigError
        The scheduler is unknown, or `workers` is below 1.
    IntegrityError
        The work found stored data that differ from what was recorded: no result would be true.
    ResourceError
        A cluster was named and dask's ``distributed`` is not installed, or it can not be reached.
    Exception
        Whatever unexpected error the work raised, with a note that names the tile.
    """
    if workers < 1:
        msg = f"workers is {workers}; at least 1 was expected; set --workers"
        raise ConfigError(msg)
    lost = _flow(tiles, work, done, workers, scheduler)
    for tile in lost:
        # Its pool broke while this tile was out; alone in a pool it shows whether it was the cause.
        if _flow((tile,), work, done, 1, scheduler):
            msg = (
                f"tile {tile.name}: its worker died (out of memory, or killed); "
                "use smaller tiles (--tile) or fewer workers (--workers)"
            )
            done(tile, TileFailure(tile, ResourceError(msg)))


def _flow(
    tiles: Sequence[Tile],
    work: Callable[[Tile], T],
    done: Callable[[Tile, T | TileFailure], None],
    workers: int,
    scheduler: str,
) -> list[Tile]:
    """Do the tiles, restarting a broken pool; return the tiles that were out when it broke."""
    lost: list[Tile] = []
    waiting = iter(tiles)
    finished = False
    while not finished:
        with _executor(scheduler, workers) as executor:
            broken = _drain(executor, waiting, work, done, IN_FLIGHT_PER_WORKER * workers)
        lost.extend(broken)
        finished = not broken
    return sorted(lost, key=lambda tile: tile.name)


def _drain(
    executor: Executor,
    waiting: Iterator[Tile],
    work: Callable[[Tile], T],
    done: Callable[[Tile, T | TileFailure], None],
    most: int,
) -> list[Tile]:
    """Keep an executor busy until the tiles are used up or it breaks; return the tiles lost."""
    out: dict[Future[T], Tile] = {}
    lost: list[Tile] = []
    try:
        while True:
            if not lost:
                lost.extend(_hand_out(executor, waiting, work, out, most))
            if not out:
                return lost
            for future in wait(out, return_when=FIRST_COMPLETED).done:
                tile = out.pop(future)
                try:
                    result = _outcome(future, tile)
                except BrokenExecutor:
                    lost.append(tile)
                    continue
                done(tile, result)
    finally:
        for future in out:
            future.cancel()


def _outcome(future: Future[T], tile: Tile) -> T | TileFailure:
    """Return what became of a tile; BrokenExecutor means that its worker died."""
    try:
        return future.result()
    except IntegrityError as error:  # an input was swapped under the run: no tile can be trusted
        error.add_note(f"while working on tile {tile.name}")
        raise
    except ChangeDetectError as error:
        return TileFailure(tile, error)
    except BrokenExecutor:
        raise
    except MemoryError as error:
        msg = (
            f"tile {tile.name}: memory ran out; "
            "use smaller tiles (--tile) or fewer workers (--workers)"
        )
        return TileFailure(tile, ResourceError(f"{msg} ({error})" if str(error) else msg))
    except Exception as error:
        if type(error).__name__ == "KilledWorker":  # dask.distributed's word for it
            raise BrokenExecutor from error
        error.add_note(f"while working on tile {tile.name}, core {tile.core}")
        raise


def _hand_out(
    executor: Executor,
    waiting: Iterator[Tile],
    work: Callable[[Tile], T],
    out: dict[Future[T], Tile],
    most: int,
) -> list[Tile]:
    """Submit tiles up to the limit; return the tile at which the executor turned out broken."""
    for tile in islice(waiting, most - len(out)):
        try:
            out[executor.submit(work, tile)] = tile
        except BrokenExecutor:
            return [tile]
    return []


def _executor(scheduler: str, workers: int) -> AbstractContextManager[Executor]:
    if scheduler == "threads":
        return ThreadPoolExecutor(workers, thread_name_prefix="tile")
    if scheduler == "processes":
        return processes_of(workers, None)
    if scheduler.startswith(CLUSTER_SCHEMES):
        return _cluster(scheduler)
    msg = (
        f"scheduler {scheduler!r} is unknown; threads, processes, or the address of a dask "
        "scheduler (tcp://host:port) was expected; correct --scheduler"
    )
    raise ConfigError(msg)


@contextmanager
def _cluster(address: str) -> Iterator[Executor]:
    try:
        distributed = importlib.import_module("dask.distributed")
    except ImportError as error:
        msg = (
            f"scheduler {address}: dask's distributed is not installed; "
            "install it (pip install distributed), or use --scheduler threads"
        )
        raise ResourceError(msg) from error
    try:
        client = distributed.Client(address, set_as_default=False)
    except OSError as error:
        msg = (
            f"scheduler {address} can not be reached ({error}); "
            "a running dask scheduler was expected; check the address and the network"
        )
        raise ResourceError(msg) from error
    # pure=False: otherwise a tile done again would be answered from the failure remembered.
    with client, client.get_executor(pure=False) as executor:
        yield executor
