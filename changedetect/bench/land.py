"""The cross-check on land records of several counties: time, and memory that the county bounds."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from changedetect.bench import generated
from changedetect.bench.measure import Cost, alone, timed
from changedetect.io import record_files, vector_writer
from changedetect.io.digest import sha256_file
from changedetect.measure import measure_many
from changedetect.pipeline.runs.job import open_job
from changedetect.pipeline.runs.territory import read_territory
from changedetect.pipeline.steps.classified import read_classified
from changedetect.pipeline.steps.countywise import (
    PatchShelf,
    Spool,
    check_counties,
    cropland_of,
    spooled,
)
from changedetect.pipeline.steps.references import Shelf, read_references
from changedetect.records import Unit
from changedetect.stages import crosscheck

PER_PATCH, PER_APPROVAL = 15, 6
"""Parcels a patch and an approval: 20,000 and 50,000 under 300,000, as the goal is stated."""

PX_PER_PARCEL = 401
CLASSIFIED = "classified.gpkg"
_PER_ROW = 4
_FAMILIES = ("building", "hard_surface", "earthwork", "road", "planting", "pond")


@dataclass(frozen=True, slots=True)
class LandPlan:
    """What is made: counties of one size, and in each so many parcels; the seed of everything."""

    counties: int
    parcels: int
    seed: int = 7

    @property
    def side_px(self) -> int:
        """Side of a county. [px]"""
        return int(np.sqrt(self.parcels * PX_PER_PARCEL))


def make_land(folder: Path, plan: LandPlan) -> Path:
    """Write records and classified patches of counties that lie side by side; return the job file."""
    records = folder / "records"
    records.mkdir(parents=True, exist_ok=True)
    made: dict[str, list[gpd.GeoDataFrame]] = {}
    for number in range(plan.counties):
        for name, table in _county(plan, number).items():
            made.setdefault(name, []).append(table)
    for name in list(made):
        table = gpd.GeoDataFrame(pd.concat(made.pop(name), ignore_index=True), crs=generated.CRS)
        path = folder / CLASSIFIED if name == "patches" else records / f"{name}.gpkg"
        vector_writer.write_geopackage(path, {name: table}, crs=generated.CRS, overwrite=True)
    config = folder / "config.yaml"
    covers = "[" + ", ".join(f'"{_code(n)}"' for n in range(plan.counties)) + "]"
    config.write_text(_config(covers), encoding="utf-8")
    (folder / "sensors").mkdir(exist_ok=True)
    bands = "\n".join(
        f"  - {{role: {r}, index: {n}}}" for n, r in enumerate(generated.ROLES[:4], 1)
    )
    sensor = generated.SENSOR.format(resolution=generated.RESOLUTION_M, bands=bands)
    (folder / "sensors" / "bench.yaml").write_text(sensor, encoding="utf-8")
    return config


def _code(number: int) -> str:
    return f"{431001 + number}"


def _config(covers: str) -> str:
    def layer(name: str) -> str:
        return f'{{path: records/{name}.gpkg, version: v1, as_of: "2025-05-01", covers: {covers}}}'

    return f"""\
name: land
grid: {{crs: "{generated.CRS}", resolution_m: {generated.RESOLUTION_M}}}
scenes: {{folder: scenes, sensors: [bench], pair_sensor: bench}}
records:
  districts: {layer("XZQ")}
  towns: {layer("XZ")}
  parcels: {layer("DLTB")}
  basic_farmland: {layer("YJJBNTBHTB")}
  red_line: {layer("STBHHX")}
  town_boundary: {layer("CZKFBJ")}
  approvals:
    NZY: {layer("SP_NZY")}
