"""A pair of images as large as wanted, and the records under it: seeded texture, planted blobs.

Made strip by strip, so that a scene may be larger than memory. It looks like ground to a codec and
to the detector (fields, several octaves of texture, noise, a season, a sub-pixel shift); it is not
made to judge accuracy.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from rasterio.transform import Affine
from rasterio.windows import Window as FileWindow

from changedetect.io import vector_writer

CRS = "EPSG:4547"
RESOLUTION_M = 2.0
CORNER = (500_000.0, 3_100_000.0)
BLOCK_PX = 512
MONTH = "2025-06"
NAMES = ("BENCH_20250512.tif", "BENCH_20250618.tif")
ROLES = ("blue", "green", "red", "nir", "rededge", "swir1", "swir2")
CODECS = {"deflate": "deflate", "zstd": "zstd", "none": None}
_FIRST_COUNTY = 431001

_KINDS = 8
_FIELD_PX = 53
_EDGE_PX = 8.0
_LATTICE_PX = (3, 11, 41, 173)
_NOISE_DN = 16.0
_SHIFT_PX = (0.4, 0.3)
_BLOB_SIDE_PX = 40
_LEAST_SIDE_PX = 8
_PARCEL_PX = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What is made.

    Attributes
    ----------
    size_px
        Side of the scene. [px]
    bands
        3 to 7, in the order of `ROLES`.
    codec
        ``deflate``, ``zstd`` or ``none``; predictor 2, tiles of 512 px.
    blobs
        Planted changes.
    seed
        What everything is drawn from.
    counties
        Rectangles of one size into which the scene is divided; each gets a package.
    """

    size_px: int
    bands: int = 4
    codec: str = "deflate"
    blobs: int = 0
    seed: int = 7
    counties: int = 2

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the counties."""
        return tuple(str(_FIRST_COUNTY + number) for number in range(self.counties))


@dataclass(frozen=True, slots=True)
class Texture:
    """The ground of a scene.

    Attributes
    ----------
    lattices
        Octaves of shade that both dates share.
    own
        Shade of each date alone.
    fields
        ``(date, band, y, x)`` float32, spectrum of every field.
    """

    lattices: tuple[np.ndarray, ...]
    own: tuple[np.ndarray, ...]
    fields: np.ndarray

    @classmethod
    def of(cls, plan: Plan) -> "Texture":
        """Draw the ground."""
        rng = np.random.default_rng([plan.seed, plan.size_px])

        def lattice(step: float) -> np.ndarray:
            side = int(plan.size_px // step) + 4
            return rng.normal(0, 1, (side, side)).astype(np.float32)

        lattices = tuple(lattice(step) for step in _LATTICE_PX)
        own = tuple(lattice(_LATTICE_PX[0]) for _ in NAMES)
        side = plan.size_px // _FIELD_PX + 4
        kinds = rng.integers(0, _KINDS, (side, side))
        before = rng.uniform(800, 1800, (_KINDS, plan.bands))
        season = before * rng.uniform(0.95, 1.1, plan.bands) + 40
        spectra = np.stack([before, season]).astype(np.float32)
        return cls(lattices, own, np.moveaxis(spectra[:, kinds], -1, 1))

    def strip(self, number: int, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Return the ground of a date at some rows and columns, ``(band, y, x)`` float32."""
        shade = 1 + 0.03 * _bilinear(self.own[number], rows / _LATTICE_PX[0], cols / _LATTICE_PX[0])
        for lattice, step in zip(self.lattices, _LATTICE_PX, strict=True):
            shade += 0.05 * _bilinear(lattice, rows / step, cols / step)
        y, x = _steep(rows / _FIELD_PX), _steep(cols / _FIELD_PX)
        return np.stack([_bilinear(band, y, x) * shade for band in self.fields[number]])


def _steep(places: np.ndarray) -> np.ndarray:
    """Pass from one field to the next within `_EDGE_PX`."""
    whole = np.floor(places)
    slope = (places - whole - 0.5) * (_FIELD_PX / _EDGE_PX) + 0.5
    return np.asarray(whole + np.clip(slope, 0, 1 - 1e-6))


