"""Pixel accuracy: hand answers, scikit-learn as the other tool, blocks in any order, unobserved apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score, cohen_kappa_score, roc_auc_score

from changedetect.accuracy.labels import Mapping, two_sided
from changedetect.accuracy.pixels import UNLABELLED, Confusion, LabelledHistogram, count_mask
from changedetect.errors import ConfigError
from changedetect.schema import EVIDENCE_NODATA

HAND = Confusion(
    hits=40, misses=10, false_alarms=5, rejections=45, changed_unseen=7, unchanged_unseen=3
)


def counted(evidence, labels):
    histogram = LabelledHistogram()
    histogram.add(np.asarray(evidence, np.int16), np.asarray(labels, np.uint8))
    return histogram


def test_confusion__by_hand():
    assert HAND.accuracy.value == pytest.approx(85 / 100)
    assert HAND.kappa == pytest.approx(
        (0.85 - 0.5) / 0.5
    )  # half of each: chance is (45 + 55) / 200
    assert HAND.f1 == pytest.approx(80 / 95)
    assert HAND.recall.value == pytest.approx(0.8)
    assert HAND.recall_of_all.value == pytest.approx(40 / 57)
    assert HAND.precision.value == pytest.approx(40 / 45)
    assert HAND.false_alarm_rate.value == pytest.approx(0.1)
    assert (HAND.unobserved.hits, HAND.unobserved.n) == (10, 110)


def test_confusion__nothing_to_count_is_none_not_zero():
    nothing = Confusion(0, 0, 0, 0)
    assert [nothing.kappa, nothing.f1, nothing.recall.value, nothing.accuracy.value] == [None] * 4
    assert Confusion(0, 0, 0, 9).kappa is None  # all alike: agreement beyond chance has no meaning


def test_histogram__not_observed_and_unlabelled_are_in_no_figure():
    histogram = counted(
        [EVIDENCE_NODATA, EVIDENCE_NODATA, 500, 500, -200, 32767],
        [1, 0, 1, UNLABELLED, 0, UNLABELLED],
    )
    found = histogram.confusion(100)
    assert (found.hits, found.misses, found.false_alarms, found.rejections) == (1, 0, 0, 1)
    assert (found.changed_unseen, found.unchanged_unseen) == (1, 1)
    assert histogram.apart["unlabelled"] == 2


def test_histogram__a_threshold_is_met_by_its_own_level():
    histogram = counted([99, 100, 101], [1, 1, 1])
    assert [histogram.confusion(level).hits for level in (99, 100, 101, 102)] == [3, 2, 1, 0]


blocks = hnp.arrays(np.int16, 40, elements=st.integers(-6, 6))


@given(blocks, hnp.arrays(np.uint8, 40, elements=st.sampled_from([0, 1])))
def test_areas__as_scikit_learn(evidence, labels):
    labels[:2] = 0, 1
    histogram = counted(evidence, labels)
    assert histogram.area_under_roc == pytest.approx(roc_auc_score(labels, evidence))
    assert histogram.average_precision == pytest.approx(average_precision_score(labels, evidence))
    alarm = evidence >= 2
    found = histogram.confusion(2)
    if alarm.any() and not alarm.all():
        assert found.kappa == pytest.approx(cohen_kappa_score(labels, alarm))


@given(blocks, hnp.arrays(np.uint8, 40, elements=st.sampled_from([0, 1, 255])), st.integers(1, 39))
def test_histogram__is_the_same_however_it_is_cut(evidence, labels, cut):
    evidence[::7] = EVIDENCE_NODATA
    whole, parts = counted(evidence, labels), LabelledHistogram()
    for part in (slice(cut, None), slice(None, cut)):
        parts.add(evidence[part], labels[part])
    assert np.array_equal(whole.changed, parts.changed)
    assert np.array_equal(whole.unchanged, parts.unchanged)
    assert whole.apart == parts.apart


def test_curve__keeps_both_ends_and_is_thinned():
    rng = np.random.default_rng(1)
    evidence = np.concatenate([rng.normal(0, 3000, 20_000), rng.normal(5000, 3000, 20_000)])
    histogram = counted(np.clip(evidence, -32767, 32767), np.repeat([0, 1], 20_000))
    curve = histogram.curve(0.0, 0.01, points=100)
    assert 50 < len(curve.score) < 250
    assert (curve.recall[-1], curve.false_alarm_rate[-1]) == (1, 1)
    assert curve.score[0] == pytest.approx(evidence.astype(np.int16).max() / 100)
    assert np.all(np.diff(curve.recall) >= 0)
    assert np.all(np.diff(curve.score) < 0)
    middle = len(curve.score) // 2
    found = histogram.confusion(round(curve.score[middle] * 100))
    assert curve.recall[middle] == pytest.approx(found.recall.value)
    assert curve.precision[middle] == pytest.approx(found.precision.value)


def test_one_label_only__has_no_area():
    assert counted([1, 2], [1, 1]).area_under_roc is None
    assert counted([1, 2], [0, 0]).average_precision is None


def test_count_mask__by_hand():
    mask = np.array([1, 0, 1, 0, 255, 255, 1], np.uint8)
    labels = np.array([1, 1, 0, 0, 1, 0, 255], np.uint8)
    assert count_mask(mask, labels).tolist() == [1, 1, 1, 1, 1, 1]


def test_mapping__ranges_texts_and_what_is_refused():
    values = np.array([-3, 0, 0.5, 127, 128, 255])
    assert Mapping.of(["128-255"], ["0-127"]).label(values).tolist() == [255, 0, 0, 0, 1, 1]
    assert Mapping.of(["-3"], []).label(values).tolist() == [1, 255, 255, 255, 255, 255]
    with pytest.raises(ConfigError, match="overlap"):
        Mapping.of(["100-255"], ["0-127"])
    with pytest.raises(ConfigError, match="'many'"):
        Mapping.of(["many"], [])


def test_two_sided__what_both_claim_is_unlabelled_and_counted():
    changed, unchanged = np.array([1, 1, 0, 0], bool), np.array([0, 1, 1, 0], bool)
    labels, both = two_sided(changed, unchanged)
    assert labels.tolist() == [1, 255, 0, 255]
    assert both == 1
