"""All-cloud months: what radar alone finds in simulated counties, at the rate that it states."""

import sys
from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from affine import Affine
from rasterio.features import rasterize
from scipy.ndimage import maximum_filter

from changedetect.config.radar import RadarSection
from changedetect.simulate import acquisition, images, land
from changedetect.simulate.radar import RADAR_NODATA
from changedetect.stages.evidence import radar

CFG = RadarSection()
LEAST_M2 = 2 * 2000 / 3
FOUND_SHARE = 0.3
FAINT = ("planting", "greenhouse")
"""Families whose echo hardly differs from that of the fields they stand on."""


def county(seed, start):
    """Radar series in decibel, its days, truth, and each true change's share of pixels."""
    world = land.build_world(seed, months=3, start=start, size_km=1.6)
    studio = images.Studio(world)
    shots = [
        shot
        for shot in acquisition.schedule(seed, world.first_day, world.last_day)
        if shot.sensor == "sar10m"
    ]
    taken = [studio.take(shot) for shot in shots]
    grid = taken[0].grid
    stored = np.stack([image.values for image in taken])
    series = np.where(stored == RADAR_NODATA, np.nan, stored / 100.0).astype(np.float32)
    a, _, west, _, e, north = grid.transform
    fine = Affine(a / 10, 0.0, west, 0.0, e / 10, north)
    shape = (grid.height * 10, grid.width * 10)
    shares = [
        rasterize([g], out_shape=shape, transform=fine).reshape(shape[0] // 10, 10, -1, 10)
        for g in world.truth.geometry
    ]
    return series, [s.time.date() for s in shots], world.truth, [s.mean((1, 3)) for s in shares]


def month_alarm(series, days, begins, ends):
    earlier, month = [d < begins for d in days], [begins <= d < ends for d in days]
    before, after = series[earlier], series[month]
    told = [d for d in days if d < begins], [d for d in days if begins <= d < ends]
    model = radar.fit_radar([(before, after)], CFG, told)
    return radar.measure_radar(before, after, model, CFG) >= model.threshold, model


def months_from(start):
    months = [(start.year, start.month + step) for step in range(4)]
    firsts = [date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1) for year, month in months]
    return list(pairwise(firsts))


@pytest.mark.parametrize(
    ("seed", "start"),
    [
        (951, date(2025, 5, 1)),
        pytest.param(952, date(2025, 9, 1), marks=pytest.mark.slow),
        pytest.param(953, date(2025, 7, 1), marks=pytest.mark.slow),
    ],
)
def test_months_by_radar_alone(seed, start):
    series, days, truth, shares = county(seed, start)
    found, rates = [], []
    for begins, ends in months_from(start):
        alarm, model = month_alarm(series, days, begins, ends)
        changed = np.max([s for s, d in zip(shares, truth.changed_on, strict=True) if d < ends], 0)
        rates.append(alarm[maximum_filter(changed, 5) == 0].mean())
        for row, share in zip(truth.itertuples(), shares, strict=True):
            if begins <= row.changed_on < ends and row.area_m2 >= LEAST_M2:
                hit = (alarm * share).sum() >= FOUND_SHARE * share.sum()
                found.append((row.family, bool(hit)))
    families = sorted({family for family, _ in found})
    by_family = {f: [hit for family, hit in found if family == f] for f in families}
    clear = [hit for family, hit in found if family not in FAINT]
    recall = np.mean([hit for _, hit in found])
    listed = ", ".join(f"{f} {sum(hits)}/{len(hits)}" for f, hits in by_family.items())
    sys.stdout.write(
        f"\nseed {seed}, three months from {start}: recall >= 2 mu {recall:.2f} ({len(found)}), "
        f"without {' and '.join(FAINT)} {np.mean(clear):.2f} ({len(clear)}); false-alarm rate "
        f"{np.mean(rates):.4f} ({min(rates):.4f} to {max(rates):.4f}), stated "
        f"{model.false_alarm_rate:.4f}; {listed}"
    )
    assert np.mean(clear) >= 0.55
    assert np.mean(rates) <= 2 * model.false_alarm_rate
