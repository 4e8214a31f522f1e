"""Stated false-alarm rates on simulated 2 m pairs, as they are and with change thinned out.

``pytest -s tests/validation/test_rare_change.py`` prints the table of docs/accuracy.md. Changed
ground and its surroundings are taken out of the image before, all but a few changes, until these
are 0.1% and 0.01% of the county.
"""

import sys
from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.features import rasterize
from scipy import ndimage

from changedetect.config.detection import EvidenceSection, PixelsSection
from changedetect.grid import Grid
from changedetect.pipeline.runs.progress import Silent
from changedetect.pipeline.simulation import WorldOptions, simulate
from changedetect.schema import EVIDENCE_NODATA
from changedetect.stages.evidence.optical import fit_pair, measure_pair
from changedetect.stages.pixels import PairSample, fit_pixels, prepare_pair, sample_windows

ROLES = ("blue", "green", "red", "nir")
PIXELS, EVIDENCE = PixelsSection(), EvidenceSection()
SEED, START = 941, "2025-06"
NEAR_PX = 2
"""Pixels this near to change are neither changed nor unchanged."""


@pytest.fixture(scope="module")
def county(tmp_path_factory):
    """Images, masks and times of a simulated pair, and the number of the change of every pixel."""
    folder = tmp_path_factory.mktemp("rare") / "world"
    options = WorldOptions(SEED, start=START, sensors=("pms2m",))
    simulate(folder, options, overwrite=False, progress=Silent())
    files = sorted((folder / "scenes").glob("PMS2M_????????.tif"))
    images, masks = [], []
    for path in files:
        with rasterio.open(path) as image:
            values, transform = image.read().astype(np.float32), image.transform
        values[values == 0] = np.nan
        images.append(values / 10_000)
        with rasterio.open(path.with_name(f"{path.stem}_cloud.tif")) as mask:
            masks.append(mask.read(1))
    truth = gpd.read_file(folder / "truth.gpkg", layer="changes")
    first, last = (path.stem[-8:] for path in files)
    days = truth["changed_on"].astype("datetime64[ns]")
    truth = truth[(days > np.datetime64(_iso(first))) & (days <= np.datetime64(_iso(last)))]
    shapes = [(shape, number) for number, shape in enumerate(truth.geometry, 1)]
    size = images[0].shape[1:]
    ids = rasterize(shapes, size, transform=transform, dtype="int32")
    touched = rasterize(shapes, size, transform=transform, all_touched=True, dtype="int32") > 0
    times = tuple(np.datetime64(_iso(day)).astype(object) for day in (first, last))
    return images, masks, times, ids, ndimage.binary_dilation(touched, iterations=NEAR_PX)


def _iso(day):
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


def detect(images, masks, times):
    """Evidence and its model, with the frozen configuration."""
    stamps = tuple(datetime(day.year, day.month, day.day, 3, tzinfo=UTC) for day in times)
    before, after = images
    grid = Grid("EPSG:4547", (2.0, 0.0, 0.0, 0.0, -2.0, 0.0), *before.shape[:0:-1])
    samples = [
        PairSample(w, *(i[:, *w.slices] for i in images), *(m[w.slices] for m in masks))
        for w in sample_windows(grid, PIXELS)
    ]
    pixels = fit_pixels(samples, ROLES, PIXELS)
    stacks = [
        prepare_pair(s.before, s.after, (s.cloud_before, s.cloud_after), stamps, pixels, PIXELS)
        for s in samples
    ]
    model = fit_pair(stacks, EVIDENCE)
    return measure_pair(
        prepare_pair(before, after, tuple(masks), stamps, pixels, PIXELS), model, EVIDENCE
    ), model


def kept_changes(ids, share):
    """Numbers of changes, drawn one after the other while they fit into a share of the county."""
    sizes = np.bincount(ids.ravel())
    kept, room = [], 1.3 * share * ids.size
    for number in 1 + np.random.default_rng(1).permutation(len(sizes) - 1):
        if 0 < sizes[number] <= room:
            kept.append(number)
            room -= sizes[number]
    return kept


@pytest.mark.parametrize("share", [None, 1e-3, 1e-4])
def test_simulated_pair__false_alarm_rate_is_the_stated_one(county, share):
    images, masks, times, ids, near = county
    before = images[0]
    if share is not None:
        kept = ndimage.binary_dilation(np.isin(ids, kept_changes(ids, share)), iterations=NEAR_PX)
        before = np.where(near & ~kept, np.float32(np.nan), before)
    evidence, model = detect((before, images[1]), masks, times)
    seen = evidence != EVIDENCE_NODATA
    alarm = seen & (evidence >= model.threshold)
    rate, changed = alarm[seen & ~near].mean(), seen & (ids > 0)
    recall = alarm[changed].mean() if changed.any() else float("nan")
    sys.stdout.write(
        f"seed {SEED}, thinned to {share}: false-alarm rate {rate:.5f}, stated "
        f"{model.false_alarm_rate:.5f}, changed pixels found {recall:.3f}\n"
    )
    assert rate <= 2 * model.false_alarm_rate
    if share is not None:
        assert model.false_alarm_rate <= EVIDENCE.false_alarm_rate
        assert (
            rate <= 1.05 * EVIDENCE.false_alarm_rate
        )  # a twentieth: rates are of unchanged ground
    else:
        assert recall >= 0.5
