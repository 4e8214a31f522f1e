"""The series on real pixels: no alarm where nothing changed, the recorded break where it is."""

import csv
import json
import sys
from datetime import date

import numpy as np
import pytest

from changedetect.config.series import SeriesSection
from changedetect.kernels import charts
from changedetect.stages.evidence import series

CFG = SeriesSection()
ROLES = ("red", "nir", "swir1")
HALF = 0.5


def follow(days, images, roles, cfg=CFG):
    """Run a series; return the state and, per pixel, number and first day of alarms."""
    state = series.start(images.shape[2:], roles, cfg)
    alarms = np.zeros(images.shape[2:], int)
    first = np.zeros(images.shape[2:], int)
    for day, image in zip(days, images, strict=True):
        new = series.update(state, day, image, cfg)
        rang = new.days[charts.BREAK_AFTER] != state.days[charts.BREAK_AFTER]
        alarms += rang
        first = np.where(rang & (first == 0), day.toordinal(), first)
        state = new
    return state, alarms, first


@pytest.fixture(scope="module")
def slovenia(real_data):
    folder = real_data / "s2_slovenia" / "TestEOPatch"
    times = json.loads((folder / "timestamps.json").read_text(encoding="utf-8"))
    days = [date.fromisoformat(time[:10]) for time in times]
    ndvi = np.load(folder / "data" / "NDVI.npy")[..., 0].astype(np.float32)
    valid = np.load(folder / "mask" / "IS_VALID.npy")[..., 0]
    return days, np.where(valid, ndvi, np.nan)[:, None]


def test_slovenia__stays_quiet(slovenia):
    days, ndvi = slovenia
    _, alarms, _ = follow(days, ndvi, ("ndvi",))
    years = (days[-1] - days[0]).days / 365.25 - 1
    rate = alarms.sum() / alarms.size / years
    sys.stdout.write(f"\ns2_slovenia: {rate:.5f} false breaks per pixel-year after the first year")
    assert rate <= 0.001


@pytest.mark.parametrize(("share", "least"), [(1.0, 0.98), (HALF, 0.0)])
def test_slovenia__injected_loss_is_found(slovenia, share, least):
    """Greenness alone can not see half a pixel: its recall is printed, not promised."""
    days, ndvi = slovenia
    sample = ndvi[:, :, ::3, ::3]
    rng = np.random.default_rng(0)
    low, high = date(2016, 9, 1).toordinal(), date(2017, 8, 1).toordinal()
    ordinals = np.array([day.toordinal() for day in days])
    changed = rng.integers(low, high, sample.shape[2:])
    bare = (0.12 + 0.03 * rng.standard_normal(sample.shape)).astype(np.float32)
    after = (ordinals[:, None, None] >= changed)[:, None]
    injected = np.where(after, share * bare + (1 - share) * sample, sample)
    _, _, first = follow(days, injected.astype(np.float32), ("ndvi",))
    green = np.nanmedian(sample[:, 0], axis=0) > 0.35
    counted = green & ~((first > 0) & (first < changed))
    found = counted & (first >= changed)
    seen = np.isfinite(sample[:, 0])
    between = (ordinals[:, None, None] >= changed) & (ordinals[:, None, None] <= first)
    dates = np.median((seen & between).sum(axis=0)[found])
    recall = found.sum() / counted.sum()
    sys.stdout.write(
        f"\ns2_slovenia, injected loss of {share:.0%} of a pixel: recall {recall:.3f}, median "
        f"delay {np.median((first - changed)[found]):.0f} d = {dates:.0f} clear dates"
    )
    assert recall >= least
    assert share < 1 or dates <= 3


def reflectances(rows):
    """Clear, plausible Landsat rows (day, red, nir, swir1, stored × 10 000), one a day."""
    kept = {}
    for day, *values in rows:
        if all(0 < value < 16_000 for value in values):
            kept.setdefault(int(day), [value / 10_000 for value in values])
    days = sorted(kept)
    images = np.array([kept[day] for day in days], np.float32)[:, :, None, None]
    return [date.fromordinal(day) for day in days], images


def plain_rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.reader(file):
            day, _, _, red, nir, swir, _, _, quality, *_ = [float(value) for value in row]
            if quality in {0, 1}:
                yield (day if day < 2e6 else day - 1_721_424), red, nir, swir


def named_rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if int(row["qas"]) & 0b110:
                yield tuple(float(row[name]) for name in ("dates", "reds", "nirs", "swir1s"))


def test_pycold__break_at_the_recorded_date(real_data):
    path = real_data / "pixel_series" / "pycold" / "spectral_336_3980_obs.csv"
    days, images = reflectances(plain_rows(path))
    state, alarms, _ = follow(days, images, ROLES)
    before, after = (date.fromordinal(int(day)) for day in state.days[4:6, 0, 0])
    sys.stdout.write(f"\npycold 336/3980: break in ({before}, {after}], recorded 2013-06-20")
    assert alarms.item() == 1
    recorded = min(days, key=lambda day: abs((day - date(2013, 6, 20)).days))
    assert abs(days.index(after) - days.index(recorded)) <= 1
    assert abs(days.index(before) - days.index(recorded)) <= 1


@pytest.mark.parametrize(
    ("name", "ready", "breaks"),
    [
        ("h04v03_-1945125_2844645_pixel_endfit.csv", series.READY, 0),
        ("h04v03_-1945155_2844645_pixel_startfit.csv", series.READY, 0),
        ("h04v03_-1947075_2846265_pixel_insuff.csv", series.TOO_FEW_DATES, 0),
        ("h04v03_-1947105_2846265_pixel_snow.csv", series.TOO_FEW_DATES, 0),
        ("sample_WA_grid08_row12_col2265_fmask_fail.csv", series.TOO_FEW_DATES, 0),
        ("sample_WA_grid08_row9_col2267_persistent_snow.csv", series.TOO_FEW_DATES, 0),
        ("sample_WA_grid08_row999_col1_normal.csv", series.READY, 0),
    ],
)
def test_pyccd__right_answer_or_a_named_not_enough(real_data, name, ready, breaks):
    path = real_data / "pixel_series" / "pyccd" / name
    rows = plain_rows(path) if name.startswith("sample") else named_rows(path)
    days, images = reflectances(rows)
    state, alarms, _ = follow(days, images, ROLES)
    sys.stdout.write(f"\n{name}: {len(days)} clear dates, {alarms.item()} breaks")
    assert series.readiness(state, CFG).item() == ready
    assert alarms.item() == breaks
