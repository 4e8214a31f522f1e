"""Counties checked and delivered in several processes: the bytes of one, whatever happens on the way."""

import json
import os
import shutil
import signal
from dataclasses import dataclass

import geopandas as gpd
import pytest
import shapely

from changedetect.errors import LayerError
from changedetect.pipeline.ledger import handout
from changedetect.pipeline.runs import spread
from changedetect.pipeline.runs.context import RunOptions
from changedetect.pipeline.runs.month_files import UNITS
from changedetect.pipeline.steps import checking, delivery
from tests.pipeline import tiny_job
from tests.pipeline.bad_counties import DyingOnce, WrongCounty
from tests.pipeline.killed import die, signal_that_ended

EMPTY = "431003"
"""A county without a patch, between others."""


def add_county(config):
    """Cut the empty ground along the southern edge off both counties; it becomes a third one."""
    path = config.parent / "records" / "XZQ.gpkg"
    west, south, east, _ = tiny_job.GRID.bounds
    strip = shapely.box(west, south, east, south + 16)
    table = gpd.GeoDataFrame.from_file(path)
    shapes = [shape.difference(strip) for shape in table.geometry]
    tiny_job.write_layer(
        path,
        [
            *({"XZQDM": row.XZQDM, "XZQMC": row.XZQMC} for row in table.itertuples()),
            {"XZQDM": EMPTY, "XZQMC": "丙县"},
        ],
        [*shapes, strip],
    )
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace('"431002"]', f'"431002", "{EMPTY}"]'), encoding="utf-8")


