"""Intervals of shares: SciPy as the other tool, and the ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from changedetect.accuracy.shares import Share


@given(st.integers(0, 60), st.integers(1, 60))
def test_intervals__as_scipy(hits, n):
    hits = min(hits, n)
    other = binomtest(hits, n)
    share = Share(hits, n)
    wilson = other.proportion_ci(0.95, method="wilson")
    assert share.wilson == pytest.approx((wilson.low, wilson.high), abs=1e-9)
    exact = other.proportion_ci(0.95, method="exact")
    assert share.exact == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_nothing_counted__is_not_known():
    assert (Share(0, 0).value, Share(0, 0).wilson, Share(0, 0).exact) == (None, None, None)


def test_all_hits__still_leave_doubt():
    assert Share(10, 10).wilson == (pytest.approx(0.7225, abs=1e-4), 1.0)
    assert Share(10, 10).exact == (pytest.approx(0.6915, abs=1e-4), 1.0)
