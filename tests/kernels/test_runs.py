import importlib.util
from itertools import pairwise
from pathlib import Path

import numpy as np
import scipy.ndimage
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from changedetect.kernels.rings import link_edges, trace_rings
from changedetect.kernels.runs import (
    add_groups,
    add_moments,
    close_gaps,
    find_runs,
    group_sizes,
    join_runs,
    label_runs,
    run_pixels,
    run_sums,
)

_SPEC = importlib.util.spec_from_file_location(
    "naive_outline_runs", Path(__file__).parents[1] / "naive" / "outline_runs.py"
)
naive = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(naive)

MASKS = arrays(
    np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 1)
)


def mask_of(text):
    return np.array([[int(c) for c in line] for line in text.split()], np.uint8)


@given(MASKS, st.integers(0, 3))
def test_close_gaps__equals_its_definition(mask, gap):
    before = mask.copy()
    assert np.array_equal(close_gaps(mask, gap), naive.close_gaps(mask, gap))
    assert np.array_equal(mask, before)


@given(MASKS, st.integers(1, 3))
def test_close_gaps__transposes_only_adds_and_is_done_once(mask, gap):
    closed = close_gaps(mask, gap)
    assert np.array_equal(closed.T, close_gaps(np.ascontiguousarray(mask.T), gap))
    assert (closed >= mask).all()
    assert np.array_equal(close_gaps(closed, gap), closed)


def test_close_gaps__closes_what_is_narrow_and_leaves_what_is_wide():
    assert np.array_equal(close_gaps(mask_of("10100 10100"), 1), mask_of("11100 11100"))
    assert np.array_equal(close_gaps(mask_of("1001 1001"), 1), mask_of("1001 1001"))
    assert np.array_equal(close_gaps(mask_of("1001 1001"), 2), mask_of("1111 1111"))
    assert np.array_equal(close_gaps(mask_of("10 01"), 1), mask_of("10 01"))
    assert np.array_equal(close_gaps(mask_of("01"), 1), mask_of("01"))  # the border is no neighbour


@given(MASKS)
def test_find_runs__equals_its_definition(mask):
    assert np.array_equal(find_runs(mask, 5, 70), naive.find_runs(mask, 5, 70))


@given(MASKS, st.integers(1, 5))
def test_join_runs__undoes_seams(mask, width):
    pieces = [
        find_runs(np.ascontiguousarray(mask[:, col : col + width]), 0, col)
        for col in range(0, mask.shape[1], width)
    ]
    cut = np.concatenate(pieces)
    cut = cut[np.lexsort((cut[:, 1], cut[:, 0]))]
    joined, place = join_runs(cut)
    assert np.array_equal(joined, naive.find_runs(mask, 0, 0))
    assert all(
        joined[p, 0] == row and joined[p, 1] <= start and end <= joined[p, 2]
        for p, (row, start, end) in zip(place.tolist(), cut.tolist(), strict=True)
    )


@given(MASKS, st.sampled_from([0, 1]))
def test_label_runs__groups_as_scipy_does(mask, reach):
    runs = find_runs(mask, 0, 0)
    labels = label_runs(runs, reach)
    structure = np.ones((3, 3)) if reach else None
    expected, count = scipy.ndimage.label(mask, structure)
    painted = naive.paint(runs, labels, mask.shape)
    pairs = {(a, b) for a, b in zip(painted.flat, expected.flat, strict=True) if a or b}
    assert len(pairs) == count == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    firsts = [np.flatnonzero(painted == k + 1)[0] for k in range(count)]
    assert firsts == sorted(firsts)


@given(MASKS)
def test_run_pixels__lists_the_mask(mask):
    rows, cols, owner = run_pixels(find_runs(mask, 0, 0))
    expected = np.nonzero(mask)
    assert np.array_equal(rows, expected[0])
    assert np.array_equal(cols, expected[1])
    assert (np.diff(owner) >= 0).all()


def test_add_moments__passes_missing_values_by():
    moments = np.zeros((2, 1, 3), np.int64)
    values = np.array([[3, -4, -99, 70000]], np.int32)
    add_moments(values, np.array([0, 0, 0, 1]), -99, moments)
    assert moments[:, 0].tolist() == [[2, -1, 25], [1, 70000, 4_900_000_000]]


