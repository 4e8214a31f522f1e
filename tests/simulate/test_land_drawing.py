"""Outlines, pieces and lattice cells against plain twins; shapes of single changes."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from changedetect.grid import Grid
from changedetect.simulate.outlines import outline_mask, outlines, simplified_together
from changedetect.simulate.rasters import (
    burn,
    lattice_cells,
    near,
    pieces,
    smooth_noise,
    without_slivers,
)
from changedetect.simulate.shapes import BUILDERS, demolition
from changedetect.simulate.world import COVERS, UNTOUCHED, cover_index

labels = hnp.arrays(
    np.int64, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.integers(0, 2)
)


def grid_of(array):
    return Grid("EPSG:4547", (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), array.shape[1], array.shape[0])


def naive_pieces(array):
    """Flood every cell that has no number yet."""
    found = np.zeros(array.shape, int)
    number = 0
    for start in np.ndindex(array.shape):
        if found[start]:
            continue
        number += 1
        todo = [start]
        while todo:
            row, col = todo.pop()
            if found[row, col]:
                continue
            found[row, col] = number
            for r, c in ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)):
                inside = 0 <= r < array.shape[0] and 0 <= c < array.shape[1]
                if inside and array[r, c] == array[start]:
                    todo.append((r, c))
    return found


@given(labels)
def test_pieces__like_flooding(array):
    assert np.array_equal(pieces(array), naive_pieces(array))


@given(labels)
def test_outlines__are_the_unions_of_their_cells(array):
    numbers = pieces(array)
    shapes = outlines(numbers, grid_of(array))
    assert list(shapes) == list(range(1, numbers.max() + 1))
    for number, shape in shapes.items():
        cells = [shapely.box(c, -r - 1, c + 1, -r) for r, c in np.argwhere(numbers == number)]
        assert shape.is_valid
        assert shape.exterior.is_ccw
        assert shape.equals(shapely.union_all(cells))
    assert shapely.coverage_is_valid(list(shapes.values()))


@given(labels)
def test_outline_mask__has_area_and_is_valid(array):
    mask = array == 1
    shape = outline_mask(mask, grid_of(array))
    assert shape.is_valid
    assert shape.area == mask.sum()


def test_outlines__hole_that_meets_the_edge_in_a_point():
    ring = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]])
    shape = outlines(ring, grid_of(ring))[1]
    assert shape.is_valid
    assert len(shape.interiors) == 1
    assert shape.area == 7


def test_simplified_together__keeps_tiling_and_outer_edge():
    rows, columns = np.mgrid[0:40, 0:40]
    numbers = pieces((columns + rows // 2 > 30).astype(int) + 2 * (rows > 20 + columns // 5))
    shapes = list(outlines(numbers, grid_of(numbers)).values())
    simple = simplified_together(shapes, 2.0)
    assert shapely.coverage_is_valid(simple)
    assert shapely.area(simple).sum() == pytest.approx(1600)
    assert shapely.get_num_coordinates(simple).sum() < shapely.get_num_coordinates(shapes).sum()


def test_without_slivers__gives_small_pieces_to_the_nearest():
    field = np.ones((9, 9), int)
    field[:, 5:] = 2
    field[4, 2] = 7
    cleaned = without_slivers(field, 5)
    assert 7 not in cleaned
    assert cleaned[4, 2] == 1
    assert field[4, 2] == 7


@given(st.integers(0, 50), st.floats(3.0, 9.0))
def test_lattice_cells__nearest_of_all_points(seed, pitch):
    y, x = np.mgrid[0:14, 0:11].astype(np.float32)
    index, gap = lattice_cells(np.random.default_rng(seed), x, y, pitch)
    left, top = -1, -1
    wide = int(np.floor(x.max() / pitch)) + 2 - left
    tall = int(np.floor(y.max() / pitch)) + 2 - top
    jitter = np.random.default_rng(seed).uniform(0.12, 0.88, (2, tall, wide))
    seed_x = ((np.arange(wide) + left + jitter[0]) * pitch).ravel()
    seed_y = ((np.arange(tall)[:, None] + top + jitter[1]) * pitch).ravel()
    distance = np.hypot(x[..., None] - seed_x, y[..., None] - seed_y)
    chosen = np.take_along_axis(distance, index[..., None].astype(int), axis=2)[..., 0]
    assert np.allclose(chosen, distance.min(axis=2), atol=1e-3)
    assert (gap >= 0).all()


def test_smooth_noise__is_standard_and_smooth():
    field = smooth_noise(np.random.default_rng(1), 200, 40.0)
    assert field.mean() == pytest.approx(0, abs=1e-5)
    assert field.std() == pytest.approx(1, abs=1e-5)
    assert np.abs(np.diff(field, axis=1)).max() < 0.25


def test_near__like_all_distances():
    mask = np.zeros((12, 12), bool)
    mask[3, 4] = mask[9, 9] = True
    cells = np.argwhere(np.ones_like(mask))
    distance = np.hypot(*(cells[:, None] - np.argwhere(mask)[None]).transpose(2, 0, 1)).min(axis=1)
    assert np.array_equal(near(mask, 3.5).ravel(), distance < 3.5)
    assert not near(np.zeros((3, 3), bool), 9).any()


def test_burn__takes_cells_by_their_centres_and_clips():
    window, mask = burn(shapely.box(1.0, 2.0, 4.4, 30.0), 10)
    cells = {(window.row + r, window.col + c) for r, c in np.argwhere(mask)}
    assert cells == {(r, c) for r in range(2, 10) for c in range(1, 4)}
    assert burn(shapely.box(20, 20, 30, 30), 10)[1].size == 0


@pytest.mark.parametrize("family", list(BUILDERS))
@pytest.mark.parametrize("area", [700.0, 3000.0])
def test_builders__make_one_piece_of_the_wanted_area(family, area):
    for seed in range(4):
        shape = BUILDERS[family](np.random.default_rng(seed), area)
        mask = shape.mask
        assert 0.8 * area < mask.sum() < 1.2 * area
        assert len(outline_mask(mask, grid_of(mask)).geoms) == 1
        assert np.array_equal(np.isnan(shape.height_m), ~mask)
        edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        assert not edge.any(), "nothing is cut off"
        for stage in shape.stages:
            assert not ((stage != UNTOUCHED) & ~mask).any()
            assert set(np.unique(stage)) <= {*range(len(COVERS)), UNTOUCHED}


def test_road__has_constant_width():
    for seed in range(6):
        shape = BUILDERS["road"](np.random.default_rng(seed), 1500.0)
        line = outline_mask(shape.mask, grid_of(shape.mask)).simplify(1.5)
        assert 4.0 <= shape.width_m <= 12.0
        assert 2 * line.area / line.length == pytest.approx(shape.width_m, rel=0.2)


def test_demolition__rubble_then_field():
    mask = np.ones((3, 4), bool)
    shape = demolition(mask, "dryland")
    assert [int(stage[0, 0]) for stage in shape.stages] == [
        cover_index("rubble"),
        cover_index("dryland"),
    ]