themes: ["01", "02", "03", "04", "05", "06", "07"]
"""


def _county(plan: LandPlan, number: int) -> dict[str, gpd.GeoDataFrame]:
    """Make one county: its place in the row of counties, its layers and its patches."""
    side, step = plan.side_px, generated.RESOLUTION_M
    east = number % _PER_ROW * side * step
    south = -(number // _PER_ROW) * side * step
    seed = plan.seed + 1000 * number
    west, north = generated.CORNER
    whole = shapely.box(west, north - side * step, west + side * step, north)
    parcels = generated.parcels(side, seed, PX_PER_PARCEL**0.5)
    shapes = _patches(plan, seed)
    rng = np.random.default_rng([seed, 3])
    chosen = rng.permutation(len(shapes))
    wanted = max(plan.parcels // PER_APPROVAL, 1)
    near = [shapes[k].buffer(4 + k % 5, cap_style="square") for k in chosen[: len(shapes) // 4]]
    spare = parcels.geometry.to_numpy()[rng.permutation(len(parcels))[: wanted - len(near)]]
    given = [*near, *spare][:wanted]
    tables = {
        "XZQ": _table({"XZQDM": [_code(number)], "XZQMC": ["某县"]}, [whole]),
        "XZ": _towns(number, whole),
        "DLTB": parcels.assign(BSM=[f"{number}-{name}" for name in parcels["BSM"]]),
        "YJJBNTBHTB": _zones(number, _boxes(whole, 9, 0.3), "基本农田"),
        "STBHHX": _zones(number, _boxes(whole, 4, 0.1), "一般红线"),
        "CZKFBJ": _zones(number, _boxes(whole, 3, 0.2), "开发边界"),
        "SP_NZY": _table(_documents(number, given), given),
        "patches": _table(_found(number, shapes, rng), list(shapes)),
    }
    return {
        name: table.set_geometry(table.geometry.translate(east, south))
        for name, table in tables.items()
    }


def _patches(plan: LandPlan, seed: int) -> np.ndarray:
    """Outline blobs on pixel edges, ``(patch,)`` MultiPolygons; some lie on the county's border."""
    from changedetect.bench import compare  # noqa: PLC0415 - it knows the peers, which are slow to load

    blobs = generated.Plan(plan.side_px, blobs=max(plan.parcels // PER_PATCH, 1), seed=seed)
    shapes = compare.our_polygons(compare.mask_of(blobs), compare.grid_of(plan.side_px))
    moved: np.ndarray = shapely.transform(shapes, lambda points: np.add(points, (24.0, 12.0)))
    return moved


def _found(number: int, shapes: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    count = len(shapes)
    areas, lengths = measure_many(shapes, generated.CRS)
    return {
        "patch_id": [f"P{k:06d}{number:06d}" for k in range(count)],
        "pixels": (areas / 4).astype(int),
        "area_m2": areas,
        "area_sd_m2": lengths * 0.5,
        "perimeter_m": lengths,
        "llr_mean": 3.0,
        "llr_max": 5.0,
        "before_scene": "A",
        "after_scene": "B",
        "before_date": date(2025, 5, 12),
        "after_date": date(2025, 6, 18),
        "sources": "optical",
        "against": None,
        "disputed": False,
        "optical_llr": 3.0,
        "series_llr": np.nan,
        "radar_llr": np.nan,
        "model_llr": np.nan,
        "family": rng.choice(_FAMILIES, count),
        "family_probability": 0.9,
        "change_probability": rng.uniform(0.4, 1.0, count).round(3),
        "is_unseen": False,
        "before_gsd_m": 2.0,
        "after_gsd_m": 2.0,
    }


def _documents(number: int, given: Sequence[shapely.Geometry]) -> dict[str, Any]:
    count = len(given)
    return {
        "BSM": [f"{number}-{k}" for k in range(count)],
        "PZWH": [f"湘政土〔2025〕{number}{k}号" for k in range(count)],
        "PZJG": "省自然资源厅",
        "PZRQ": [date(2025, 3 + k % 5, 3) for k in range(count)],
        "YXQZ": [date(2025 + k % 3, 5, 31) for k in range(count)],
        "XMMC": "厂房",
        "YDDW": "某公司",
        "SPMJ": [float(shape.area) for shape in given],
    }


def _towns(number: int, whole: shapely.Polygon) -> gpd.GeoDataFrame:
    boxes = _boxes(whole, 4, 1.0)
    codes = [f"{_code(number)}{k:03d}" for k in range(len(boxes))]
    return _table({"XZQDM": codes, "XZQMC": "某镇"}, boxes)


def _zones(number: int, shapes: list[shapely.Polygon], name: str) -> gpd.GeoDataFrame:
    names = [f"{number}-{k}" for k in range(len(shapes))]
    keys = {"基本农田": "YJJBNTTBBH", "一般红线": "HXMC"}
    return _table({"BSM": names, keys.get(name, "BZ"): name}, shapes)


def _boxes(whole: shapely.Polygon, per_side: int, share: float) -> list[shapely.Polygon]:
    west, south, east, _ = whole.bounds
    cell = (east - west) / per_side
    side = cell * share**0.5
    return [
        shapely.box(
            west + c * cell, south + r * cell, west + c * cell + side, south + r * cell + side
        )
        for r in range(per_side)
        for c in range(per_side)
    ]


def _table(columns: dict[str, Any], shapes: Sequence[shapely.Geometry]) -> gpd.GeoDataFrame:
    plain = pd.DataFrame(columns, index=range(len(shapes)))
    return gpd.GeoDataFrame(plain, geometry=list(shapes), crs=generated.CRS)


def by_county(config: Path) -> dict[str, Any]:
    """Check patches county by county, as a month does; units, and the digest of their file."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        job = open_job(config)
        territory = read_territory(job)
        costs = {}
        made: list[Any] = []
        costs["records"] = timed(lambda: made.append(Shelf(job, territory, folder)))
        costs["patches"] = timed(
            lambda: made.append(PatchShelf(config.parent / CLASSIFIED, territory, folder))
        )
        shelf, patches = made
        spool = Spool()

        def check() -> None:
            clusters = patches.clusters(job.themes, job.config.crosscheck)
            for county in check_counties(job, territory, shelf, patches, clusters):
                spool.add(spooled(folder, county.code, "patches", county.units, ()))
                spool.cropland_m2 |= cropland_of(county)
                del county  # as the job does: two would be in memory
            spool.publish(folder / "units.json", folder / "charges.json")

        costs["check"] = timed(check)
        return {**costs, "units": spool.units, "sha256": sha256_file(folder / "units.json")}


def at_once(config: Path) -> dict[str, Any]:
    """Do the same with everything in memory: the naive twin."""
    with tempfile.TemporaryDirectory() as work:
        job = open_job(config)
        territory = read_territory(job)
        references, _ = read_references(job, territory)
        units = crosscheck.check(
            read_classified(config.parent / CLASSIFIED), references, job.themes,
            job.config.grid.crs, job.config.crosscheck,
        )  # fmt: skip
        crosscheck.cropland_m2(references)
        path = Path(work) / "units.json"
        record_files.write_records(path, units, Unit)
        return {"units": len(units), "sha256": sha256_file(path)}


@dataclass(frozen=True, slots=True)
class LandCost:
    """Cost of the cross-check of so many counties; ``whole`` is the naive twin, None = not run."""

    counties: int
    parcels: int
    patches: int
    approvals: int
    units: int
    cost: Cost
    steps: dict[str, Cost]
    whole: Cost | None
    same_bytes: bool | None


def measure_land(
    counties: Sequence[int], parcels: int, said: Callable[[str], None], *, twin: bool
) -> list[LandCost]:
    """Measure the cross-check of several numbers of counties of one size.

    Parameters
    ----------
    counties
        How many.
    parcels
        In each; patches and approvals in proportion.
    said
        Told when one is done.
    twin
        Also everything at once, to compare bytes and memory.
    """
    found = []
    for count in counties:
        with tempfile.TemporaryDirectory(prefix="changedetect-bench-") as folder:
            plan = LandPlan(count, parcels)
            _, config = alone(make_land, Path(folder), plan)
            cost, facts = alone(by_county, config)
            whole, other = alone(at_once, config) if twin else (None, {})
            found.append(
                LandCost(
                    count, count * parcels, count * (parcels // PER_PATCH),
                    count * (parcels // PER_APPROVAL), facts["units"], cost,
                    {k: v for k, v in facts.items() if isinstance(v, Cost)}, whole,
                    facts["sha256"] == other["sha256"] if twin else None,
                )
            )  # fmt: skip
        said(f"{count} counties")
    return found


def lines(found: Sequence[LandCost]) -> list[str]:
    """Return the measurements as lines of text."""
    names = ("counties", "parcels", "patches", "approvals", "units", "cpu s", "peak MB")
    rows = ["".join(f"{name:>10}" for name in names) + "  at once: cpu s, peak MB, same bytes"]
    for one in found:
        counts = (one.counties, one.parcels, one.patches, one.approvals, one.units)
        row = "".join(f"{count:>10}" for count in counts)
        row += f"{one.cost.cpu_s:>10.1f}{one.cost.peak_mb or 0:>10.0f}"
        if one.whole is not None:
            word = "yes" if one.same_bytes else "NO"
            row += f"  {one.whole.cpu_s:.1f}, {one.whole.peak_mb or 0:.0f}, {word}"
        steps = ", ".join(f"{name} {cost.cpu_s:.1f}" for name, cost in one.steps.items())
        rows += [row, f"{'':>10}{steps} s of processor time"]
    return rows


def facts(found: Sequence[LandCost]) -> dict[str, Any]:
    """Return the measurements as JSON-able values."""
    return {"crosscheck_by_county": [asdict(one) for one in found]}
