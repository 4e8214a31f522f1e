"""The cross-check county by county gives what it gives with everything in memory."""

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from changedetect.bench import generated, land
from changedetect.io import block_store, layer_source, record_files, vector_writer
from changedetect.pipeline.runs.job import open_job
from changedetect.pipeline.runs.territory import read_territory
from changedetect.pipeline.steps import classified, countywise
from changedetect.pipeline.steps.countywise import (
    PatchShelf,
    Spool,
    check_counties,
    shelf_folder,
    spooled,
)
from changedetect.pipeline.steps.references import Shelf, read_references
from changedetect.records import Unit
from changedetect.stages import crosscheck
from changedetect.stages.crosscheck.clusters import clusters

PLAN = land.LandPlan(3, 420)


def nudged(folder):
    """Patches of every awkward place: on borders, outside, far outside, and dense enough to cluster."""
    path = folder / land.CLASSIFIED
    table = vector_writer.read_geopackage(path, "patches")
    _, north = generated.CORNER
    side = PLAN.side_px * generated.RESOLUTION_M
    west = generated.CORNER[0]
    extra = [
        shapely.box(west + side - 20, north - 90, west + side + 30, north - 50),  # two counties
        shapely.box(west - 24, north - 120, west + 26, north - 80),  # a county and none
        shapely.box(west - 700, north - 160, west - 650, north - 120),  # none, near the first
        shapely.box(west + 9 * side, north - 160, west + 9 * side + 40, north - 120),  # none, far
        shapely.box(west - 640, north - 160, west - 610, north - 120),  # together with the third
        shapely.box(west + side - 20, north - 200, west + side - 2, north - 184),  # a cluster ...
        shapely.box(
            west + side + 2, north - 200, west + side + 20, north - 184
        ),  # ... over a border
        shapely.box(west + side + 60, north - 200, west + side + 78, north - 184),
    ]
    rows = table.iloc[: len(extra)].assign(
        patch_id=[f"X{k:012d}" for k in range(len(extra))],
        geometry=[shapely.MultiPolygon([shape]) for shape in extra],
        family="building",
        change_probability=0.95,
    )
    whole = gpd.GeoDataFrame(pd.concat([table, rows], ignore_index=True), crs=generated.CRS)
    vector_writer.write_geopackage(path, {"patches": whole}, crs=generated.CRS, overwrite=True)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    made = land.make_land(tmp_path_factory.mktemp("land"), PLAN)
    nudged(made.parent)
    return made


@pytest.fixture(scope="module")
def expected(config, tmp_path_factory):
    job = open_job(config)
    references, problems = read_references(job, read_territory(job))
    assert not problems
    patches = classified.read_classified(config.parent / land.CLASSIFIED)
    units = crosscheck.check(
        patches, references, job.themes, job.config.grid.crs, job.config.crosscheck
    )
    path = tmp_path_factory.mktemp("whole") / "units.json"
    record_files.write_records(path, units, Unit)
    return units, path.read_bytes(), crosscheck.cropland_m2(references)


def counties_of(config, folder):
    job = open_job(config)
    territory = read_territory(job)
    shelf = Shelf(job, territory, folder)
    patches = PatchShelf(config.parent / land.CLASSIFIED, territory, folder)
    counted = patches.clusters(job.themes, job.config.crosscheck)
    return job, check_counties(job, territory, shelf, patches, counted)


@pytest.mark.parametrize("size", [7, 100_000])
def test_counties__give_the_bytes_of_the_whole(config, expected, tmp_path, monkeypatch, size):
    monkeypatch.setattr(layer_source, "WHOLE_ROWS", min(size, 100))
    monkeypatch.setattr(layer_source, "PART_ROWS", 10 * size)
    monkeypatch.setattr(block_store, "BLOCK_ROWS", size)
    monkeypatch.setattr(classified, "PART_ROWS", size)
    _, counties = counties_of(config, tmp_path)
    spool = Spool()
    cropland = {}
    for county in counties:
        assert {unit.district for unit in county.units} <= {county.code, ""}
        spool.add(spooled(tmp_path, county.code, "patches", county.units, ()))
        cropland |= countywise.cropland_of(county)
    spool.publish(tmp_path / "units.json", tmp_path / "charges.json")
    units, whole, stock = expected
    assert (tmp_path / "units.json").read_bytes() == whole
    assert spool.facts()["units"] == len(units)
    assert cropland == stock
    assert (tmp_path / "charges.json").read_bytes() == b"[]\n"


def test_world__holds_every_awkward_place(expected):
    """Otherwise the test above says little."""
    units, _, stock = expected
    names = {unit.unit_id for unit in units}
    assert {"X000000000000-431001", "X000000000000-431002"} <= names
    assert {"X000000000001-431001", "X000000000001-000000"} <= names
    assert {unit.unit_id for unit in units if not unit.district} >= {
        "X000000000002",
        "X000000000003",
    }
    assert any(unit.approvals for unit in units)
    assert set(stock) == {"431001", "431002", "431003"}


def test_counties__read_no_parcels_of_far_counties(config, tmp_path, monkeypatch):
    monkeypatch.setattr(countywise, "MARGIN_M", 10.0)
    job, counties = counties_of(config, tmp_path)
    whole, _ = read_references(job, read_territory(job))
    for county in counties:
        if county.code == "431002":
            assert 0 < len(county.references.parcels) < 0.5 * len(whole.parcels)


def test_shelf_folder__is_gone_afterwards_and_so_is_that_of_a_killed_run(tmp_path):
    (tmp_path / ".shelf-old").mkdir()
    (tmp_path / ".shelf-old" / "x.blocks").write_bytes(b"1")
    with shelf_folder(tmp_path) as folder:
        assert folder.is_dir()
        assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    assert not list(Path(tmp_path).iterdir())


def test_clusters__are_those_of_parts_whatever_the_boxes(config, tmp_path):
    job = open_job(config)
    patches = PatchShelf(config.parent / land.CLASSIFIED, read_territory(job), tmp_path)
    table = classified.read_classified(config.parent / land.CLASSIFIED)
    cfg = job.config.crosscheck
    counted = patches.clusters(job.themes, cfg)
    districts = read_territory(job).districts
    parts = crosscheck.parts_of(table, districts, job.config.grid.crs, cfg)
    assert counted.of(table) == clusters(parts, job.themes, cfg)
    found = dict(zip(table["patch_id"], counted.sizes["05"].tolist(), strict=True))
    # Houses at 4 and 40 m from one another make one cluster, over a border; the strays another.
    assert {found[f"X{k:012d}"] for k in (5, 6, 7)} == {found["X000000000005"]}
    assert found["X000000000005"] >= 3
    assert found["X000000000002"] == found["X000000000004"] == 2
    assert 0 in found.values()
