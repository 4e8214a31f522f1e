"""The whole monthly job on real images: Taizhou 2000 and 2003, with zones and approvals drawn here."""

import shutil
import sqlite3
from datetime import UTC, date, datetime

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from PIL import Image

from changedetect.config.job import JobConfig
from changedetect.io import record_files, vector_writer
from changedetect.pipeline.month import run_month
from changedetect.pipeline.runs.context import RunOptions
from changedetect.pipeline.runs.job import open_job
from changedetect.pipeline.runs.progress import Silent
from changedetect.records import Unit

CRS = "EPSG:32651"
COUNTIES = ("321291", "321292")
CONFIG = """
name: taizhou
grid: {crs: "EPSG:32651", resolution_m: 30.0, tile_px: 256}
scenes: {folder: scenes, sensors: [etm30m], pair_sensor: etm30m, lookback_days: 1200}
records:
  districts: {path: records/XZQ.gpkg, covers: ["321291", "321292"]}
  parcels: {path: records/DLTB.gpkg, as_of: "1999-12-31", covers: ["321291", "321292"]}
  basic_farmland: {path: records/YJJBNTBHTB.gpkg, as_of: "1999-12-31", covers: ["321291", "321292"]}
  red_line: {path: records/STBHHX.gpkg, as_of: "1999-12-31", covers: ["321291", "321292"]}
  town_boundary: {path: records/CZKFBJ.gpkg, as_of: "1999-12-31", covers: ["321291"]}
  approvals:
    NZY: {path: records/SP_NZY.gpkg, as_of: "2003-03-01", covers: ["321291", "321292"]}
themes: ["01", "02", "03", "07"]
"""


@pytest.fixture(scope="module")
def job_folder(real_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("taizhou")
    (folder / "scenes").mkdir()
    (folder / "records").mkdir()
    for name in ("2000TM", "2000TM.HDR", "2003TM", "2003TM.HDR"):
        shutil.copy(real_data / "landsat_taizhou" / name, folder / "scenes" / name)
    with rasterio.open(folder / "scenes" / "2000TM", driver="ENVI") as image:
        west, south, east, north = image.bounds
    middle = (west + east) / 2
    left, right = shapely.box(west, south, middle, north), shapely.box(middle, south, east, north)

    def layer(name, rows, **columns):
        table = gpd.GeoDataFrame({**columns, "geometry": rows}, geometry="geometry", crs=CRS)
        vector_writer.write_geopackage(folder / "records" / f"{name}.gpkg", {name: table}, crs=CRS)

    layer("XZQ", [left, right], XZQDM=list(COUNTIES), XZQMC=["左县", "右县"])
    cells = [
        shapely.box(x, y, min(x + 600, east), min(y + 600, north))
        for x in np.arange(west, east, 600.0)
        for y in np.arange(south, north, 600.0)
    ]
    classes = [("0101", "0103", "1104")[i % 3] for i in range(len(cells))]
    layer(
        "DLTB",
        cells,
        BSM=[str(i) for i in range(len(cells))],
        DLBM=classes,
        CZCSXM=[None] * len(cells),
    )
    layer("YJJBNTBHTB", [shapely.box(west, south, east, (south + north) / 2)], YJJBNTTBBH=["1"])
    layer(
        "STBHHX",
        [shapely.box(west, north - 1500, west + 1500, north)],
        HXBM=["1"],
        HXMC=["核心保护区"],
    )
    layer("CZKFBJ", [left], BSM=["1"], MC=["城镇"])
    layer(
        "SP_NZY", [right], BSM=["1"], PZWH=["苏政地(1999)1号"], PZJG=["省政府"], PZRQ=[date(1999, 6, 1)],
        YXQZ=[None], XMMC=["新区"], YDDW=["新区管委会"], SPMJ=[right.area],
    )  # fmt: skip
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def report(job_folder):
    return run_month(
        open_job(job_folder / "config.yaml"),
        "2003-02",
        RunOptions(out=job_folder / "runs", workers=2, actor="test"),
        progress=Silent(),
        clock=lambda: datetime(2003, 3, 1, tzinfo=UTC),
    )


def test_month__reaches_packages_of_both_counties(report, job_folder):
    assert report.exit_code == 0, report.problems
    assert isinstance(open_job(job_folder / "config.yaml").config, JobConfig)
    packages = [line for line in report.facts()["packages"] if line.endswith(".gpkg")]
    assert [path.rsplit("/", 1)[-1] for path in packages] == [
        f"{code}_200302_AJ.gpkg" for code in COUNTIES
    ]


def test_month__finds_the_labelled_change(report, real_data):
    with rasterio.open(real_data / "landsat_taizhou" / "2000TM", driver="ENVI") as image:
        rows, cols = np.indices(image.shape)
        a, _, c, _, e, f, *_ = image.transform
        x, y = c + a * (cols.ravel() + 0.5), f + e * (rows.ravel() + 0.5)
    with rasterio.open(report.folder / "change.tif") as raster:
        a, _, c, _, e, f, *_ = raster.transform
        there = (x - c) / a, (y - f) / e
        change = raster.read(1)[np.int64(there[1]), np.int64(there[0])].reshape(rows.shape)
    changed, unchanged = (
        np.asarray(Image.open(real_data / "landsat_taizhou" / name).convert("L")) > 128
        for name in ("change.bmp", "unchanged.bmp")
    )
    recall, false_alarms = (change[changed] == 1).mean(), (change[unchanged] == 1).mean()
    print(f"Taizhou by the monthly job: recall {recall:.4f}, false alarms {false_alarms:.4f}")
    # The product grid lies on whole multiples of 30 m, half a pixel from these images, and patches
    # below 8 pixels are specks: the pair alone, on its own grid, is scored in test_taizhou.py.
    assert recall >= 0.85
    assert false_alarms <= 0.01


def test_month__areas_close_and_every_unit_has_a_county(report):
    units = record_files.read_records(report.folder / "units.json", Unit)
    assert units
    for unit in units:
        parts = unit.areas
        total = (
            parts.cropland
            + parts.other_agricultural
            + parts.construction
            + parts.unused
            + parts.unknown
        )
        assert total == pytest.approx(unit.area_m2, abs=0.01 * 2000 / 3)
        assert unit.district in COUNTIES


def test_month__packages_open_and_name_what_is_unknown(report):
    folder = report.folder / "packages"
    for code in COUNTIES:
        file = folder / f"{code}_200302" / f"{code}_200302_AJ.gpkg"
        with sqlite3.connect(file) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert database.execute("SELECT count(*) FROM AJTB").fetchone()[0] > 0
            states = dict(database.execute("SELECT TCMC, FGZT FROM SJQD").fetchall())
        database.close()
        assert (states["CZKFBJ"] == states["DLTB"]) == (code == COUNTIES[0])
