"""Kernels compiled by a process apart: what it tries is the run's own pair, and nothing of it counts."""

import importlib
import os
import sys

import pytest

from changedetect.bench import generated, jobs
from changedetect.errors import ResourceError, SceneError
from changedetect.io.compiled import is_compiled
from changedetect.kernels.distance import distance_rows
from changedetect.pipeline.sources import warming

KERNEL = """
from changedetect.kernels._jit import kernel

@kernel
def doubled(x):
    return 2 * x
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A generated pair, its grid and the sections on which detection rests."""
    folder = tmp_path_factory.mktemp("warming")
    generated.make_job(folder / "job", generated.Plan(900, blobs=9))
    task = jobs.Task(folder / "job" / "config.yaml", generated.MONTH, 1)
    job, territory, pair = jobs.opened(task, folder / "run")
    return job.scenes_folder, pair, territory.grid, jobs.settings_of(job)


def test_is_compiled__from_the_first_call_on_until_the_source_changes(tmp_path, monkeypatch):
    source = tmp_path / "doubling.py"
    source.write_text(KERNEL)
    monkeypatch.syspath_prepend(str(tmp_path))
    doubled = importlib.import_module("doubling").doubled
    assert not is_compiled(doubled)
    assert doubled(3) == 6
    assert is_compiled(doubled)
    later = source.stat().st_mtime + 60
    os.utime(source, (later, later))
    assert not is_compiled(doubled)
    del sys.modules["doubling"]


def test_compile_apart__fits_and_compares_the_middle_of_the_pair(scene, monkeypatch):
    tried = []

    def here(grid, trial, name):
        tried.append((grid, trial(grid), name))

    monkeypatch.setattr(warming, "is_compiled", lambda _: False)
    monkeypatch.setattr(warming, "apart", here)
    warming.compile_apart(*scene)
    ((grid, found, _),) = tried
    assert found is None
    assert (grid.height, grid.width) == (warming.SIDE_PX, warming.SIDE_PX)
    assert grid.transform == scene[2].sub(jobs.Window(66, 66, 1, 1)).transform
    assert is_compiled(distance_rows)


def test_compile_apart__starts_nothing_where_kernels_lie_on_disk(scene, monkeypatch):
    monkeypatch.setattr(warming, "is_compiled", lambda _: True)
    monkeypatch.setattr(warming, "apart", lambda *_: pytest.fail("a process was started"))
    warming.compile_apart(*scene)


@pytest.mark.parametrize("error", [SceneError, ResourceError, OSError, ValueError])
def test_compile_apart__what_fails_there_is_left_to_the_run(scene, monkeypatch, error):
    def fails(*_):
        raise error("of a trial")

    monkeypatch.setattr(warming, "is_compiled", lambda _: False)
    monkeypatch.setattr(warming, "apart", fails)
    warming.compile_apart(*scene)


def test_compile_apart__in_a_process(scene, monkeypatch):
    begun = []
    real = warming.apart
    monkeypatch.setattr(warming, "is_compiled", lambda _: False)
    monkeypatch.setattr(warming, "apart", lambda *given: begun.append(real(*given)))
    warming.compile_apart(*scene)
    assert begun == [None]
