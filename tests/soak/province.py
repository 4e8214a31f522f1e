"""A province of many small counties in which the same things happen every month, all of them known.

Counties are squares of a lattice; each is a lattice of sites, on which something is built once,
perhaps taken away later, perhaps built again. Everything follows from the seed.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import scipy.ndimage as ndi
import shapely

from changedetect.grid import Grid
from changedetect.io import raster_writer, vector_writer
from changedetect.measure import area_m2

CRS = "EPSG:4547"
WEST, SOUTH = 420_000.0, 3_080_000.0
RESOLUTION_M = 2.0
PITCH_PX = 14
"""Distance from site to site; what is built is 9 x 9 to 10 x 11 px. [px]"""
HIDDEN, LEGAL, TINY, LATER = 0.02, 0.06, 0.03, 0.05
"""Share of what is built under a cloud, with a valid approval, smaller than anybody looks for, and
only approved afterwards."""
GOES, REBUILT = 0.55, 0.25
"""Share of what is built without right that goes within months, and of that what is built again."""

ROOM = 24
"""Months that a county has sites for, at least: where much of the ground changes, nothing is unusual."""

FORM = raster_writer.RasterForm("uint16", 0, ("blue", "green", "red", "nir"))
CLOUD_FORM = raster_writer.RasterForm("uint8", 255, ("0 clear, 1 cloud, 2 shadow",))
KINDS = np.array(
    [
        [420, 700, 480, 3600], [520, 820, 700, 2900], [650, 900, 1000, 2300],
        [380, 620, 420, 4100], [800, 1050, 1250, 2000], [470, 760, 590, 3200],
    ],
    float,
)  # fmt: skip
ROOFS = np.array([[2300.0, 2500, 2700, 2900], [1500, 1750, 2900, 3000], [2600, 2300, 1900, 2100]])
CLASSES = ("0101", "0103", "0201", "0301", "0101", "0103")
LAYERS = ("NZY", "GY", "LS", "SS", "ZJD", "ZJG", "DJ")


@dataclass(frozen=True, slots=True)
class Size:
    """How large the soak is: months, counties, new sites a county and month, seed, first month."""

    months: int = 24
    counties: int = 20
    each: int = 48
    seed: int = 7
    start: str = "2025-01"

    @property
    def names(self) -> tuple[str, ...]:
        """Months watched, YYYY-MM."""
        return tuple(month_name(self.start, number) for number in range(self.months))

    @property
    def side(self) -> int:
        """Sites along a county's side; at most one in `ROOM` is new in a month."""
        return int(np.ceil(np.sqrt(max(self.months, ROOM) * self.each)))

    @property
    def side_px(self) -> int:
        """Side of a county."""
        return self.side * PITCH_PX + 4


def month_name(start: str, number: int) -> str:
    """Return the month some months later."""
    index = int(start[:4]) * 12 + int(start[5:]) - 1 + number
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