def rings_of(mask):
    runs = find_runs(mask, 0, 0)
    parts = label_runs(runs, 0)
    points, starts, owner = trace_rings(runs, parts, link_edges(runs, parts))
    return [points[a:b] for a, b in pairwise(starts)], owner


def doubled_area(ring):
    """Twice the signed area; rows count southwards, so counter-clockwise is positive."""
    x, y = ring[:, 1].astype(int), -ring[:, 0].astype(int)
    return int((x[:-1] * y[1:] - x[1:] * y[:-1]).sum())


def test_trace_rings__one_pixel_by_hand():
    rings, owner = rings_of(mask_of("1"))
    assert [ring.tolist() for ring in rings] == [[[1, 0], [1, 1], [0, 1], [0, 0], [1, 0]]]
    assert owner.tolist() == [0]


def test_trace_rings__a_hole_is_a_second_ring_clockwise():
    rings, owner = rings_of(mask_of("111 101 111"))
    assert [doubled_area(ring) for ring in rings] == [18, -2]
    assert owner.tolist() == [0, 0]


def test_trace_rings__corner_neighbours_are_apart():
    rings, owner = rings_of(mask_of("10 01"))
    assert [doubled_area(ring) for ring in rings] == [2, 2]
    assert owner.tolist() == [0, 1]


def test_trace_rings__a_part_that_touches_itself_closes_a_hole():
    rings, _ = rings_of(mask_of("111 101 110"))
    assert [doubled_area(ring) for ring in rings] == [16, -2]


@given(MASKS)
def test_trace_rings__simple_rings_that_add_up_to_the_pixels(mask):
    rings, owner = rings_of(mask)
    assert sum(map(doubled_area, rings)) == 2 * int(mask.sum())
    seen = set()
    for ring, part in zip(rings, owner.tolist(), strict=True):
        corners = [tuple(point) for point in ring[:-1].tolist()]
        assert len(set(corners)) == len(corners)
        assert tuple(ring[-1]) == corners[0]
        assert (doubled_area(ring) > 0) == (part not in seen)
        seen.add(part)
        steps = np.diff(ring, axis=0) != 0
        assert (steps.sum(axis=1) == 1).all()
        assert (steps[1:] != steps[:-1]).all()  # every point is a turn
        assert (steps[0] != steps[-1]).any()


@given(st.integers(0, 2**32 - 1))
def test_sums_of_groups__equal_those_of_numpy(seed):
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, 50, 12)
    table = np.column_stack([np.arange(12), starts, starts + rng.integers(1, 9, 12)]).astype(
        np.int32
    )
    group = rng.permutation(np.append(np.arange(5), rng.integers(0, 5, 7)))
    assert group_sizes(table, group).tolist() == np.bincount(group, table[:, 2] - starts).tolist()
    assert group_sizes(table[:0], group[:0]).shape == (0,)
    target = rng.integers(-1, 4, 9)
    part = rng.integers(-99, 99, 9), rng.integers(-99, 99, 9), rng.integers(-99, 99, (9, 2, 3))
    total = np.zeros(4, np.int64), np.full(4, -1000), np.ones((4, 2, 3), np.int64)
    expected = tuple(values.copy() for values in total)
    add_groups(target, part, total)
    mine = target >= 0
    np.add.at(expected[0], target[mine], part[0][mine])
    np.maximum.at(expected[1], target[mine], part[1][mine])
    np.add.at(expected[2], target[mine], part[2][mine])
    for found, other in zip(total, expected, strict=True):
        np.testing.assert_array_equal(found, other)


@given(st.integers(0, 2**32 - 1))
def test_run_sums__equal_those_pixel_by_pixel(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(-32000, 32000, (9, 11)).astype(np.int16)
    runs = find_runs((rng.random((9, 11)) < 0.5).astype(np.uint8), 3, 5)
    group = rng.integers(0, 4, len(runs))
    rows, cols, owner = run_pixels(runs)
    taken = values[rows - 3, cols - 5].astype(np.int64)
    sums = np.zeros(4, np.int64), np.zeros(4, np.int64), np.full(4, -40_000)
    run_sums(values, runs, group, (3, 5), sums)
    expected = np.zeros(4, np.int64), np.zeros(4, np.int64), np.full(4, -40_000)
    np.add.at(expected[0], group[owner], 1)
    np.add.at(expected[1], group[owner], taken)
    np.maximum.at(expected[2], group[owner], taken)
    for found, other in zip(sums, expected, strict=True):
        np.testing.assert_array_equal(found, other)
