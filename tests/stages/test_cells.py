"""Cells of sample blocks, against counting one by one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from changedetect.stages.evidence.cells import (
    cells_of,
    effective_places,
    held_by_places,
    squares_of_counts,
)


@given(st.lists(st.integers(0, 5), max_size=40))
def test_squares_of_counts__as_counted_one_by_one(places):
    given_places = np.array(places, np.int64)
    counted = [
        int((np.bincount(given_places[:n]) ** 2).sum()) if n else 0 for n in range(len(places) + 1)
    ]
    assert squares_of_counts(given_places).tolist() == counted


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_squares_of_counts__end_at_the_effective_number_of_places(places):
    held = np.array(places, np.int64)
    wide = effective_places(held_by_places(np.zeros(len(held), np.int64), held, 1))[0]
    assert np.isclose(len(held) ** 2 / squares_of_counts(held)[-1], wide)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))
def test_cells_of__two_pixels_share_a_cell_if_they_lie_in_one_square_of_one_block(
    height, width, side
):
    every = np.arange(height * width)
    cells = cells_of([every, every], [(2, height, width)] * 2, side)
    rows, cols = np.divmod(np.tile(every, 2), width)
    block = np.repeat([0, 1], len(every))
    squares = np.stack([block, rows // side, cols // side], axis=1)
    same = (squares[:, None] == squares[None]).all(axis=2)
    np.testing.assert_array_equal(same, cells[:, None] == cells[None])
