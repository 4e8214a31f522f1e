"""Patches that no pair saw for the larger part are left open; what lies around does not tell."""

import numpy as np
import pandas as pd

from changedetect.pipeline.steps import classification
from changedetect.stages import classify


def moments_of(seen_px, around_px):
    """Of one patch: how many of its pixels tell of bands, and of their surroundings."""
    told = np.zeros((1, len(classify.CHANNELS), 3), np.int64)
    for place, name in enumerate(classify.CHANNELS):
        told[0, place, 0] = seen_px if name in classification.BANDS else around_px
    return told


def judged(seen_px, around_px=0, llr=0.0):
    predicted = pd.DataFrame(
        {"family": ["building"], "family_probability": [0.9], "change_probability": [0.8]}
    )
    table = pd.DataFrame({"pixels": [100], "llr_mean": [llr]})
    found = classification._unseen_unsure(predicted, table, moments_of(seen_px, around_px))
    return found.iloc[0].to_list()


def test_unseen__half_of_the_patch_is_enough_to_judge_it_by_its_images():
    assert judged(50) == ["building", 0.9, 0.8]
    assert judged(49) == [classify.UNSURE, 0.0, 0.5]


def test_unseen__surroundings_do_not_tell_what_is_under_a_cloud():
    assert judged(0, around_px=100, llr=np.log(3)) == [classify.UNSURE, 0.0, 0.75]