@pytest.fixture(scope="module")
def before(tiny_base, tmp_path_factory):
    """A job of three counties, done up to its classes; tests leave it as it is."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        tiny_job.use_model(tiny_base, monkeypatch)
        config = tiny_job.copy_job(tiny_base, tmp_path_factory.mktemp("three") / "job")
        add_county(config)
        for name in ("scenes", "detect", "classify"):
            tiny_job.run(config, only=name)
    return config


@pytest.fixture(scope="module")
def entered(before, tmp_path_factory):
    """The same job done up to its cases, in one process."""
    config = copied(before, tmp_path_factory.mktemp("alone"))
    for name in ("check", "cases"):
        tiny_job.run(config, only=name)
    return config


@pytest.fixture(scope="module")
def expected(entered, tmp_path_factory):
    """Digests of the whole month, done in one process."""
    config = copied(entered, tmp_path_factory.mktemp("whole"))
    tiny_job.run(config, only="deliver")
    return results(config)


@pytest.fixture
def three(before, tmp_path, monkeypatch):
    """A copy of the job, done up to its classes, in which every patch and case is worth a process."""
    worth_it(monkeypatch.setattr)
    return copied(before, tmp_path)


@pytest.fixture
def due(entered, tmp_path, monkeypatch):
    """A copy of the job whose packages are still to be written."""
    worth_it(monkeypatch.setattr)
    return copied(entered, tmp_path)


def finish(config, *names, **chosen):
    """Do the last steps of the month."""
    return [tiny_job.run(config, only=name, **chosen) for name in names][-1]


REST = ("check", "cases", "deliver")


def worth_it(put):
    for module in (checking, delivery):
        put(module, "WORTH_A_PROCESS", 1)


def copied(config, folder):
    shutil.copytree(config.parent, folder / "job")
    return folder / "job" / "config.yaml"


def month_of(config):
    return config.parent / "out" / tiny_job.MONTH


def results(config):
    return tiny_job.digests(month_of(config))


@dataclass
class Heard:
    """Keeps what a run tells, in order."""

    lines: list

    def begin(self, step, total):
        self.lines.append(("begin", step, total))

    def advance(self, step, detail=""):
        self.lines.append(("advance", step, detail))

    def end(self, step, summary):
        self.lines.append(("end", step, summary))

    def warn(self, message):
        self.lines.append(("warn", message))


@pytest.mark.parametrize("workers", [2, 3])
def test_counties__give_the_same_bytes_and_tell_the_same_from_any_number_of_processes(
    three, expected, monkeypatch, workers
):
    asked = []
    run = checking.in_processes

    def heard_of(*given, **chosen):
        asked.append(chosen["processes"])
        run(*given, **chosen)

    for step in (checking, delivery):
        monkeypatch.setattr(step, "in_processes", heard_of)
    heard = Heard([])
    report = finish(three, *REST, workers=workers, progress=heard)
    assert asked == [workers, workers]
    assert results(three) == expected
    packages = {name.split("/")[1] for name in expected if name.startswith("packages/43")}
    assert len(packages) == 3
    codes = [tiny_job.WEST, tiny_job.EAST, EMPTY]
    for step in ("check", "deliver"):
        told = [line[1:] for line in heard.lines if line[0] == "advance" and line[1] == step]
        assert told == [(step, code) for code in codes]
    assert report.exit_code == 0


def test_world__has_a_patch_on_a_border_and_a_county_without_any(entered):
    units = json.loads((month_of(entered) / UNITS).read_text())
    ids = [unit["unit_id"] for unit in units]
    shared = {name.rpartition("-")[0] for name in ids if name.endswith(f"-{tiny_job.EAST}")}
    assert any(f"{name}-{tiny_job.WEST}" in ids for name in shared)
    assert EMPTY not in {unit["district"] for unit in units}


@pytest.mark.parametrize("workers", [1, 2])
def test_check__a_county_that_fails_is_named_and_nothing_is_taken_for_finished(
    three, expected, monkeypatch, workers
):
    with monkeypatch.context() as patched:
        patched.setattr(checking, "CountyCheck", WrongCounty)
        with pytest.raises(LayerError, match="county 431002: its parcels cross"):
            finish(three, "check", workers=workers)
    steps = json.loads((month_of(three) / "run.json").read_text())["steps"]
    assert [step["name"] for step in steps] == ["classify", "detect", "scenes"]
    assert not (month_of(three) / UNITS).exists()
    assert not list(month_of(three).glob(".shelf-*"))
    finish(three, *REST)
    assert results(three) == expected


def test_deliver__a_county_that_is_refused_is_kept_back_and_the_others_go_out(due, expected):
    place = month_of(due) / "packages" / f"{tiny_job.EAST}_202506"
    place.mkdir(parents=True)
    held = place / f"{place.name}_AJ.gpkg-wal"
    held.write_bytes(b"")
    report = finish(due, "deliver", workers=2)
    (problem,) = report.problems
    assert problem.startswith("county 431002 乙县 was not delivered this time: ")
    assert held.name in problem
    assert not (place / "manifest.json").exists()
    held.unlink()
    assert finish(due, "deliver", workers=2).exit_code == 0
    assert results(due) == expected


def test_deliver__a_process_that_is_killed_leaves_no_half_package(due, expected, monkeypatch):
    monkeypatch.setattr(delivery, "Packaging", DyingOnce)
    finish(due, "deliver", workers=2)
    assert results(due) == expected


def killed_at_swap(config, number):
    """Do the rest of the month in two processes and die when the n-th package is finished."""
    worth_it(setattr)
    swap, seen = handout.swap, []

    def deadly(run, stem):
        seen.append(stem)
        if len(seen) == number:
            die()
        swap(run, stem)

    handout.swap = deadly
    finish(config, "deliver", workers=2)


def test_deliver__a_run_that_is_killed_is_continued(due, expected):
    assert signal_that_ended(killed_at_swap, due, 2) == signal.SIGKILL
    assert len(list((month_of(due) / "packages").glob("43*"))) == 1
    finish(due, "deliver", workers=2)
    assert results(due) == expected


@pytest.mark.parametrize(
    ("workers", "counties", "pieces", "free", "expected"),
    [
        (4, 8, 100, 99, 4),
        (4, 3, 100, 99, 3),
        (4, 8, 29, 99, 2),
        (4, 8, 9, 99, 1),
        (1, 8, 100, 99, 1),
        (4, 1, 100, 99, 1),
        (4, 8, 100, 2, 2),
        (4, 8, 100, 0, 1),
    ],
)
def test_county_processes__are_no_more_than_workers_counties_work_and_memory(
    monkeypatch, workers, counties, pieces, free, expected
):
    @dataclass
    class Memory:
        available = free * spread.COUNTY_BYTES + 1

    monkeypatch.setattr(spread.psutil, "virtual_memory", Memory)
    options = RunOptions(workers=workers)
    assert spread.county_processes(options, counties, pieces, 10) == expected


def test_county_processes__of_a_cluster_stay_on_this_machine(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    options = RunOptions(workers=64, scheduler="tcp://far:8786")
    assert spread.county_processes(options, 100, 10_000, 10) == 2
