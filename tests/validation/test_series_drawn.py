"""The series on simulated 10 m pixels: quiet on paddies and rotation, finds whole and half pixels."""

import sys

import numpy as np
import pytest

from changedetect.config.series import SeriesSection
from changedetect.kernels import charts
from changedetect.simulate.world import COVERS
from changedetect.stages.evidence import series
from tests.validation.drawn_series import ROLES, draw

CFG = SeriesSection()
SEED = 930
SHAPE = (36, 40)
FIRST_YEAR = 480
FIELDS = {
    "paddy_double": 0.24, "paddy_single": 0.18, "dryland": 0.16, "vegetables": 0.07,
    "orchard": 0.06, "tea": 0.04, "broadleaf": 0.08, "conifer": 0.03, "bamboo": 0.04,
    "shrub": 0.04, "grass": 0.06,
}  # fmt: skip
BUILT = (
    "concrete", "roof_grey", "roof_red", "roof_blue", "roof_white", "asphalt", "earthwork",
    "bare_soil", "yard", "pond", "greenhouse", "pv_panel", "spoil",
)  # fmt: skip
FIELD_COVERS = ("paddy_double", "paddy_single", "dryland", "vegetables")


def covers(share, shape=SHAPE):
    rng = np.random.default_rng([SEED, 9])
    part = np.array(list(FIELDS.values()))
    cover = np.array([COVERS.index(n) for n in FIELDS])[
        rng.choice(len(FIELDS), shape, p=part / part.sum())
    ]
    after = np.array([COVERS.index(n) for n in BUILT])[rng.integers(len(BUILT), size=shape)]
    changed = rng.integers(738_156 + FIRST_YEAR, 738_156 + 1096, shape)
    return cover, after, changed if share else np.zeros(shape, int)


def follow(drawn):
    """Pixel, day, bracket of every break."""
    state = series.start(drawn.cover.shape, ROLES, CFG)
    found = []
    for day, image in zip(drawn.days, drawn.values, strict=True):
        new = series.update(state, day, image, CFG)
        rang = new.days[charts.BREAK_AFTER] != state.days[charts.BREAK_AFTER]
        found += [
            (row, col, day.toordinal(), *new.days[charts.BREAK_BEFORE :, row, col])
            for row, col in np.argwhere(rang)
        ]
        state = new
    return found


def pixel_years(drawn, where):
    seen = np.isfinite(drawn.values).all(axis=1)
    days = np.array([day.toordinal() for day in drawn.days])
    first = np.where(seen.any(axis=0), days[seen.argmax(axis=0)], days[-1])
    return (np.clip(days[-1] - first - 365, 0, None) / 365.25)[where].sum()


@pytest.fixture(scope="module")
def quiet():
    drawn = draw(SEED, *covers(0.0), 0.0)
    return drawn, follow(drawn)


def test_fields__stay_quiet_through_floods_harvests_and_rotation(quiet):
    drawn, found = quiet
    for name in ("all", *FIELD_COVERS):
        where = np.ones(drawn.cover.shape, bool)
        if name != "all":
            where = drawn.cover == COVERS.index(name)
        years = pixel_years(drawn, where)
        count = sum(bool(where[row, col]) for row, col, *_ in found)
        sys.stdout.write(f"\n{name}: {count} false breaks in {years:.0f} pixel-years")
        if name == "all":
            # 4,092 pixel-years of a rate of .001 hold 8 or fewer in 98 of 100 cases
            assert count / years <= 0.002


@pytest.mark.parametrize(("share", "least", "perennial"), [(1.0, 0.90, 0.95), (0.5, 0.80, 0.94)])
def test_change__of_a_whole_and_half_a_pixel_is_found_within_a_year(share, least, perennial):
    drawn = draw(SEED, *covers(share), share)
    days = np.array([day.toordinal() for day in drawn.days])
    seen = np.isfinite(drawn.values).all(axis=1)
    delay = np.full(drawn.cover.shape, np.nan)
    held, early = [], np.zeros(drawn.cover.shape, bool)
    for row, col, day, before, after in found_first(follow(drawn)):
        early[row, col] = day < drawn.changed[row, col]
        if not early[row, col]:
            delay[row, col] = day - drawn.changed[row, col]
            held.append(before < drawn.changed[row, col] <= after)
    clear = seen & (days[:, None, None] >= drawn.changed)
    counted = ~early & ((clear & (days[:, None, None] <= drawn.changed + 365)).sum(axis=0) >= 3)
    hit = counted & (delay <= 365)
    until = clear & (days[:, None, None] <= drawn.changed + np.nan_to_num(delay))
    fields = np.isin(drawn.cover, [COVERS.index(name) for name in FIELD_COVERS])
    parts = [hit[counted & where].mean() for where in (True, fields, ~fields)]
    sys.stdout.write(
        f"\n{share:.0%} of a pixel, {counted.sum()} pixels: recall within a year {parts[0]:.3f} "
        f"(fields {parts[1]:.3f}, perennials {parts[2]:.3f}), median delay "
        f"{np.median(delay[hit]):.0f} d = {np.median(until.sum(axis=0)[hit]):.0f} clear dates, "
        f"bracket holds {np.mean(held):.3f}"
    )
    assert parts[0] >= least
    assert parts[2] >= perennial
    assert np.mean(held) >= 0.7


def found_first(found):
    kept = {}
    for one in found:
        kept.setdefault(one[:2], one)
    return kept.values()
