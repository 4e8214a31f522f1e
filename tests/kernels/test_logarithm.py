"""Logarithm in float32, and evidence from it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from changedetect.kernels.logarithm import LANES, log_evidence, natural_log


@given(st.lists(st.floats(2.0**-100, 2.0**100, width=32), min_size=1, max_size=50))
def test_natural_log__equals_the_exact_one(values):
    given_ = np.array(values, np.float32)
    out = np.empty_like(given_)
    natural_log(given_, out)
    exact = np.log(given_.astype(np.float64))
    np.testing.assert_allclose(out, exact, rtol=3e-7, atol=1e-7)


def test_log_evidence__is_the_quantised_line_cut_and_with_gaps():
    rng = np.random.default_rng(2)
    distance = rng.uniform(0, 40, 2 * LANES + 7).astype(np.float32)
    distance[::9] = np.nan
    out = np.full(distance.shape, 5, np.int16)
    log_evidence(distance, (900.0, -150.0), 1 / 256, (3000, -32768), out)
    exact = 900.0 * np.log(np.maximum(distance.astype(np.float64), 1 / 256)) - 150.0
    exact = np.clip(exact, -3000, 3000)
    seen = ~np.isnan(distance)
    assert np.abs(out[seen] - exact[seen]).max() < 0.51
    assert (out[~seen] == -32768).all()
    part = np.empty(20, np.int16)
    log_evidence(distance[LANES - 10 : LANES + 10], (900.0, -150.0), 1 / 256, (3000, -32768), part)
    assert part.tobytes() == out[LANES - 10 : LANES + 10].tobytes()
