"""Patches that no pair saw for the larger part are left open; what lies around does not tell."""

import math

import numpy as np
import pandas as pd
import pytest

from changedetect.config.unseen import UnseenSection
from changedetect.stages import classify

CFG = UnseenSection()
MU_M2 = 2000 / 3
BANDS = ("blue_before", "ndvi_after")


def moments_of(seen_px, around_px=0):
    """Of one patch: how many of its pixels tell of bands, and of their surroundings."""
    told = np.zeros((1, len(classify.CHANNELS), 3), np.int64)
    for place, name in enumerate(classify.CHANNELS):
        told[0, place, 0] = seen_px if name in BANDS else around_px if "around" in name else 0
    return told


def patch(mu=1.0, radar=np.nan, series=np.nan, model=np.nan):
    return pd.DataFrame(
        {
            "pixels": [100],
            "area_m2": [mu * MU_M2],
            "radar_llr": [radar],
            "series_llr": [series],
            "model_llr": [model],
        }
    )


def judged(table, seen):
    predicted = pd.DataFrame(
        {"family": ["building"], "family_probability": [0.9], "change_probability": [0.8]}
    )
    found = classify.leave_open(predicted, table, np.array([seen]), CFG)
    return tuple(found.iloc[0])


def test_seen__surroundings_do_not_tell_what_is_under_a_cloud():
    assert classify.seen_shares(patch(), moments_of(50)).tolist() == [0.5]
    assert classify.seen_shares(patch(), moments_of(0, around_px=100)).tolist() == [0.0]


def test_unseen__half_of_the_patch_is_enough_to_judge_it_by_its_images():
    assert judged(patch(radar=6.0), 0.5) == ("building", 0.9, 0.8, False)
    family, family_probability, _, is_unseen = judged(patch(radar=6.0), 0.49)
    assert (family, family_probability, is_unseen) == (classify.UNSURE, 0.0, True)


@pytest.mark.parametrize(
    ("table", "log_odds"),
    [
        (patch(), CFG.log_odds),  # nobody observed it: rare
        (patch(radar=5.0), CFG.log_odds + 5 * CFG.weight_radar),
        (patch(mu=math.e, radar=5.0), CFG.log_odds + 5 * CFG.weight_radar + CFG.log_odds_per_ln_mu),
        (
            patch(radar=3.0, series=-1.0),
            CFG.log_odds + 3 * CFG.weight_radar - CFG.weight_series,
        ),
        (patch(model=2.0), CFG.log_odds + 2 * CFG.weight_model),
    ],
)
def test_unseen__the_probability_is_the_sum_of_what_its_sources_are_worth(table, log_odds):
    assert judged(table, 0.0)[2] == pytest.approx(1 / (1 + math.exp(-log_odds)))


def test_unseen__loud_radar_alone_is_no_certainty():
    assert 0.3 < judged(patch(radar=6.0), 0.0)[2] < 0.6


def test_unseen__no_patches():
    none = patch().iloc[:0]
    predicted = pd.DataFrame(
        {"family": [], "family_probability": np.zeros(0), "change_probability": np.zeros(0)}
    )
    assert classify.leave_open(predicted, none, np.zeros(0), CFG)["is_unseen"].tolist() == []
