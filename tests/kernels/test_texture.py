import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from changedetect.kernels.texture import (
    NOT_KNOWN,
    gradients,
    quantised,
    window_deviations,
    window_means,
    window_moments,
)

_SPEC = importlib.util.spec_from_file_location(
    "naive_texture", Path(__file__).parents[1] / "naive" / "texture.py"
)
naive = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(naive)

IMAGES = arrays(
    np.float32,
    array_shapes(min_dims=3, max_dims=3, max_side=6),
    elements=st.one_of(st.just(np.nan), st.floats(-0.25, 1.5, width=16)),
)


def whole(bands, scale):
    out = np.empty(bands.shape[1:], np.int32)
    quantised(bands, np.arange(len(bands)), scale, out)
    return out


@given(IMAGES, st.integers(0, 3), st.integers(1, 2))
def test_windows__equal_their_definition(bands, radius, step):
    rows, cols = (place.reshape(-1) for place in np.indices(bands.shape[1:], np.int64))
    chosen = np.arange(len(bands))
    values = whole(bands, 1000.0)
    moments = window_moments(values, rows, cols, (radius, step))
    means, deviations = window_means(moments, len(bands)), window_deviations(moments, len(bands))
    slopes = gradients(values, rows, cols, len(bands))
    for k, (row, col) in enumerate(zip(rows.tolist(), cols.tolist(), strict=True)):
        inside = naive.window_values(bands, chosen, row, col, (radius, step), 1000.0)
        assert moments[k].tolist() == [len(inside), sum(inside), sum(v * v for v in inside)]
        assert means[k] == naive.mean(inside, len(bands))
        assert deviations[k] == naive.deviation(inside, len(bands))
        plain = naive.gradient(bands, chosen, row, col, 1000.0)
        assert np.abs(slopes[:, k] - np.array(plain)).max() <= 1  # a half may round either way


def test_windows__by_hand():
    bands = np.array([[[0.1, 0.2, np.nan]]], np.float32)
    rows, cols, values = np.array([0, 0, 0]), np.array([0, 1, 2]), whole(bands, 10_000.0)
    moments = window_moments(values, rows, cols, (0, 1))
    assert window_means(moments, 1).tolist() == [1000, 2000, NOT_KNOWN]
    moments = window_moments(values, rows, cols, (1, 1))
    assert window_deviations(moments, 1).tolist() == [500, 500, 0]
    slopes = gradients(values, rows, cols, 1)
    assert slopes[0].tolist() == [1000, NOT_KNOWN, NOT_KNOWN]
    assert slopes[1:, 0].tolist() == [1000, 0], "across is the direction 0"
    along = gradients(values.T.copy(), cols, rows, 1)
    assert along[:, 0].tolist() == [1000, -1000, 0], "a quarter turn is half a turn, doubled"


@pytest.mark.parametrize("halo", [3, 4])
def test_windows__do_not_see_beyond_their_radius(halo):
    bands = np.random.default_rng(0).random((1, 20, 20)).astype(np.float32)
    part = np.ascontiguousarray(bands[:, 10 - halo : 10 + halo + 1, 5 - halo : 5 + halo + 1])
    full = window_moments(whole(bands, 1e4), np.array([10]), np.array([5]), (3, 2))
    alone = window_moments(whole(part, 1e4), np.array([halo]), np.array([halo]), (3, 2))
    assert np.array_equal(full, alone)
