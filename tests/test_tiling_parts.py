"""Pieces of work in processes of their own: in order, none outliving who started them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from changedetect.errors import InputError, ResourceError
from changedetect.grid import Grid
from changedetect.tiling import IN_FLIGHT_PER_WORKER, in_processes, in_turn, run_tiles, together
from tests.parts_work import Heavy, OnTile, Work
from tests.pipeline.killed import die, signal_that_ended


def name(piece):
    return f"piece {piece}"


PIECES = [0, 1, 2, 3, 4]


def others_busy(folder):
    """Keep two other processes at work when the caller is handed its first result."""
    return Work(folder, waits=(3, 4), follows=((2, 3), (2, 4)))


def collect(pieces, work, processes):
    found = []
    in_processes(
        pieces, work, lambda piece, result: found.append((piece, *result)), processes=processes,
        name=name,
    )  # fmt: skip
    return found


def started(folder, piece):
    """Wait until a piece has begun; return who does it."""
    while not (folder / str(piece)).exists():
        time.sleep(0.01)
    return int((folder / str(piece)).read_text().split()[0])


def is_gone(pid):
    try:
        psutil.Process(pid).wait(30)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


@pytest.mark.parametrize("processes", [1, 2, 9])
def test_in_processes__gives_every_piece_in_order_and_starts_no_more_than_are_needed(
    tmp_path, processes
):
    pieces = [3, 1, 4, 2]
    found = collect(pieces, Work(tmp_path), processes)
    assert [(piece, square) for piece, square, _ in found] == [(3, 9), (1, 1), (4, 16), (2, 4)]
    pids = {pid for *_, pid in found}
    assert len(pids) <= min(processes, len(pieces))
    assert os.getpid() in pids
    assert (len(pids) == 1) == (processes == 1)
    assert all(is_gone(pid) for pid in pids - {os.getpid()})


def test_in_processes__one_piece_needs_no_other_process(tmp_path):
    assert collect([5], Work(tmp_path), 4) == [(5, 25, os.getpid())]
    assert collect([], Work(tmp_path), 4) == []


@pytest.mark.parametrize("processes", [1, 2])
def test_in_processes__the_first_failure_in_order_ends_the_rest(tmp_path, processes):
    found = []
    work = Work(tmp_path, fails=1, waits=(2,))
    with pytest.raises(InputError, match="piece 1 is wrong"):
        in_processes(
            [0, 1, 2, 3], work, lambda piece, _: found.append(piece), processes=processes,
            name=name,
        )  # fmt: skip
    assert found == [0]
    others = [int(path.read_text().split()[0]) for path in tmp_path.iterdir()]
    assert all(is_gone(pid) for pid in others if pid != os.getpid())


def test_in_processes__what_stops_the_caller_stops_all(tmp_path):
    """As an interruption does, which arrives wherever the caller is."""

    def done(_piece, _result):
        raise SystemExit(130)

    with pytest.raises(SystemExit):
        in_processes(PIECES, others_busy(tmp_path), done, processes=3, name=name)
    assert all(is_gone(started(tmp_path, piece)) for piece in (3, 4))


def test_in_processes__a_process_that_dies_is_followed_by_one_at_a_time(tmp_path):
    found = collect([0, 1, 2, 3], Work(tmp_path, dies=0), 2)
    assert [(piece, square) for piece, square, _ in found] == [(0, 0), (1, 1), (2, 4), (3, 9)]
    assert (tmp_path / "0").read_text().split()[1] == "2"


def test_in_processes__one_that_dies_alone_as_well_is_named(tmp_path):
    with pytest.raises(ResourceError, match="piece 0: its process died"):
        collect([0, 1, 2, 3], Work(tmp_path, dies=0, times=9), 2)


UNGUARDED = """
import sys
from changedetect.errors import ResourceError
from changedetect.tiling import in_processes
from tests.parts_work import Heavy

if {condition}:
    try:
        in_processes([1, 2], Heavy(), print, processes=2, name="piece {{}}".format)
    except ResourceError as error:
        sys.exit(str(error))
"""
"""A program that its own processes run again as they start, and so die before they read their work."""


@pytest.mark.parametrize("condition", ["True", "__name__ == '__main__'"])
def test_in_processes__one_that_dies_before_it_reads_a_large_work_is_not_waited_for(
    tmp_path, condition
):
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED.format(condition=condition))
    root = str(Path(__file__).parents[1])
    said = subprocess.run(
        [sys.executable, str(script)], env=os.environ | {"PYTHONPATH": root}, timeout=120,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if condition == "True":
        assert "piece 1: its process died" in said.stderr
    else:
        assert said.stdout.split() == ["1", "1000001", "2", "1000002"]


def test_in_processes__a_large_work_arrives_whole():
    found = []
    in_processes([1, 2], Heavy(), lambda *one: found.append(one), processes=2, name=name)
    assert found == [(1, 1_000_001), (2, 1_000_002)]


def killed_amid(folder):
    """Die while two other processes are at work."""
    in_processes(PIECES, others_busy(folder), lambda *_: die(), processes=3, name=name)


def killed_amid_tiles(folder):
    """Die while two processes are at work on tiles."""

    def done(_tile, _result):
        started(folder, 1)
        started(folder, 2)
        die()

    grid = Grid("EPSG:4547", (2.0, 0.0, 0.0, 0.0, -2.0, 0.0), 30, 10)
    work = OnTile(Work(folder, waits=(1, 2)), 10)
    run_tiles(list(grid.tiles(10, 0)), work, workers=2, scheduler="processes", done=done)


@pytest.mark.parametrize(("amid", "busy"), [(killed_amid, (3, 4)), (killed_amid_tiles, (1, 2))])
def test_processes__none_outlives_a_killed_caller(tmp_path, amid, busy):
    assert signal_that_ended(amid, tmp_path) == signal.SIGKILL
    assert all(is_gone(started(tmp_path, piece)) for piece in busy)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_in_turn__gives_results_in_order_and_asks_for_few_pieces_ahead(workers):
    asked = []

    def pieces():
        for piece in range(40):
            asked.append(piece)
            yield piece

    for place, result in enumerate(in_turn(pieces(), lambda piece: piece**2, workers)):
        assert result == place**2
        assert len(asked) <= place + 1 + IN_FLIGHT_PER_WORKER * workers
    assert asked == list(range(40))


@pytest.mark.parametrize("workers", [1, 2])
def test_in_turn__what_a_piece_raises_is_raised_in_its_turn(workers):
    def work(piece):
        if piece == 3:
            msg = "piece 3"
            raise InputError(msg)
        return piece

    results = in_turn(range(9), work, workers)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(InputError, match="piece 3"):
        next(results)


@pytest.mark.parametrize("workers", [1, 2])
def test_together__gives_both_and_raises_what_either_raised(workers):
    def fails():
        msg = "the other"
        raise InputError(msg)

    assert together(lambda: 1, lambda: "a", workers) == (1, "a")
    with pytest.raises(InputError, match="the other"):
        together(lambda: 1, fails, workers)
