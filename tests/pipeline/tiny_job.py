"""A job small enough for every test: two counties of 440 x 360 m, a pair of images, records, truth."""

import hashlib
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from changedetect import measure
from changedetect.config.detection import TrainingSection
from changedetect.grid import Grid
from changedetect.io import model_store, raster_writer, vector_writer
from changedetect.pipeline.month import RunOptions, run_month
from changedetect.pipeline.runs.job import open_job
from changedetect.pipeline.runs.progress import Silent
from changedetect.pipeline.steps import classification
from changedetect.stages import classify

CRS = "EPSG:4547"
GRID = Grid(CRS, (2.0, 0.0, 500000.0, 0.0, -2.0, 3100000.0), 220, 180)
BORDER_X = 500221.0
MONTH = "2025-06"
BEFORE, AFTER = "PMS2M_20250512.tif", "PMS2M_20250618.tif"
BEFORE_DAY, AFTER_DAY = date(2025, 5, 12), date(2025, 6, 18)
WEST, EAST = "431001", "431002"
NOW = datetime(2025, 7, 1, 2, 0, tzinfo=UTC)
FORM = raster_writer.RasterForm("uint16", 0, ("blue", "green", "red", "nir"))
CLOUD_FORM = raster_writer.RasterForm("uint8", 255, ("0 clear, 1 cloud, 2 shadow",))


@dataclass(frozen=True)
class Planted:
    """A rectangle that changes: rows and columns [px], family, what the approvals say."""

    name: str
    row: int
    col: int
    height: int
    width: int
    situation: str

    @property
    def polygon(self):
        left, top = GRID.bounds[0] + 2 * self.col, GRID.bounds[3] - 2 * self.row
        return shapely.box(left, top - 2 * self.height, left + 2 * self.width, top)

    @property
    def slices(self):
        return slice(self.row, self.row + self.height), slice(self.col, self.col + self.width)


PLANTED = (
    Planted("open", 20, 20, 24, 30, "none"),
    Planted("border", 70, 98, 20, 26, "none"),
    Planted("hidden", 130, 30, 20, 20, "none"),
    Planted("approved", 24, 160, 22, 24, "valid"),
    Planted("late", 120, 165, 20, 26, "later"),
    Planted("small", 60, 180, 5, 7, "none"),
)
CLOUD = (slice(118, 162), slice(18, 62))
"""Covers `hidden` with room to spare."""

CONFIG = """\
# A hand-made job.
name: tiny
grid: {crs: "EPSG:4547", resolution_m: 2.0, tile_px: 2048}
scenes: {folder: scenes, sensors: [pms2m], pair_sensor: pms2m}
records:
  districts: {path: records/XZQ.gpkg, version: v1, as_of: "2025-01-01", covers: ["431001", "431002"]}
  parcels: {path: records/DLTB.gpkg, version: v1, as_of: "2025-01-01", covers: ["431001", "431002"]}
  basic_farmland: {path: records/YJJBNTBHTB.gpkg, version: v1, as_of: "2025-01-01", covers: ["431001", "431002"]}
  red_line: {path: records/STBHHX.gpkg, version: v1, as_of: "2025-01-01", covers: ["431001", "431002"]}
  approvals:
    NZY: {path: records/SP_NZY.gpkg, version: v1, as_of: "2025-06-30", covers: ["431001", "431002"]}
    GY: {path: records/SP_GY.gpkg, version: v1, as_of: "2025-06-30", covers: ["431001", "431002"]}
    SS: {path: records/SP_SS.gpkg, version: v1, as_of: "2025-06-30", covers: ["431001", "431002"]}
    ZJD: {path: records/SP_ZJD.gpkg, version: v1, as_of: "2025-06-30", covers: ["431001", "431002"]}
    ZJG: {path: records/SP_ZJG.gpkg, version: v1, as_of: "2025-06-30", covers: ["431001", "431002"]}
    DJ: {path: records/SP_DJ.gpkg, version: v1, as_of: "2025-06-30", covers: ["431001", "431002"]}
themes: ["01", "02", "03", "07"]
deliver: {chip_side_px: 64, thumbnail_px: 16, chip_min_side_m: 80.0}
"""


