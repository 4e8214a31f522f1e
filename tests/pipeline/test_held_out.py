"""The card's figures of patches not learnt from, by hand."""

import numpy as np
import pandas as pd
import pytest

from changedetect.pipeline.learning.held_out import judge
from changedetect.stages import classify


class Oracle:
    """Says of each row what it was told to say."""

    classes_ = np.array(["building", "pond", classify.PSEUDO])
    feature_names_in_ = classify.FEATURE_NAMES

    def __init__(self, probability):
        self.probability = np.array(probability, float)

    def predict_proba(self, rows):
        return self.probability[rows["f_llr_max"].to_numpy(int)]


def table(count, area_m2):
    rows = pd.DataFrame(0.0, index=range(count), columns=list(classify.FEATURE_NAMES))
    rows["f_llr_max"] = np.arange(count)
    rows["f_log_area"] = np.log(area_m2)
    return rows.assign(patch_id=[f"P{k}" for k in range(count)])


def test_judge__by_hand():
    """Two buildings, one of them called a pond; two pseudo-changes, one kept as a building; one nobody's."""
    said = Oracle([
        [0.95, 0.05, 0.00],
        [0.25, 0.75, 0.00],
        [0.00, 0.05, 0.95],
        [0.45, 0.00, 0.55],
        [0.00, 0.00, 1.00],
    ])  # fmt: skip
    labels = np.array(["building", "building", classify.PSEUDO, classify.PSEUDO, ""], object)
    found = judge(said, table(5, [400.0, 400, 400, 100, 400]), labels)
    assert found["n"] == 4
    assert found["macro_f1"] == pytest.approx(0.5)  # 2 x 1 / (2 called + 2 real)
    assert found["macro_f1_of_changes"] == pytest.approx(2 / 3)  # the false one is no matter here
    assert (found["changes_kept"], found["pseudo_rejected"]) == (1.0, 0.5)
    assert found["precision_kept"] == 1.0  # the false one is below half a mu
    assert found["by_class"]["building"] == {"precision": 0.5, "recall": 0.5, "n": 2}
    assert found["confusion"]["building"]["pond"] == 1
    assert found["calibration_error"] == pytest.approx((0.05 + 0.45) / 4)
    assert found["family_calibration_error"] == pytest.approx((0.05 + 0.75) / 2)
    assert found["reliability"][0] == {
        "from": 0.0,
        "n": 1,
        "said": pytest.approx(0.05),
        "changed": 0.0,
    }
    assert sum(row["n"] for row in found["reliability"]) == 4


def test_judge__of_pseudo_change_alone_has_no_figures_of_families():
    found = judge(Oracle([[0, 0, 1.0]]), table(1, [400.0]), np.array([classify.PSEUDO], object))
    assert found["macro_f1"] is None
    assert found["changes_kept"] is None
    assert found["precision_kept"] is None
    assert found["pseudo_rejected"] == 1.0
