import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from changedetect.kernels.texture import DERIVED, FAR_PX, NOT_KNOWN, describe_pixels, new_ring

_SPEC = importlib.util.spec_from_file_location(
    "naive_texture", Path(__file__).parents[1] / "naive" / "texture.py"
)
naive = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(naive)

ROLES = np.array([0, 1, 2, -1])
"""Three bands, and one that is absent."""
RATIOS = np.array([[0, 1], [2, 3]])
IMAGES = arrays(
    np.float32,
    array_shapes(min_dims=3, max_dims=3, max_side=6).map(lambda shape: (3, *shape[1:])),
    elements=st.one_of(st.just(np.nan), st.floats(-0.25, 1.5, width=16)),
)


def every_pixel(shape):
    return tuple(place.reshape(-1) for place in np.indices(shape, np.int64))


def described(bands, rows, cols, scale=1000.0, light=(0, 1, 2)):
    out = np.empty((len(ROLES) + len(RATIOS) + DERIVED, len(rows)), np.int32)
    chosen = ROLES, RATIOS, np.array(light)
    ring = new_ring(bands.shape[2])
    describe_pixels(bands, chosen, rows, cols, scale, ring, out)
    return out


@given(IMAGES)
def test_describe__equals_its_definition(bands):
    rows, cols = every_pixel(bands.shape[1:])
    found = described(bands, rows, cols)
    for k, (row, col) in enumerate(zip(rows.tolist(), cols.tolist(), strict=True)):
        plain = naive.description(bands, (0, 1, 2), row, col, 1000.0)
        assert found[:4, k].tolist() == plain["bands"]
        assert found[4:6, k].tolist() == plain["ratios"]
        assert found[6:8, k].tolist() == plain["light"]
        turned = np.abs(found[8:11, k] - np.array(plain["gradient"])).max()
        assert turned <= 1  # a half may round either way
        assert found[11:, k].tolist() == plain["around"]


@given(IMAGES, st.randoms(use_true_random=False))
def test_describe__order_and_repeats_of_pixels_do_not_matter(bands, random):
    rows, cols = every_pixel(bands.shape[1:])
    order = np.array(random.choices(range(len(rows)), k=len(rows)))
    expected = described(bands, rows, cols)[:, order]
    assert np.array_equal(described(bands, rows[order], cols[order]), expected)


def test_describe__wide_images_have_whole_windows_and_cut_ones():
    bands = np.random.default_rng(1).random((3, 60, 70)).astype(np.float32)
    bands[:, 31, 33] = np.nan
    for row, col in [(0, 0), (30, 35), (12, 12), (45, 57), (59, 69), (31, 33), (5, 40)]:
        found = described(bands, np.array([row]), np.array([col]))[:, 0]
        plain = naive.description(bands, (0, 1, 2), row, col, 1000.0)
        assert found[[6, 7, 11, 12]].tolist() == [*plain["light"], *plain["around"]]


def test_describe__by_hand():
    bands = np.array([[[0.1, 0.2, np.nan]]] * 3, np.float32)
    bands[1] *= 3
    found = described(bands, np.array([0, 0, 0]), np.array([0, 1, 2]), 10_000.0, light=(0,))
    assert found[0].tolist() == [1000, 2000, NOT_KNOWN]
    assert found[3].tolist() == [NOT_KNOWN] * 3, "an absent band"
    assert found[4].tolist() == [-5000, -5000, NOT_KNOWN]
    assert found[5].tolist() == [NOT_KNOWN] * 3, "a ratio with an absent band"
    assert found[6].tolist() == [1000, 2000, NOT_KNOWN]
    assert found[7].tolist() == [500, 500, 500]
    assert found[8].tolist() == [1000, NOT_KNOWN, NOT_KNOWN]
    assert found[9:11, 0].tolist() == [1000, 0], "across is the direction 0"
    turned = np.ascontiguousarray(bands.swapaxes(1, 2))
    along = described(turned, np.array([0]), np.array([0]), 10_000.0, light=(0,))
    assert along[8:11, 0].tolist() == [1000, -1000, 0], "a quarter turn is half a turn, doubled"


def test_describe__absent_light_and_ratio_leave_the_rest():
    bands = np.random.default_rng(0).random((3, 5, 5)).astype(np.float32)
    found = described(bands, *every_pixel((5, 5)), light=(0, 3))
    assert (found[6:12] == NOT_KNOWN).all()
    assert (found[[0, 4, 12]] != NOT_KNOWN).all()


@pytest.mark.parametrize("halo", [FAR_PX, FAR_PX + 1])
def test_describe__does_not_see_beyond_its_reach(halo):
    bands = np.random.default_rng(0).random((3, 40, 40)).astype(np.float32)
    part = np.ascontiguousarray(bands[:, 20 - halo : 21 + halo, 15 - halo : 16 + halo])
    full = described(bands, np.array([20]), np.array([15]))
    assert np.array_equal(described(part, np.array([halo]), np.array([halo])), full)
