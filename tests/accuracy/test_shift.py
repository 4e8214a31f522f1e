import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from changedetect.accuracy.shift import POINTS, Sample, drifts, holm
from tests.naive import promise as naive

VALUES = st.lists(st.integers(-5, 5).map(float), min_size=8, max_size=60)


@given(VALUES, VALUES)
@settings(max_examples=60)
def test_drift__distance_is_the_naive_twin_and_scipys(one, other):
    (found,) = drifts({"x": Sample.of(np.array(one))}, {"x": Sample.of(np.array(other))})
    assert found.distance == pytest.approx(naive.smirnov(one, other))
    known = stats.ks_2samp(one, other, method="asymp")
    assert found.distance == pytest.approx(known.statistic)
    assert found.p == pytest.approx(known.pvalue, rel=1e-6)


def test_drift__many_features_and_no_shift_alarm_rarely():
    """Six features of one law: any called shifted at 5% after Holm in at most 5% of 200 draws or so."""
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(200):
        then, now = ({str(k): Sample.of(rng.normal(size=150)) for k in range(6)} for _ in range(2))
        alarms += any(one.adjusted < 0.05 for one in drifts(then, now))
    assert alarms <= 18


def test_drift__one_feature_that_moved_is_named():
    rng = np.random.default_rng(2)
    then = {name: Sample.of(rng.normal(size=300)) for name in "abc"}
    now = {name: Sample.of(rng.normal(name == "b", 1, 300)) for name in "abc"}
    assert [one.feature for one in drifts(then, now) if one.adjusted < 0.01] == ["b"]


def test_sample__large_ones_are_kept_by_quantiles():
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(size=5000), [np.nan] * 7])
    kept = Sample.of(values)
    assert kept.n == 5000
    assert len(kept.quantiles) == POINTS
    (same,) = drifts({"x": kept}, {"x": Sample.of(values[:5000])})
    assert same.distance <= 1 / POINTS


def test_drift__too_few_or_absent_is_not_tested():
    few = drifts(
        {"x": Sample.of(np.zeros(3)), "y": Sample.of(np.zeros(50))}, {"x": Sample.of(np.ones(50))}
    )
    assert [(one.feature, one.p, one.adjusted) for one in few] == [
        ("x", None, None),
        ("y", None, None),
    ]


def test_holm__by_hand():
    assert holm(np.array([0.5, 0.001, 0.02])).tolist() == pytest.approx([0.5, 0.003, 0.04])
    assert holm(np.zeros(0)).tolist() == []


def test_sample__knows_how_far_its_own_months_differ():
    """By hand: one month wholly above the others is at distance 1; alike months at 0; one alone at 0."""
    low, high = np.arange(10.0), np.arange(10.0) + 100
    assert Sample.of_months([low, low, high]).usual == 1.0
    assert Sample.of_months([low, low]).usual == 0.0
    assert Sample.of_months([low]).usual == 0.0
    assert Sample.of_months([low, high[:3]]).usual == 0.0
    assert Sample.of_months([low, high]).n == 20
    (told,) = drifts({"x": Sample.of_months([low, high])}, {"x": Sample.of(low)})
    assert (told.distance, told.usual) == (0.5, 1.0)
