"""The simulated county is about as hard as real ground for plain detectors."""

import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import difficulty


@pytest.fixture(scope="module")
def pair():
    return next(iter(difficulty.simulated_pairs(1, size=1000)))


def test_plain_detectors__do_about_as_well_as_on_real_pairs(pair):
    scores = difficulty.score_pair(pair)
    assert 0.60 <= scores["z-CVA KI"] <= 0.92
    assert 0.75 <= scores["IR-MAD KI"] <= 0.95


def test_one_pixel_of_shift__costs_a_tenth_of_kappa(pair):
    scores = difficulty.score_pair(pair)
    assert scores["IR-MAD KI"] - scores["IR-MAD KI, 1 px shift"] > 0.1


def test_thresholds_from_the_histogram__fail_when_change_is_rare(pair):
    rates = difficulty.rare_alarm_rates(pair)
    assert max(rates.values()) > 0.03
    assert min(rates.values()) > 0.004


def test_persistence__alarms_on_many_unchanged_fields():
    ndvi, day = difficulty.simulated_series(1, size=200)
    assert difficulty.persistence_alarms(ndvi, day).mean() > 0.15


def test_yardstick__gives_the_known_figures_on_real_ground(real_data):
    folder = real_data / "landsat_taizhou"
    if not folder.is_dir():
        pytest.skip("landsat_taizhou is absent")
    scores = difficulty.score_pair(difficulty.taizhou(folder))
    assert scores["z-CVA KI"] == pytest.approx(0.919, abs=0.02)
    assert scores["IR-MAD KI"] == pytest.approx(0.938, abs=0.01)
    assert scores["IR-MAD KI, 1 px shift"] == pytest.approx(0.789, abs=0.02)


def test_persistence__rule_by_hand():
    day = np.array([date(2020, 5, 1).toordinal() + step for step in (0, 366, 369, 372, 375)])
    ndvi = np.array([[0.8, 0.8], [0.3, 0.8], [0.3, 0.3], [np.nan, 0.8], [0.8, 0.8]])
    more = np.vstack([ndvi, [[0.3, 0.3]]])
    days = np.append(day, day[-1] + 3)
    assert difficulty.persistence_alarms(more, days).tolist() == [True, False]


def test_kappa__by_hand():
    labels = np.array([1, 1, 0, 0, 255])
    assert difficulty.kappa(labels, np.array([1, 1, 0, 0, 1], bool)) == 1.0
    assert difficulty.kappa(labels, np.array([1, 0, 1, 0, 1], bool)) == 0.0
