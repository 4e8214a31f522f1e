"""A dask cluster of processes of its own, on this machine: the same results, the same bytes."""

import json
import os
import subprocess
import sys
import time

import pytest

from changedetect.errors import ResourceError, SceneError
from changedetect.grid import Grid
from changedetect.tiling import TileFailure, run_tiles
from tests.pipeline import tiny_job
from tests.pipeline.job_fixtures import tiny, tiny_base, whole  # noqa: F401
from tests.tile_corners import BAD, corner, corner_or_scene_error

pytest.importorskip("distributed")

GRID = Grid("EPSG:4547", (2.0, 0.0, 0.0, 0.0, -2.0, 0.0), 50, 40)
TILES = list(GRID.tiles(10, 0))
PATIENCE_S = 90


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, repository):
    """Address of a scheduler with two workers, three processes in all."""
    place = tmp_path_factory.mktemp("cluster")
    file = place / "scheduler.json"
    common = ["--scheduler-file", str(file), "--no-dashboard"]
    environment = {
        **os.environ, "PYTHONPATH": str(repository), "DASK_TEMPORARY_DIRECTORY": str(place),
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip

    def start(program, *arguments):
        command = [sys.executable, "-m", f"distributed.cli.{program}", *common, *arguments]
        return subprocess.Popen(
            command,
            env=environment,
            cwd=place,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    processes = [start("dask_scheduler", "--host", "127.0.0.1", "--port", "0")]
    try:
        until = time.monotonic() + PATIENCE_S
        while not (file.exists() and file.read_text().strip().endswith("}")):
            assert time.monotonic() < until, "the scheduler did not come up"
            assert processes[0].poll() is None
            time.sleep(0.1)
        worker = ("--nthreads", "1", "--nworkers", "1", "--no-nanny", "--host", "127.0.0.1")
        processes += [start("dask_worker", *worker) for _ in range(2)]
        yield json.loads(file.read_text())["address"]
    finally:
        for process in processes:
            process.kill()  # they keep nothing, and wait long for one another when asked
        for process in processes:
            process.wait(PATIENCE_S)


def collect(work, address):
    found = {}
    run_tiles(
        TILES,
        work,
        workers=2,
        scheduler=address,
        done=lambda tile, result: found.update({tile.name: result}),
    )
    return found


def test_cluster__does_every_tile_in_processes_of_its_own(cluster):
    found = collect(corner, cluster)
    assert {name: value for name, (value, _) in found.items()} == {
        tile.name: corner(tile)[0] for tile in TILES
    }
    assert os.getpid() not in {pid for _, pid in found.values()}


def test_cluster__one_bad_tile_does_not_end_the_rest(cluster):
    found = collect(corner_or_scene_error, cluster)
    failure = found.pop(BAD)
    assert isinstance(failure, TileFailure)
    assert isinstance(failure.error, SceneError)
    assert len(found) == len(TILES) - 1


def test_cluster__a_month_has_the_same_bytes(cluster, tiny, whole):  # noqa: F811
    for name in ("scenes", "detect"):
        tiny_job.run(tiny, only=name, tile_px=64, workers=2, scheduler=cluster)
    month = tiny.parent / "out" / tiny_job.MONTH
    expected = tiny_job.digests(whole.parent / "out" / tiny_job.MONTH)
    for name in ("evidence.tif", "change.tif", "patches.gpkg", "patches.npz", "unobserved.json"):
        assert tiny_job.digests(month)[name] == expected[name], name


def test_cluster__an_address_without_a_scheduler_is_named():
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(ResourceError, match=r"tcp://127\.0\.0\.1:9 can not be reached"),
    ):
        collect(corner, "tcp://127.0.0.1:9")