@cache
def ground():
    """Two images of textured fields with the planted rectangles, ``(4, y, x)`` uint16 each."""
    rng = np.random.default_rng(20250618)
    rows, cols = np.mgrid[: GRID.height, : GRID.width]
    field = (rows // 18 * 7 + cols // 22 * 5) % 6
    kinds = np.array(
        [
            [420, 700, 480, 3600], [520, 820, 700, 2900], [650, 900, 1000, 2300],
            [380, 620, 420, 4100], [800, 1050, 1250, 2000], [470, 760, 590, 3200],
        ],
        float,
    )  # fmt: skip
    rough = 1 + 0.06 * np.sin(rows / 2.3) * np.sin(cols / 3.1) + rng.normal(0, 0.03, rows.shape)
    land = kinds[field].transpose(2, 0, 1) * rough
    roof = np.array([2300.0, 2500, 2700, 2900])[:, None, None]
    after = land.copy()
    for one in PLANTED:
        after[:, *one.slices] = roof * rough[one.slices]
    images = []
    for picture, gain in ((land, 1.0), (after, 1.04)):
        noise = rng.normal(0, 25, land.shape)
        images.append(np.clip(picture * gain + noise, 1, 10000).astype(np.uint16))
    return images[0], images[1]


def write_image(path: Path, values, grid: Grid = GRID, form=FORM) -> None:
    raster_writer.write_cog_array(path, grid, values, form, overwrite=True)


def write_layer(path: Path, rows: list[dict], geometry: list, crs: str = CRS) -> None:
    table = gpd.GeoDataFrame(pd.DataFrame(rows), geometry=geometry, crs=crs)
    vector_writer.write_geopackage(path, {path.stem: table}, crs=crs, overwrite=True)


def approval(one: Planted, day: date, number: int) -> dict:
    return {
        "BSM": f"S{number:03d}", "PZWH": f"湘政土〔2025〕{number}号", "PZJG": "省自然资源厅",
        "PZRQ": day, "YXQZ": date(2030, 12, 31), "XMMC": "厂房", "YDDW": "某公司",
        "SPMJ": one.polygon.buffer(6).area,
    }  # fmt: skip


def _records(folder: Path) -> None:
    folder.mkdir(parents=True)
    west, south, east, north = GRID.bounds
    write_layer(
        folder / "XZQ.gpkg",
        [{"XZQDM": WEST, "XZQMC": "甲县"}, {"XZQDM": EAST, "XZQMC": "乙县"}],
        [shapely.box(west, south, BORDER_X, north), shapely.box(BORDER_X, south, east, north)],
    )
    half = (south + north) / 2
    write_layer(
        folder / "DLTB.gpkg",
        [
            {"BSM": "1", "DLBM": "0101", "CZCSXM": None},
            {"BSM": "2", "DLBM": "0103", "CZCSXM": None},
            {"BSM": "3", "DLBM": "0301", "CZCSXM": None},
        ],
        [
            shapely.box(west, half, BORDER_X - 40, north),
            shapely.box(BORDER_X - 40, half, east, north),
            shapely.box(west, south, east, half),
        ],
    )
    write_layer(
        folder / "YJJBNTBHTB.gpkg",
        [{"BSM": "1", "YJJBNTTBBH": "J1"}],
        [shapely.box(west, north - 120, west + 90, north)],
    )
    write_layer(
        folder / "STBHHX.gpkg",
        [{"BSM": "1", "HXMC": "一般红线"}],
        [shapely.box(east - 100, south, east, south + 130)],
    )
    by_name = {one.name: one for one in PLANTED}
    good, late = by_name["approved"], by_name["late"]
    for kind, first in (("NZY", 1), ("GY", 11)):
        write_layer(
            folder / f"SP_{kind}.gpkg",
            [approval(good, date(2025, 3, 3), first), approval(late, date(2025, 6, 25), first + 1)],
            [good.polygon.buffer(6), late.polygon.buffer(6)],
        )
    elsewhere = Planted("elsewhere", 170, 90, 6, 6, "none")
    for number, kind in enumerate(("SS", "ZJD", "ZJG", "DJ"), start=21):
        row = approval(elsewhere, date(2025, 3, 3), number)
        write_layer(folder / f"SP_{kind}.gpkg", [row], [elsewhere.polygon])


def _truth(path: Path) -> None:
    rows = [
        {
            "truth_id": one.name, "tblx": "20", "family": "building",
            "changed_on": date(2025, 6, 1), "area_m2": measure.area_m2(one.polygon, CRS),
            "legality": "legal" if one.situation == "valid" else "illegal",
            "excuse": "NZY" if one.situation == "valid" else None, "situation": one.situation,
        }
        for one in PLANTED
    ]  # fmt: skip
    table = gpd.GeoDataFrame(pd.DataFrame(rows), geometry=[one.polygon for one in PLANTED], crs=CRS)
    vector_writer.write_geopackage(path, {"changes": table}, crs=CRS, overwrite=True)


def build(folder: Path) -> Path:
    """Write the whole job and return its config file."""
    (folder / "scenes").mkdir(parents=True)
    _records(folder / "records")
    before, after = ground()
    write_image(folder / "scenes" / BEFORE, before)
    write_image(folder / "scenes" / AFTER, after)
    mask = np.zeros((GRID.height, GRID.width), np.uint8)
    mask[CLOUD] = 1
    write_image(folder / "scenes" / AFTER.replace(".tif", "_cloud.tif"), mask, form=CLOUD_FORM)
    _truth(folder / "truth.gpkg")
    config = folder / "config.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    return config


def build_model(folder: Path) -> None:
    """Train a model that calls everything that became brighter a building."""
    rng = np.random.default_rng(5)
    names = list(classify.FEATURE_NAMES)
    table = pd.DataFrame(rng.normal(0, 0.01, (80, len(names))), columns=names)
    changed = np.arange(80) % 2 == 0
    brighter = [name for name in names if "brightness" in name and "before" not in name]
    table.loc[changed, brighter] += 0.1
    table["f_llr_mean"] = np.where(changed, 6.0, 0.5)
    labels = ["building" if one else classify.PSEUDO for one in changed]
    cfg = TrainingSection(trees=12, learning_rate=0.4, min_leaf_patches=4, folds=2, min_examples=6)
    estimator, _ = classify.fit(table, labels, cfg, seed=1)
    model_store.save(folder, "patch_classes", estimator, {"features": names})


@cache
def pristine(base: Path) -> Path:
    """Build job and model once under a folder; copies of it are what tests work on."""
    build(base / "job")
    build_model(base / "models")
    return base


def copy_job(base: Path, folder: Path) -> Path:
    """Copy the job and return its config file."""
    shutil.copytree(base / "job", folder)
    return folder / "config.yaml"


def use_model(base: Path, monkeypatch) -> None:
    """Let classify find the tests' model instead of the one that comes with the program."""
    monkeypatch.setattr(classification, "MODELS", base / "models")


def run(config: Path, *, month: str = MONTH, only=None, progress=None, clock=lambda: NOW, **chosen):
    """Run a month, or one stage of it, of a job; results lie beside it unless said otherwise."""
    chosen = {"out": config.parent / "out", "workers": 1, "actor": "tester"} | chosen
    return run_month(
        open_job(config), month, RunOptions(**chosen), only=only,
        progress=progress or Silent(), clock=clock,
    )  # fmt: skip


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every result file; locks and the ledger's database are left out."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in {".lock", "ledger.sqlite"}
    }


def stamps(folder: Path) -> dict[str, int]:
    """Time of last change of every file but locks. [ns]"""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
