"""Seasons of watched ground: green, bare, tilled; what is seldom seen stays open."""

from datetime import date

import numpy as np
import pytest
import shapely

from changedetect.config.crosscheck import CrosscheckSection
from changedetect.pipeline.steps.greenness import _longest_gap, judge
from changedetect.stages.crosscheck import Watched

CFG = CrosscheckSection()
DAY = date(2025, 10, 18)


def plot(since=date(2023, 1, 1)):
    return Watched("W", "12", 0, "ZB", "R", "", "", since, True, shapely.box(0, 0, 20, 20))


def series(recent, earlier, step=12):
    """One pixel: NDVI every so many days, back from the last day, and the same a year before."""
    ages = [*(k * step for k in range(len(recent))), *(365 + k * step for k in range(len(earlier)))]
    return np.array([*recent, *earlier], float)[:, None], np.array(ages)


FIELD = [0.2, 0.3, 0.5, 0.7, 0.7, 0.6, 0.5, 0.3, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2]
WOOD = [0.7] * 15
BARE = [0.1] * 15


@pytest.mark.parametrize(
    ("recent", "earlier", "green", "cropped"),
    [
        (FIELD, FIELD, 1.0, (1.0, 1.0)),
        (WOOD, FIELD, 1.0, (0.0, 0.0)),
        (BARE, BARE, 0.0, (0.0, 0.0)),
        (FIELD, BARE, 1.0, (0.0, 0.0)),
        (FIELD, [0.7, 0.7, 0.7], 1.0, (0.0, 1.0)),  # seen for a month only: may have been bare
    ],
)
def test_seasons__by_hand(recent, earlier, green, cropped):
    ndvi, ages = series(recent, earlier)
    found = judge(plot(), ndvi, ages, DAY, CFG)
    assert found.green_share == green
    assert (found.cropped_share, found.cropped_most) == cropped


def test_too_few_images__leave_it_open():
    ndvi, ages = series([0.7, np.nan], [])
    found = judge(plot(), ndvi, ages, DAY, CFG)
    assert found.green_share is None
    assert found.cropped_share is None
    assert found.images == 1


def test_plants_before_the_duty_began__say_nothing():
    ndvi, ages = series([0.1, 0.1, 0.1, 0.1, 0.8, 0.8], [])
    assert judge(plot(date(2025, 9, 1)), ndvi, ages, DAY, CFG).green_share == 0.0
    assert judge(plot(), ndvi, ages, DAY, CFG).green_share == 1.0


def test_longest_gap__is_the_largest_of_all_differences():
    seen = np.array([[True], [False], [True]])
    assert _longest_gap(seen, np.array([10, 20, 70]), 183).tolist() == [113.0]
    assert _longest_gap(seen, np.array([10, 20, 70]), 75).tolist() == [60.0]
