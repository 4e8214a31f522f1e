"""The tiny job with a 10 m series and radar images of the same ground."""

from datetime import date, timedelta
from functools import cache

import numpy as np

from changedetect.grid import Grid
from changedetect.io import raster_writer
from tests.pipeline import tiny_job

GRID = Grid(tiny_job.CRS, (10.0, 0.0, 500000.0, 0.0, -10.0, 3100000.0), 44, 36)
CHANGED = date(2025, 6, 1)
MSI_FORM = raster_writer.RasterForm(
    "uint16", 0, ("blue", "green", "red", "rededge", "nir", "swir1", "swir2")
)
SAR_FORM = raster_writer.RasterForm("int16", -32768, ("vv", "vh"))
MSI_DAYS = tuple(date(2024, 3, 6) + timedelta(days=12 * k) for k in range(40))
SAR_DAYS = tuple(date(2025, 1, 8) + timedelta(days=12 * k) for k in range(15))


RADAR_SEES = ("open", "hidden")
"""The rest changes without another echo: radar learns the usual from a scene that hardly changed."""


@cache
def changed(names=tuple(one.name for one in tiny_job.PLANTED)):
    """Which 10 m pixels lie mostly in a planted rectangle, ``(y, x)`` bool."""
    fine = np.zeros((tiny_job.GRID.height, tiny_job.GRID.width))
    for one in tiny_job.PLANTED:
        if one.name in names:
            fine[one.slices] = 1
    return fine.reshape(GRID.height, 5, GRID.width, 5).mean(axis=(1, 3)) > 0.5


@cache
def series_images():
    """Day -> ``(7, y, x)`` uint16: a season of green, bright ground from the change on."""
    rng = np.random.default_rng(7)
    images = {}
    for day in MSI_DAYS:
        season = 0.5 + 0.5 * np.sin(2 * np.pi * (day.timetuple().tm_yday - 100) / 365)
        land = np.array([500, 800, 900 - 400 * season, 1800, 2200 + 1800 * season, 2000, 1500])
        roof = np.array([2300, 2500, 2700, 2800, 2900, 3000, 3000])
        ground = np.broadcast_to(land[:, None, None], (7, GRID.height, GRID.width)).copy()
        if day >= CHANGED:
            ground[:, changed()] = roof[:, None]
        images[day] = np.clip(ground + rng.normal(0, 40, ground.shape), 1, 10000).astype(np.uint16)
    return images


@cache
def radar_images():
    """Day -> ``(2, y, x)`` int16: four looks, 9 dB more from the change on."""
    rng = np.random.default_rng(8)
    images = {}
    for day in SAR_DAYS:
        level = np.stack([np.full((GRID.height, GRID.width), value) for value in (-11.0, -17.0)])
        if day >= CHANGED:
            level[:, changed(RADAR_SEES)] += 9.0
        speckle = 10 * np.log10(rng.gamma(4.4, 1 / 4.4, level.shape))
        images[day] = np.rint((level + speckle) * 100).astype(np.int16)
    return images


def add_sources(config, *, series=True, radar=True, since=None):
    """Add images of both sources to a copy of the tiny job."""
    scenes = config.parent / "scenes"
    sensors = ["pms2m"]
    if series:
        sensors.append("msi10m")
        for day, values in series_images().items():
            if since is None or day >= since:
                path = scenes / f"MSI10M_{day:%Y%m%d}.tif"
                tiny_job.write_image(path, values, GRID, MSI_FORM)
    if radar:
        sensors.append("sar10m")
        for day, values in radar_images().items():
            tiny_job.write_image(scenes / f"SAR10M_{day:%Y%m%d}.tif", values, GRID, SAR_FORM)
    text = config.read_text(encoding="utf-8")
    text = text.replace("sensors: [pms2m]", f"sensors: [{', '.join(sensors)}]")
    config.write_text(text, encoding="utf-8")
    return config


def cover_with_cloud(config):
    """Put a cloud over the whole image after."""
    mask = np.ones((tiny_job.GRID.height, tiny_job.GRID.width), np.uint8)
    path = config.parent / "scenes" / tiny_job.AFTER.replace(".tif", "_cloud.tif")
    tiny_job.write_image(path, mask, form=tiny_job.CLOUD_FORM)