@dataclass(frozen=True, slots=True)
class Site:
    """One place: what happens there and when.

    ``built`` counts months from 0; ``gone`` and ``again`` are months or None. ``situation`` is
    none, valid, later (approved long after), tiny. ``hidden`` = under a cloud in its month.
    """

    name: str
    county: str
    row: int
    col: int
    height: int
    width: int
    built: int
    gone: int | None
    again: int | None
    situation: str
    hidden: bool
    roof: int

    def stands(self, month: int) -> bool:
        """Tell whether something stands there on the image of a month; -1 is the one before."""
        if month < self.built:
            return False
        if self.again is not None and month >= self.again:
            return True
        return self.gone is None or month < self.gone

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the province."""
        return slice(self.row, self.row + self.height), slice(self.col, self.col + self.width)


class Province:
    """Land, life, images and records of a size."""

    def __init__(self, size: Size) -> None:
        self.size = size
        across = int(np.ceil(np.sqrt(size.counties * 1.25)))
        down = -(-size.counties // across)
        self.codes = tuple(f"43{10 + n // 90:02d}{n % 90 + 1:02d}" for n in range(size.counties))
        self._origin = {
            code: ((n // across) * size.side_px, (n % across) * size.side_px)
            for n, code in enumerate(self.codes)
        }
        height, width = down * size.side_px, across * size.side_px
        top = SOUTH + height * RESOLUTION_M
        self.grid = Grid(CRS, (RESOLUTION_M, 0.0, WEST, 0.0, -RESOLUTION_M, top), width, height)
        self.sites = tuple(self._draw())

    def _draw(self) -> list[Site]:
        size, rng = self.size, np.random.default_rng([self.size.seed, 1])
        sites = []
        for code in self.codes:
            top, left = self._origin[code]
            order = rng.permutation(size.side**2)[: size.months * size.each]
            for count, place in enumerate(order.tolist()):
                row = top + 4 + place // size.side * PITCH_PX
                col = left + 4 + place % size.side * PITCH_PX
                built = count // size.each
                draw = rng.random(4)
                kinds = (("tiny", TINY), ("valid", LEGAL), ("later", LATER))
                bounds = np.cumsum([share for _, share in kinds])
                found = int(np.searchsorted(bounds, draw[0], side="right"))
                situation = kinds[found][0] if found < len(kinds) else "none"
                height, width = (2, 2) if situation == "tiny" else rng.integers((9, 9), (11, 12))
                goes = situation == "none" and draw[1] < GOES
                gone = built + int(rng.integers(2, 5)) if goes else None
                again = gone + int(rng.integers(2, 5)) if gone and draw[2] < REBUILT else None
                sites.append(
                    Site(
                        f"{code}-{count:05d}", code, row, col, int(height), int(width), built, gone, again,
                        situation, bool(draw[3] < HIDDEN), int(rng.integers(len(ROOFS))),
                    )
                )  # fmt: skip
        return sites

    def polygon(self, site: Site) -> shapely.Polygon:
        """Outline of what is built."""
        left, top = self.grid.bounds[0] + 2 * site.col, self.grid.bounds[3] - 2 * site.row
        return shapely.box(left, top - 2 * site.height, left + 2 * site.width, top)

    def county(self, code: str) -> shapely.Polygon:
        """Outline of a county."""
        row, col = self._origin[code]
        side = self.size.side_px
        left, top = self.grid.bounds[0] + 2 * col, self.grid.bounds[3] - 2 * row
        return shapely.box(left, top - 2 * side, left + 2 * side, top)

    @cached_property
    def land(self) -> np.ndarray:
        """``(4, y, x)`` float32, reflectance × 10000 of the land nothing stands on."""
        rng = np.random.default_rng([self.size.seed, 2])
        rows, cols = np.mgrid[: self.grid.height, : self.grid.width]
        values = KINDS[self.field].transpose(2, 0, 1)
        grain = ndi.gaussian_filter(rng.normal(0, 1, rows.shape), 1.5)
        rough = 1 + 0.05 * np.sin(rows / 2.3) * np.sin(cols / 3.1) + 0.04 * grain / grain.std()
        return (values * rough).astype(np.float32)

    @cached_property
    def field(self) -> np.ndarray:
        """``(y, x)``; which of `KINDS` grows where."""
        rows, cols = np.mgrid[: self.grid.height, : self.grid.width]
        patch = (rows // 53) * 977 + cols // 61
        return np.random.default_rng([self.size.seed, 3]).integers(
            len(KINDS), size=patch.max() + 1
        )[patch]

    def image(self, month: int) -> tuple[np.ndarray, np.ndarray]:
        """Image and cloud mask of a month; -1 is the one before the first."""
        rng = np.random.default_rng([self.size.seed, 4, month + 1])
        values = self.land * (1 + rng.normal(0, 0.01, (4, 1, 1))).astype(np.float32)
        season = 1 + 0.05 * np.sin((month + self.field) * 1.1)
        values[3] *= season.astype(np.float32)
        mask = np.zeros(values.shape[1:], np.uint8)
        for site in self.sites:
            if site.stands(month):
                values[:, *site.slices] = ROOFS[site.roof][:, None, None]
            if site.hidden and site.built == month:
                rows, cols = site.slices
                cloud = (
                    slice(max(0, rows.start - 6), rows.stop + 6),
                    slice(max(0, cols.start - 6), cols.stop + 6),
                )
                mask[cloud] = 1
        for band in values:
            ndi.gaussian_filter(band, 0.5, output=band)
        values += rng.normal(0, 28, values.shape).astype(np.float32)
        values[:, mask == 1] = 7500
        return np.clip(values, 1, 10000).astype(np.uint16), mask

    def day(self, month: int) -> date:
        """Day of the image of a month."""
        name = month_name(self.size.start, month)
        return date(int(name[:4]), int(name[5:]), 18 + (month * 5) % 7)

    def write_image(self, folder: Path, month: int) -> Path:
        """Write image and mask of a month where a supplier would leave them."""
        values, mask = self.image(month)
        stem = f"PMS2M_{self.day(month):%Y%m%d}"
        tags = (
            (
                "ACQUISITION_TIME",
                datetime.combine(self.day(month), datetime.min.time(), UTC).isoformat(),
            ),
        )
        form = replace(FORM, tags=tags)
        raster_writer.write_cog_array(folder / f"{stem}.tif", self.grid, values, form)
        raster_writer.write_cog_array(folder / f"{stem}_cloud.tif", self.grid, mask, CLOUD_FORM)
        return folder / f"{stem}.tif"

    def write_records(self, folder: Path) -> None:
        """Write districts, parcels, zones and approvals."""
        folder.mkdir(parents=True)
        names = [f"第{number}县" for number in range(1, len(self.codes) + 1)]
        counties = [self.county(code) for code in self.codes]
        _write(folder / "XZQ.gpkg", {"XZQDM": list(self.codes), "XZQMC": names}, counties)
        rows, cols = np.mgrid[: self.grid.height : 53, : self.grid.width : 61]
        west, _, _, north = self.grid.bounds
        boxes = shapely.box(
            west + 2 * cols.ravel(), north - 2 * np.minimum(rows.ravel() + 53, self.grid.height),
            west + 2 * np.minimum(cols.ravel() + 61, self.grid.width), north - 2 * rows.ravel(),
        )  # fmt: skip
        kinds = self.field[rows.ravel(), cols.ravel()]
        parcels = {
            "BSM": [f"D{n:06d}" for n in range(len(boxes))],
            "DLBM": [CLASSES[kind] for kind in kinds],
            "CZCSXM": [None] * len(boxes),
        }
        _write(folder / "DLTB.gpkg", parcels, boxes)
        strips = [_part(county, 0.0, 0.12) for county in counties]
        numbers = [f"J{n}" for n in range(len(strips))]
        _write(folder / "YJJBNTBHTB.gpkg", {"BSM": numbers, "YJJBNTTBBH": numbers}, strips)
        strips = [_part(county, 0.9, 1.0) for county in counties]
        _write(folder / "STBHHX.gpkg", {"BSM": numbers, "HXMC": ["一般红线"] * len(strips)}, strips)
        self._write_approvals(folder)

    def _write_approvals(self, folder: Path) -> None:
        given = [site for site in self.sites if site.situation in {"valid", "later"}]
        for kind in LAYERS:
            mine = given if kind in {"NZY", "GY"} else []
            shapes = [self.polygon(site).buffer(5, join_style="mitre") for site in mine]
            days = [self._approved(site) for site in mine]
            rows = {
                "BSM": [f"{kind}{n:05d}" for n in range(len(mine))],
                "PZWH": [f"湘政地〔{day.year}〕{n}号" for n, day in enumerate(days)],
                "PZJG": ["省自然资源厅"] * len(mine), "PZRQ": days,
                "YXQZ": [date(2040, 12, 31)] * len(mine), "XMMC": ["厂房"] * len(mine),
                "YDDW": ["某公司"] * len(mine), "SPMJ": [shape.area for shape in shapes],
            }  # fmt: skip
            _write(folder / f"SP_{kind}.gpkg", rows, shapes)

    def _approved(self, site: Site) -> date:
        shift = -200 if site.situation == "valid" else 150
        return self.day(site.built) + timedelta(days=shift)

    def truth(self) -> gpd.GeoDataFrame:
        """Everything that was built, in the form of truth.gpkg; a rebuilt one is a row of its own."""
        rows, shapes = [], []
        for site in self.sites:
            for count, month in enumerate((site.built, site.again)):
                if month is None or month >= self.size.months:
                    continue
                shape = self.polygon(site)
                legal = site.situation == "valid"
                rows.append(
                    {
                        "truth_id": f"{site.name}{'ab'[count]}", "tblx": "20", "family": "building",
                        "changed_on": self.day(month) - timedelta(days=3), "area_m2": area_m2(shape, CRS),
                        "legality": "legal" if legal else "illegal", "excuse": "NZY" if legal else None,
                        "situation": site.situation,
                    }
                )  # fmt: skip
                shapes.append(shape)
        return gpd.GeoDataFrame(pd.DataFrame(rows), geometry=shapes, crs=CRS)

    def write(self, folder: Path) -> Path:
        """Write records, truth, job file and the image before the first month; return the job file."""
        (folder / "scenes").mkdir(parents=True)
        self.write_records(folder / "records")
        vector_writer.write_geopackage(folder / "truth.gpkg", {"changes": self.truth()}, crs=CRS)
        self.write_image(folder / "scenes", -1)
        config = folder / "config.yaml"
        config.write_text(self._config(), encoding="utf-8")
        return config

    def _config(self) -> str:
        last = self.day(self.size.months - 1).isoformat()
        covers = ", ".join(f'"{code}"' for code in self.codes)

        def layer(name: str) -> str:
            return f'{{path: records/{name}.gpkg, version: v1, as_of: "{last}", covers: [{covers}], may_be_empty: true}}'

        approvals = "\n".join(f"    {kind}: {layer('SP_' + kind)}" for kind in LAYERS)
        return CONFIG.format(
            districts=layer("XZQ"), parcels=layer("DLTB"), farmland=layer("YJJBNTBHTB"),
            red_line=layer("STBHHX"), approvals=approvals,
        )  # fmt: skip


CONFIG = """\
# A province for the soak; nothing in it exists.
name: soak
grid: {{crs: "EPSG:4547", resolution_m: 2.0}}
scenes: {{folder: scenes, sensors: [pms2m], pair_sensor: pms2m, pairs_per_month: 1}}
records:
  districts: {districts}
  parcels: {parcels}
  basic_farmland: {farmland}
  red_line: {red_line}
  approvals:
{approvals}
themes: ["01", "02", "03", "07", "13"]
deliver: {{chip_side_px: 64, thumbnail_px: 16, chip_min_side_m: 120.0}}
"""


def _write(path: Path, columns: dict[str, object], shapes: object) -> None:
    table = gpd.GeoDataFrame(pd.DataFrame(columns), geometry=np.asarray(shapes, object), crs=CRS)
    vector_writer.write_geopackage(path, {path.stem: table}, crs=CRS, overwrite=True)


def _part(county: shapely.Polygon, low: float, high: float) -> shapely.Polygon:
    west, south, east, north = county.bounds
    return shapely.box(west, south + low * (north - south), east, south + high * (north - south))
