"""Small images drawn by tests."""

from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine

from changedetect.config import yaml_text
from changedetect.config.sensors import SensorProfile
from changedetect.grid import Grid

ROOT = Path(__file__).parents[2]

GRID = Grid("EPSG:4547", (2.0, 0.0, 500000.0, 0.0, -2.0, 3100000.0), 60, 50)


def profile(name: str) -> SensorProfile:
    path = ROOT / "configs" / "sensors" / f"{name}.yaml"
    return yaml_text.parse(path.read_text(encoding="utf-8"), SensorProfile, path.name)


def profiles() -> list[SensorProfile]:
    return [profile(path.stem) for path in sorted((ROOT / "configs" / "sensors").glob("*.yaml"))]


def digital_numbers(seed: int, bands: int = 4, height: int = 50, width: int = 60) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 9000, (bands, height, width)).astype("uint16")


def draw(path: Path, values: np.ndarray, *, tags=None, grid: Grid = GRID, **options) -> Path:
    """Write an image; options replace what the grid says."""
    settings = {
        "driver": "GTiff",
        "crs": grid.crs,
        "transform": Affine(*grid.transform),
        "nodata": 0,
        "count": values.shape[0],
        "height": values.shape[1],
        "width": values.shape[2],
        "dtype": values.dtype,
        "tiled": True,
        "blockxsize": 16,
        "blockysize": 16,
        **options,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", **settings) as dataset:
        dataset.write(values)
        dataset.update_tags(**(tags or {}))
    return path
