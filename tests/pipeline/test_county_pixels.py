"""Counties that do not fill the grid, several pairs, and blocks that can not be read."""

import shutil

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely

from changedetect.errors import IntegrityError, SceneError
from changedetect.grid import Grid
from changedetect.io import record_files, vector_writer
from changedetect.io.rasters import RasterReader
from changedetect.pipeline.runs.job import open_job
from changedetect.pipeline.runs.month_files import UNOBSERVED
from changedetect.pipeline.runs.territory import read_territory
from changedetect.pipeline.sources import fittedpair, pairfits
from changedetect.pipeline.steps import detection
from changedetect.records import UnobservedArea
from tests.pipeline import tiny_job
from tests.pipeline.test_same_bytes import DETECTED, results

WEST, SOUTH, EAST, NORTH = tiny_job.GRID.bounds
SIDE_M = 171.0
COUNTIES = (
    shapely.box(WEST, NORTH - SIDE_M, WEST + SIDE_M, NORTH),
    shapely.box(EAST - SIDE_M, SOUTH, EAST, SOUTH + SIDE_M),
)


@pytest.fixture
def diagonal(tiny):
    """Two counties in opposite corners of the grid."""
    rows = {"XZQDM": [tiny_job.WEST, tiny_job.EAST], "XZQMC": ["甲县", "乙县"]}
    table = gpd.GeoDataFrame(rows, geometry=list(COUNTIES), crs=tiny_job.CRS)
    path = tiny.parent / "records" / "XZQ.gpkg"
    vector_writer.write_geopackage(path, {"XZQ": table}, crs=tiny_job.CRS, overwrite=True)
    return tiny


def detect(config, **chosen):
    tiny_job.run(config, only="scenes", **chosen)
    return tiny_job.run(config, only="detect", **chosen)


def test_counties__at_the_diagonal_give_the_same_bytes_for_every_tile_size(diagonal):
    found = []
    for size in (64, 2048):
        report = detect(diagonal, tile_px=size)
        found.append({name: results(diagonal)[name] for name in DETECTED})
        shutil.rmtree(diagonal.parent / "out")
    assert found[0] == found[1]
    facts = report.facts()["steps"]["detect"]
    inside = read_territory(open_job(diagonal)).land.inside(tiny_job.GRID.window)
    assert facts["observed_px"] + facts["unobserved_px"] == int(inside.sum())
    assert inside.sum() * 4 == pytest.approx(2 * SIDE_M**2, rel=0.02)


def test_counties__nothing_is_said_of_ground_outside(diagonal):
    detect(diagonal)
    folder = diagonal.parent / "out" / tiny_job.MONTH
    outside = ~read_territory(open_job(diagonal)).land.inside(tiny_job.GRID.window)
    with rasterio.open(folder / "change.tif") as image:
        assert (image.read(1)[outside] == 255).all()
    patches = vector_writer.read_geopackage(folder / "patches.gpkg", "patches")
    unobserved = record_files.read_records(folder / UNOBSERVED, UnobservedArea)
    ours = shapely.union_all(COUNTIES).buffer(2)
    assert len(patches) >= 2
    assert all(ours.contains(shape) for shape in patches.geometry)
    assert all(ours.contains(area.geometry) for area in unobserved)


def unreadable(monkeypatch, name, error):
    """Let every read of one image fail, once the models are fitted."""

    def broken(read):
        def fail(self, scene, *given):
            if scene.scene_id == name:
                raise error
            return read(self, scene, *given)

        return fail

    run_tiles = detection.run_tiles
    ways = {way: getattr(RasterReader, way) for way in ("read", "read_stored")}

    def late(*args):
        for way, read in ways.items():
            monkeypatch.setattr(RasterReader, way, broken(read))
        return run_tiles(*args)

    monkeypatch.setattr(detection, "run_tiles", late)


def test_block__that_can_not_be_read_costs_its_pair_only(tiny, monkeypatch):
    older = tiny.parent / "scenes" / "PMS2M_20250401.tif"
    tiny_job.write_image(older, np.maximum(tiny_job.ground()[0], 2) - 1)
    tiny_job.run(tiny, only="scenes")
    unreadable(monkeypatch, "PMS2M_20250512", SceneError("the block is damaged"))
    report = tiny_job.run(tiny, only="detect", tile_px=2048)
    assert report.exit_code == 3
    line = next(line for line in report.problems if "the block is damaged" in line)
    assert "tile r000000c000000: pair PMS2M_20250512__PMS2M_20250618 left out" in line
    facts = report.facts()["steps"]["detect"]
    assert facts["observed_px"] > 0.8 * 220 * 180, "the other pair was used"
    monkeypatch.undo()
    again = tiny_job.run(tiny, only="detect", tile_px=2048, overwrite=True)
    assert again.exit_code == 0, "what failed is tried again, not taken from the tile's file"


def test_block__changed_stored_data_end_the_run(tiny, monkeypatch):
    tiny_job.run(tiny, only="scenes")
    unreadable(monkeypatch, "PMS2M_20250512", IntegrityError("sha256 differs"))
    with pytest.raises(IntegrityError, match="sha256 differs"):
        tiny_job.run(tiny, only="detect")


def test_pairs__a_refused_one_gives_its_place_to_the_next(tiny, monkeypatch):
    """With one pair wanted an image, the second candidate is fitted where the first is refused."""
    tiny_job.run(tiny, only="scenes")
    names = []

    class Context:
        class job:  # noqa: N801 - stands for an object
            scenes_folder = tiny.parent / "scenes"

            class config:  # noqa: N801
                class scenes:  # noqa: N801
                    pairs_per_month = 1

        class options:  # noqa: N801
            worker_count = 1

        folder = tiny.parent
        settings = None
        progress = tiny_job.Silent()

    def fit(_reader, pair, *_):
        names.append(pair.name)
        if pair.name == "a":
            raise SceneError("clouded")
        return fittedpair.FittedPair(pair, type("P", (), {"notes": ()})(), None)

    monkeypatch.setattr(pairfits, "fit", fit)
    grid = Grid("EPSG:4547", (2.0, 0.0, 0.0, 0.0, -2.0, 0.0), 10, 10)
    scene = type("S", (), {"scene_id": "after", "grid": grid})
    pairs = [type("P", (), {"name": name, "before": scene, "after": scene}) for name in "abc"]
    fitted, refused = pairfits.fit_all(Context, pairs, None)
    assert [one.pair.name for one in fitted] == ["b"]
    assert names == ["a", "b"]
    assert refused == ("pair a left out: clouded",)
