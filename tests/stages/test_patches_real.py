"""A real pair (Landsat, Taizhou): tilings agree, other tools agree, the classifier's features hold."""

import numpy as np
import pytest
import rasterio
import rasterio.features
import shapely
import xarray as xr

from changedetect import schema
from changedetect.config.detection import PatchesSection
from changedetect.grid import Grid
from changedetect.stages.classify import (
    CHANNELS,
    FEATURE_NAMES,
    HALO_PX,
    channel_sampler,
    features,
)
from changedetect.stages.patches import outline, tile_runs

ROLES = ["blue", "green", "red", "nir", "swir1", "swir2"]
CFG = PatchesSection(min_pixels=4, gap_px=1)


@pytest.fixture(scope="module")
def taizhou(real_data):
    dates = []
    for name in ("2000TM", "2003TM"):
        with rasterio.open(real_data / "landsat_taizhou" / name) as image:
            dates.append(image.read().astype(np.float32) / 255)
            transform, crs = image.transform, f"EPSG:{image.crs.to_epsg()}"
    stack = xr.DataArray(np.stack(dates), dims=("time", "band", "y", "x"), coords={"band": ROLES})
    z = (stack - stack.mean(("y", "x"))) / stack.std(("y", "x"))
    distance = np.sqrt(((z[1] - z[0]) ** 2).sum("band")).values
    evidence = np.rint((distance - np.quantile(distance, 0.9)) * 100).astype(np.int16)
    evidence[150:170, 90:130] = schema.EVIDENCE_NODATA
    height, width = evidence.shape
    return stack, evidence, Grid(crs, tuple(transform)[:6], width, height)


def cut(taizhou, size):
    stack, evidence, grid = taizhou
    return [
        tile_runs(
            np.ascontiguousarray(evidence[tile.outer.slices]),
            tile,
            0,
            channel_sampler(stack[:, :, *tile.outer.slices]),
            CFG,
        )
        for tile in grid.tiles(size, CFG.gap_px + HALO_PX)
    ]


def test_outline__of_a_real_pair_is_the_same_for_every_tiling(taizhou):
    grid = taizhou[2]
    whole = outline(cut(taizhou, 512), grid, CFG)
    assert len(whole.patches) > 300
    table = features(whole.patches, whole.moments)
    for size in (97, 256):
        other = outline(cut(taizhou, size)[::-1], grid, CFG)
        assert [g.wkb for g in other.patches.geometry] == [g.wkb for g in whole.patches.geometry]
        assert features(other.patches, other.moments).equals(table)
    assert list(table.columns[1:]) == list(FEATURE_NAMES)
    missing = {name for name in FEATURE_NAMES if table[name].isna().all()}
    assert missing == {name for name in FEATURE_NAMES if "rededge" in name} | {
        "f_gap_days",
        "f_season_cos",
        "f_season_sin",
        "f_season_gap_days",
    }
    assert whole.moments.shape[1] == len(CHANNELS)


def test_outline__of_a_real_pair_equals_rasterio(taizhou):
    _, _, grid = taizhou
    whole = outline(cut(taizhou, 512), grid, CFG)
    mask = whole.painted(grid.window).astype(np.uint8)
    transform = rasterio.Affine(*grid.transform)
    theirs = shapely.union_all(
        [
            shapely.geometry.shape(geometry)
            for geometry, _ in rasterio.features.shapes(mask, mask == 1, 4, transform)
        ]
    )
    ours = np.array(whole.patches.geometry)
    assert shapely.is_valid(ours).all()
    assert shapely.symmetric_difference(shapely.union_all(ours), theirs).area == 0
    assert int(whole.patches.pixels.sum()) == int(mask.sum())
    # 30 m UTM pixels of 900 m² on the map are a little more or less on the ellipsoid.
    assert (whole.patches.area_m2 / (900 * whole.patches.pixels)).between(0.998, 1.002).all()