def _bilinear(lattice: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    i, j = rows.astype(np.int64), cols.astype(np.int64)
    u, v = (rows - i).astype(np.float32)[:, None], (cols - j).astype(np.float32)[None, :]
    level = lattice[:, j] * (1 - v) + lattice[:, j + 1] * v
    return np.asarray(level[i] * (1 - u) + level[i + 1] * u)


def blob_masks(plan: Plan) -> Iterator[tuple[int, int, np.ndarray]]:
    """Draw the planted blobs: row and column of a box, and a mask in it; they do not touch."""
    per_side = max(int(np.ceil(np.sqrt(plan.blobs))), 1)
    cell = plan.size_px / per_side
    side = int(min(_BLOB_SIDE_PX, cell - 4))
    if plan.blobs and side < _LEAST_SIDE_PX:
        msg = f"{plan.blobs} blobs do not fit on {plan.size_px} px"
        raise ValueError(msg)
    rng = np.random.default_rng([plan.seed, plan.blobs, 1])
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    angle, distance = np.arctan2(y, x), np.hypot(y, x)
    for number in range(plan.blobs):
        row, col = divmod(number, per_side)
        slack = rng.uniform(0, max(cell - side - 2, 1), 2)
        reach = rng.uniform(0.18, 0.42) * side
        wave = 1 + 0.25 * np.sin(rng.integers(2, 6) * angle + rng.uniform(0, 6))
        mask = distance < reach * wave
        if number % 9 == 0:
            mask &= distance > 0.35 * reach
        yield int(row * cell + slack[0]), int(col * cell + slack[1]), mask


def make_images(folder: Path, plan: Plan) -> tuple[Path, Path]:
    """Write the two images and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    texture = Texture.of(plan)
    painted = _paint(plan)
    paths = folder / NAMES[0], folder / NAMES[1]
    for number, path in enumerate(paths):
        with rasterio.open(path, "w", **_profile(plan)) as target:
            for row in range(0, plan.size_px, BLOCK_PX):
                values = _strip(plan, texture, painted, number, row)
                window = FileWindow(0, row, plan.size_px, values.shape[1])
                target.write(values, window=window)
    return paths


def _profile(plan: Plan) -> dict[str, object]:
    profile: dict[str, object] = {
        "driver": "GTiff", "width": plan.size_px, "height": plan.size_px, "count": plan.bands,
        "dtype": "uint16", "crs": CRS, "nodata": 0, "interleave": "pixel", "BIGTIFF": "IF_SAFER",
        "transform": Affine(RESOLUTION_M, 0, CORNER[0], 0, -RESOLUTION_M, CORNER[1]),
        "tiled": True, "blockxsize": BLOCK_PX, "blockysize": BLOCK_PX, "NUM_THREADS": "ALL_CPUS",
    }  # fmt: skip
    codec = CODECS[plan.codec]
    if codec is not None:
        profile |= {"compress": codec, "predictor": 2}
    return profile


def _strip(
    plan: Plan, texture: Texture, painted: dict[int, list[tuple[int, int, np.ndarray]]],
    number: int, row: int,
) -> np.ndarray:  # fmt: skip
    """Make the rows of one strip of one date, ``(band, y, x)`` uint16."""
    height = min(BLOCK_PX, plan.size_px - row)
    rows = np.arange(row, row + height) + number * _SHIFT_PX[0]
    cols = np.arange(plan.size_px) + number * _SHIFT_PX[1]
    # Two samples a pixel: edges are not sharper than an instrument shows them.
    values = 0.5 * (
        texture.strip(number, rows, cols) + texture.strip(number, rows + 0.5, cols + 0.5)
    )
    if number:
        for top, left, mask in painted.get(row // BLOCK_PX, ()):
            first, last = max(top, row), min(top + mask.shape[0], row + height)
            part = mask[first - top : last - top]
            target = values[:, first - row : last - row, left : left + mask.shape[1]]
            target[:, part] = 0.35 * target[:, part] + 2600
    rng = np.random.default_rng([plan.seed, number, row])
    values += rng.standard_normal(values.shape, np.float32) * _NOISE_DN
    return np.asarray(np.clip(np.rint(values), 1, 10_000).astype(np.uint16))


def _paint(plan: Plan) -> dict[int, list[tuple[int, int, np.ndarray]]]:
    painted: dict[int, list[tuple[int, int, np.ndarray]]] = {}
    for top, left, mask in blob_masks(plan):
        for strip in range(top // BLOCK_PX, (top + mask.shape[0] - 1) // BLOCK_PX + 1):
            painted.setdefault(strip, []).append((top, left, mask))
    return painted


def parcels(size_px: int, seed: int = 7, parcel_px: float = _PARCEL_PX) -> gpd.GeoDataFrame:
    """Draw parcels that cover a scene without gap or overlap: a mesh of crooked quadrangles."""
    side = max(int(size_px / parcel_px), 2)
    rng = np.random.default_rng([seed, side, 2])
    step = size_px * RESOLUTION_M / side
    nodes = np.stack(np.meshgrid(np.arange(side + 1), np.arange(side + 1), indexing="xy"), -1)
    moved = nodes * step
    moved[1:-1, 1:-1] += rng.uniform(-0.3, 0.3, (side - 1, side - 1, 2)) * step
    points = np.stack([CORNER[0] + moved[..., 0], CORNER[1] - moved[..., 1]], -1)
    rings = np.stack([points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:]], 2)
    classes = np.array(["0101", "0103", "0301", "0702", "1006"])[rng.integers(0, 5, side * side)]
    table = pd.DataFrame({"BSM": [str(n) for n in range(side * side)], "DLBM": classes})
    table["CZCSXM"] = None
    shapes = shapely.polygons(rings.reshape(-1, 4, 2))
    return gpd.GeoDataFrame(table, geometry=shapes, crs=CRS)


def make_records(folder: Path, plan: Plan) -> None:
    """Write counties, parcels, zones and approvals under a scene."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"第{number}县" for number in range(1, plan.counties + 1)]
    _layer(folder, "XZQ", {"XZQDM": list(plan.codes), "XZQMC": names}, _divided(plan))
    land = parcels(plan.size_px, plan.seed)
    _layer(folder, "DLTB", land.drop(columns="geometry"), list(land.geometry))
    zones = _boxes(plan, 5, 0.25)
    _layer(folder, "YJJBNTBHTB", {"BSM": _numbers(zones), "YJJBNTTBBH": _numbers(zones)}, zones)
    lines = _boxes(plan, 3, 0.1)
    _layer(folder, "STBHHX", {"BSM": _numbers(lines), "HXMC": ["一般红线"] * len(lines)}, lines)
    given = [box for number, box in enumerate(_blob_boxes(plan)) if number % 5 == 0] or zones[:1]
    approved = {
        "BSM": _numbers(given),
        "PZWH": [f"湘政土〔2025〕{n}号" for n in range(len(given))],
        "PZJG": ["省自然资源厅"] * len(given),
        "PZRQ": [date(2025, 3, 3)] * len(given),
        "YXQZ": [date(2030, 12, 31)] * len(given),
        "XMMC": ["厂房"] * len(given),
        "YDDW": ["某公司"] * len(given),
        "SPMJ": [float(box.area) for box in given],
    }
    _layer(folder, "SP_NZY", approved, given)


def _divided(plan: Plan) -> list[shapely.Geometry]:
    """Divide the ground of a scene into its counties, as square as their number allows."""
    down = max(
        n for n in range(1, plan.counties + 1) if plan.counties % n == 0 and n * n <= plan.counties
    )
    across = plan.counties // down
    side_m = plan.size_px * RESOLUTION_M
    x = CORNER[0] + np.linspace(0, side_m, across + 1)
    y = CORNER[1] - np.linspace(0, side_m, down + 1)
    return [shapely.box(x[c], y[r + 1], x[c + 1], y[r]) for r in range(down) for c in range(across)]


def _layer(folder: Path, name: str, columns: object, shapes: list[shapely.Geometry]) -> None:
    table = gpd.GeoDataFrame(pd.DataFrame(columns), geometry=shapes, crs=CRS)
    vector_writer.write_geopackage(folder / f"{name}.gpkg", {name: table}, crs=CRS, overwrite=True)


def _numbers(shapes: list[shapely.Geometry]) -> list[str]:
    return [str(number) for number in range(len(shapes))]


def _boxes(plan: Plan, per_side: int, share: float) -> list[shapely.Geometry]:
    cell = plan.size_px * RESOLUTION_M / per_side
    side = cell * np.sqrt(share)
    west, north = CORNER
    return [
        shapely.box(
            west + c * cell, north - r * cell - side, west + c * cell + side, north - r * cell
        )
        for r in range(per_side)
        for c in range(per_side)
    ]


def _blob_boxes(plan: Plan) -> Iterator[shapely.Geometry]:
    west, north = CORNER
    for top, left, mask in blob_masks(plan):
        x, y = west + left * RESOLUTION_M, north - top * RESOLUTION_M
        height, width = (RESOLUTION_M * side for side in mask.shape)
        yield shapely.box(x, y - height, x + width, y)


CONFIG = """\
name: bench
grid: {{crs: "{crs}", resolution_m: {resolution}, tile_px: 1024}}
scenes: {{folder: scenes, sensors: [bench], pair_sensor: bench}}
records:
  districts: {{path: records/XZQ.gpkg, version: v1, as_of: "2025-01-01", covers: {counties}}}
  parcels: {{path: records/DLTB.gpkg, version: v1, as_of: "2025-01-01", covers: {counties}}}
  basic_farmland: {{path: records/YJJBNTBHTB.gpkg, version: v1, as_of: "2025-01-01", covers: {counties}}}
  red_line: {{path: records/STBHHX.gpkg, version: v1, as_of: "2025-01-01", covers: {counties}}}
  approvals:
    NZY: {{path: records/SP_NZY.gpkg, version: v1, as_of: "2025-06-30", covers: {counties}}}
themes: ["01", "02", "03", "07"]
"""

SENSOR = """\
name: bench
kind: optical
gsd_m: {resolution}
bands:
{bands}
dtypes: [uint16]
nodata: 0
file_pattern: '^BENCH_(?P<date>\\d{{8}})\\.tif$'
"""


def make_job(folder: Path, plan: Plan) -> Path:
    """Write images, records and job file of a month; return the job file."""
    make_images(folder / "scenes", plan)
    make_records(folder / "records", plan)
    bands = "\n".join(
        f"  - {{role: {role}, index: {number}, scale: 0.0001}}"
        for number, role in enumerate(ROLES[: plan.bands], start=1)
    )
    (folder / "sensors").mkdir(exist_ok=True)
    sensor = SENSOR.format(resolution=RESOLUTION_M, bands=bands)
    (folder / "sensors" / "bench.yaml").write_text(sensor, encoding="utf-8")
    config = folder / "config.yaml"
    counties = "[" + ", ".join(f'"{code}"' for code in plan.codes) + "]"
    text = CONFIG.format(crs=CRS, resolution=RESOLUTION_M, counties=counties)
    config.write_text(text, encoding="utf-8")
    return config
