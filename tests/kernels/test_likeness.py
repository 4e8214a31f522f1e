"""Likeness of edges, right angles, openings: definition, hand answers, invariances, any window."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changedetect.kernels.likeness import box_sums, edge_field, edge_likeness, right_angles
from changedetect.kernels.opening import opened
from tests.naive import likeness as naive

SEEDS = st.integers(0, 2**32 - 1)


def light_of(seed, shape=(13, 15), missing=0.03):
    rng = np.random.default_rng(seed)
    light = rng.integers(0, 4096, shape).astype(np.int32)
    light[rng.random(shape) < missing] = -1
    return light


def drawn(size=64, angle=0.0):
    """A bright rectangle on dark ground, turned about its middle; ``(y, x)`` int32."""
    y, x = np.indices((size, size)) - size / 2 + 0.5
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.where((abs(along) < 14) & (abs(across) < 9), 3000, 800).astype(np.int32)


@given(SEEDS, st.integers(0, 5))
def test_box_sums__equal_their_definition(seed, radius):
    values = np.random.default_rng(seed).integers(-1000, 1000, (7, 9))
    np.testing.assert_array_equal(box_sums(values, radius), naive.box_sums(values, radius))


@given(SEEDS)
def test_edge_field__equals_its_definition(seed):
    light = light_of(seed)
    np.testing.assert_array_equal(edge_field(light), naive.edge_field(light))


def test_edge_field__by_hand():
    light = np.tile(np.arange(5, dtype=np.int32) * 2, (5, 1))
    down, right = edge_field(light)
    slope = 4 * (-1 * 0 - 2 * 2 + 2 * 6 + 1 * 8)
    assert right[2, 2] == round(16 * slope**0.5)
    assert down[2, 2] == 0
    assert np.count_nonzero(right) == 1


@given(SEEDS, st.integers(0, 3), st.integers(0, 2))
@settings(max_examples=15)
def test_edge_likeness__equals_its_definition(seed, radius, search):
    first, second = (edge_field(light_of(seed + i, (9, 10))) for i in (0, 1))
    got = edge_likeness(first, second, radius, search)
    np.testing.assert_allclose(got, naive.edge_likeness(first, second, radius, search), atol=1e-6)


@given(SEEDS, st.floats(0.3, 3.0), st.integers(0, 900))
def test_edge_likeness__brightness_and_contrast_do_not_matter(seed, gain, offset):
    rng = np.random.default_rng(seed)
    light = rng.integers(500, 1000, (24, 24)).astype(np.int32)
    other = np.rint(light * gain + offset).astype(np.int32)
    got = edge_likeness(edge_field(light), edge_field(other), 5, 1)
    assert np.nanmin(got) > 0.99


def test_edge_likeness__a_small_shift_is_forgiven_and_a_large_one_is_not():
    light = np.random.default_rng(4).integers(0, 4096, (60, 60)).astype(np.int32)
    first, moved = edge_field(light), edge_field(np.roll(light, (2, -1), (0, 1)))
    inner = (slice(16, -16), slice(16, -16))
    assert edge_likeness(first, moved, 10, 2)[inner].min() > 0.999
    far = edge_field(np.roll(light, (6, -5), (0, 1)))
    assert edge_likeness(first, far, 10, 2)[inner].max() < 0.4


def test_edge_likeness__is_symmetric_and_turns_with_the_image():
    first, second = (edge_field(light_of(seed, (30, 34))) for seed in (1, 2))
    got = edge_likeness(first, second, 4, 0)
    assert got.tobytes() == edge_likeness(second, first, 4, 0).tobytes()
    turned = [np.ascontiguousarray(f[::-1].transpose(0, 2, 1)) for f in (first, second)]
    searched = edge_likeness(first, second, 4, 2)
    assert edge_likeness(*turned, 4, 2).T.tobytes() == searched.tobytes()


def test_edge_likeness__nothing_to_compare_is_not_known():
    flat = edge_field(np.full((20, 20), 700, np.int32))
    assert np.isnan(edge_likeness(flat, flat, 3, 1)).all()


@given(SEEDS, st.integers(0, 20), st.integers(0, 20))
def test_edge_likeness__same_bytes_in_any_window_with_its_halo(seed, top, left):
    a, b = light_of(seed, (34, 36)), light_of(seed + 1, (34, 36))
    whole = edge_likeness(edge_field(a), edge_field(b), 3, 1)
    angles = right_angles(edge_field(a), 4)
    halo = 3 + 1 + 2
    rows, cols = (
        slice(max(top - halo, 0), top + 6 + halo),
        slice(max(left - halo, 0), left + 7 + halo),
    )
    part_a, part_b = (edge_field(np.ascontiguousarray(x[rows, cols])) for x in (a, b))
    inner = (
        slice(top - rows.start, top - rows.start + 6),
        slice(left - cols.start, left - cols.start + 7),
    )
    place = (slice(top, top + 6), slice(left, left + 7))
    assert edge_likeness(part_a, part_b, 3, 1)[inner].tobytes() == whole[place].tobytes()
    assert right_angles(part_a, 4)[inner].tobytes() == angles[place].tobytes()


@given(SEEDS, st.integers(0, 4))
def test_right_angles__equal_their_definition(seed, radius):
    field = edge_field(light_of(seed))
    got, plain = right_angles(field, radius), naive.right_angles(field, radius)
    np.testing.assert_allclose(got, plain, atol=0.02 * np.abs(plain).max() + 0.01)


@pytest.mark.parametrize("angle", [0.0, 0.3, 0.7])
def test_right_angles__a_rectangle_stands_out_at_any_angle_and_a_disc_does_not(angle):
    y, x = np.indices((64, 64)) - 31.5
    disc = np.where(np.hypot(x, y) < 12.7, 3000, 800).astype(np.int32)
    roof = right_angles(edge_field(drawn(angle=angle)), 20)[32, 32]
    assert roof > 3 * right_angles(edge_field(disc), 20)[32, 32]


@given(SEEDS, st.integers(0, 3))
@settings(max_examples=25)
def test_opened__equals_its_definition(seed, radius):
    rng = np.random.default_rng(seed)
    values = rng.integers(-500, 500, (9, 11)).astype(np.int32)
    seen = rng.random((9, 11)) > 0.15
    np.testing.assert_array_equal(opened(values, seen, radius), naive.opened(values, seen, radius))


def test_opened__keeps_what_holds_the_square_and_lowers_what_is_narrower():
    values = np.zeros((20, 20), np.int32)
    values[2:7, 2:7] = 9
    values[10:14, 3:18] = 9
    got = opened(values, np.ones((20, 20), bool), 2)
    assert (got[2:7, 2:7] == 9).all()
    assert got[9:15].max() == 0
    assert opened(got, np.ones((20, 20), bool), 2).tobytes() == got.tobytes()
