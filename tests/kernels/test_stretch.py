"""Brightness between two limits: the definition, and what is left alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from changedetect.kernels.stretch import brighten, gather, ranked


def test_brighten__by_definition_and_only_what_was_seen():
    rng = np.random.default_rng(8)
    band = rng.uniform(0, 1, (7, 9)).astype(np.float32)
    seen = rng.random((7, 9)) > 0.3
    picture = np.full((7, 9, 3), 160, np.uint8)
    brighten(band, seen, 0.2, 0.7, picture[..., 1])
    share = np.clip((band.astype(np.float64) - 0.2) / (0.7 - 0.2), 0, 1)
    np.testing.assert_array_equal(
        picture[..., 1], np.where(seen, np.rint(share * 255), 160).astype(np.uint8)
    )
    assert (picture[..., [0, 2]] == 160).all()


def test_brighten__one_limit_is_black():
    picture = np.full((1, 2), 9, np.uint8)
    brighten(np.full((1, 2), 0.5, np.float32), np.array([[True, False]]), 0.5, 0.5, picture)
    assert picture.tolist() == [[0, 9]]


@given(
    arrays(np.float32, st.integers(1, 300), elements=st.floats(-1e6, 1e6, width=32)),
    st.lists(st.integers(0, 299), min_size=1, max_size=6),
)
def test_ranked__is_what_sorting_gives(values, places):
    ranks = np.sort(np.array(places) % len(values))
    found = np.empty(len(ranks), np.float32)
    ranked(values, ranks, found)
    assert found.tolist() == np.sort(values)[ranks].tolist()


def test_gather__takes_what_is_wanted_in_order():
    band = np.arange(6, dtype=np.float32).reshape(2, 3)
    out = np.full(6, -1, np.float32)
    wanted = np.array([[True, False, True], [False, True, False]])
    assert gather(band, wanted, out) == 3
    assert out.tolist() == [0, 2, 4, -1, -1, -1]
