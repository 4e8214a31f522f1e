import os
import threading
import types
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest

from changedetect.errors import ConfigError, ResourceError, SceneError
from changedetect.grid import Grid
from changedetect.tiling import IN_FLIGHT_PER_WORKER, TileFailure, run_tiles

GRID = Grid("EPSG:4547", (2.0, 0.0, 0.0, 0.0, -2.0, 0.0), 50, 40)
TILES = list(GRID.tiles(10, 0))
BAD = TILES[7].name


def corner(tile):
    return tile.core.row * 100 + tile.core.col


def corner_or_scene_error(tile):
    if tile.name == BAD:
        msg = f"{tile.name} is cut short"
        raise SceneError(msg)
    return corner(tile)


def corner_or_death(tile):
    if tile.name == BAD:
        os._exit(9)
    return corner(tile)


def corner_or_bug(tile):
    if tile.name == BAD:
        msg = "a bug"
        raise KeyError(msg)
    return corner(tile)


def collect(work, **options):
    found = {}
    threads = set()

    def done(tile, result):
        threads.add(threading.get_ident())
        assert tile.name not in found
        found[tile.name] = result

    run_tiles(TILES, work, done=done, **options)
    assert threads == {threading.get_ident()}
    return found


def test_run_tiles__gives_every_tile_once_whatever_the_workers():
    expected = {tile.name: corner(tile) for tile in TILES}
    assert collect(corner, workers=1) == expected
    assert collect(corner, workers=3) == expected
    assert collect(corner, workers=2, scheduler="processes") == expected


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_run_tiles__one_bad_tile_does_not_end_the_rest(scheduler):
    found = collect(corner_or_scene_error, workers=2, scheduler=scheduler)
    failure = found.pop(BAD)
    assert isinstance(failure, TileFailure)
    assert isinstance(failure.error, SceneError)
    assert failure.tile == TILES[7]
    assert found == {tile.name: corner(tile) for tile in TILES if tile.name != BAD}


def test_run_tiles__a_tile_that_kills_its_worker_fails_alone():
    found = collect(corner_or_death, workers=1, scheduler="processes")
    failure = found.pop(BAD)
    assert isinstance(failure.error, ResourceError)
    assert BAD in str(failure.error)
    assert found == {tile.name: corner(tile) for tile in TILES if tile.name != BAD}


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_run_tiles__a_bug_comes_through_and_names_the_tile(scheduler):
    with pytest.raises(KeyError) as caught:
        collect(corner_or_bug, workers=2, scheduler=scheduler)
    assert any(BAD in note for note in caught.value.__notes__)


def test_run_tiles__an_error_of_the_receiver_comes_through():
    def done(_tile, _result):
        msg = "disk full"
        raise OSError(msg)

    with pytest.raises(OSError, match="disk full"):
        run_tiles(TILES, corner, workers=2, done=done)


def test_run_tiles__stops_for_the_keyboard_without_starting_what_waits():
    started = []

    def work(tile):
        started.append(tile.name)

    def done(_tile, _result):
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        run_tiles(TILES, work, workers=1, done=done)
    assert len(started) <= IN_FLIGHT_PER_WORKER
    assert threading.active_count() == before


def test_run_tiles__keeps_few_results():
    out = []
    most = 0

    def work(tile):
        out.append(tile)
        return tile.name

    def done(tile, _result):
        nonlocal most
        most = max(most, len(out))
        out.remove(tile)

    run_tiles(TILES, work, workers=2, done=done)
    assert most <= IN_FLIGHT_PER_WORKER * 2
    assert out == []


def test_run_tiles__of_nothing_does_nothing():
    run_tiles([], corner, workers=2, done=pytest.fail)


def test_run_tiles__refuses_what_it_does_not_know():
    with pytest.raises(ConfigError, match="'thread' is unknown"):
        collect(corner, workers=1, scheduler="thread")
    with pytest.raises(ConfigError, match="workers is 0"):
        collect(corner, workers=0)


def test_run_tiles__a_tile_without_memory_fails_alone():
    def work(tile):
        if tile.name == BAD:
            raise MemoryError
        return corner(tile)

    found = collect(work, workers=2)
    assert isinstance(found.pop(BAD).error, ResourceError)
    assert len(found) == len(TILES) - 1


class KilledWorker(Exception):  # noqa: N818 - dask.distributed's name
    pass


class FakeClient:
    """What run_tiles uses of dask.distributed, on a thread pool."""

    opened: ClassVar[list[str]] = []
    closed: ClassVar[list[str]] = []

    def __init__(self, address, *, set_as_default):
        assert not set_as_default
        if address == "tcp://nobody:1":
            msg = "Timed out"
            raise OSError(msg)
        self.address = address
        self.opened.append(address)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.closed.append(self.address)

    def get_executor(self, *, pure):
        assert not pure
        return ThreadPoolExecutor(2)


def test_run_tiles__uses_and_leaves_a_cluster(monkeypatch):
    fake = types.SimpleNamespace(Client=FakeClient)
    monkeypatch.setattr(
        "changedetect.tiling.tiles.importlib.import_module", {"dask.distributed": fake}.get
    )

    def work(tile):
        if tile.name == BAD:
            raise KilledWorker
        return corner(tile)

    found = collect(work, workers=4, scheduler="tcp://10.0.0.1:8786")
    assert isinstance(found.pop(BAD).error, ResourceError)
    assert found == {tile.name: corner(tile) for tile in TILES if tile.name != BAD}
    assert FakeClient.closed == FakeClient.opened != []
    with pytest.raises(ResourceError, match="tcp://nobody:1 can not be reached"):
        collect(corner, workers=1, scheduler="tcp://nobody:1")


def test_run_tiles__says_what_a_cluster_needs(monkeypatch):
    def absent(_name):
        raise ImportError

    monkeypatch.setattr("changedetect.tiling.tiles.importlib.import_module", absent)
    with pytest.raises(ResourceError, match="pip install distributed"):
        collect(corner, workers=1, scheduler="tcp://127.0.0.1:1")
