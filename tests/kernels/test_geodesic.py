"""Rings on the ellipsoid: against PROJ, against an equal-area plane, and pieces that add up."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from changedetect import measure
from changedetect.kernels.geodesic import ring_sizes

GEOD = measure.CGCS2000
METRES_A_DEGREE = 111_195.0


def sizes_of(*rings):
    points = np.concatenate(rings)
    ends = np.cumsum([0, *map(len, rings)])
    found = np.empty((len(rings), 2))
    ring_sizes(points, ends, GEOD.a, GEOD.es, found)
    return found


def star(lon, lat, metres, seed, corners=9):
    """A ring around a place, counter-clockwise, closed."""
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    reach = rng.uniform(0.3, 0.5, corners) * metres / METRES_A_DEGREE
    x = lon + reach * np.cos(angle) / np.cos(np.radians(lat))
    points = np.column_stack([x, lat + reach * np.sin(angle)])
    return np.vstack([points, points[:1]])


@given(
    st.floats(-179, 179), st.floats(-70, 70), st.sampled_from([8, 60, 500, 2500]), st.integers(0, 999)
)  # fmt: skip
def test_ring_sizes__are_those_of_proj(lon, lat, metres, seed):
    ring = star(lon, lat, metres, seed)
    area, length = GEOD.polygon_area_perimeter(*ring.T.copy())
    ((mine, way),) = sizes_of(ring)
    assert mine == pytest.approx(area, rel=1e-10, abs=2e-4)  # PROJ rounds small areas to 5e-5
    assert way == pytest.approx(length, rel=2e-10)


@pytest.mark.parametrize(("lon", "lat"), [(112.9, 28.2), (-71.0, -33.0), (10.0, 0.0), (20.0, 62.0)])
def test_ring_sizes__are_those_of_a_plane_of_equal_area(lon, lat):
    """30 m around its centre a plane of equal area shows geodesics as straight lines."""
    plane = CRS.from_proj4(f"+proj=laea +lat_0={lat} +lon_0={lon} +ellps=GRS80")
    to_plane = Transformer.from_crs(plane.geodetic_crs, plane, always_xy=True)
    for seed in range(20):
        ring = star(lon, lat, 30, seed)
        x, y = to_plane.transform(*ring.T)
        expected = 0.5 * float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))
        assert sizes_of(ring)[0, 0] == pytest.approx(expected, abs=3e-6)


def test_ring_sizes__of_a_strip_along_a_parallel_by_hand():
    """2 km of a parallel at 45 degrees: the geodesic bulges to the pole by L^3 tan / (12 R)."""
    normal = GEOD.a / np.sqrt(
        1 - GEOD.es / 2
    )  # radius of curvature across the meridian at 45 degrees
    steps = np.linspace(0, np.degrees(2000 / (normal * np.cos(np.pi / 4))), 2001)
    along = np.column_stack([steps, np.full_like(steps, 45.0)])  # nearly the parallel itself
    bulge = sizes_of(np.vstack([along, along[:1]]))[0, 0]
    assert bulge == pytest.approx(2000.0**3 / (12 * normal), rel=1e-6)


@given(st.integers(0, 999), st.integers(1, 8))
def test_ring_sizes__turn_and_begin_where_you_like(seed, shift):
    ring = star(113.0, 27.0, 80, seed)
    ((area, length),) = sizes_of(ring)
    (turned,) = sizes_of(ring[::-1].copy())
    rolled = np.roll(ring[:-1], shift, axis=0)
    (begun,) = sizes_of(np.vstack([rolled, rolled[:1]]))
    assert area > 0
    assert turned == pytest.approx([-area, length], rel=1e-9)
    assert begun == pytest.approx([area, length], rel=1e-9)


def test_ring_sizes__of_pieces_add_up_to_the_whole():
    """Parcels of a grid of drawn corners: their areas are that of the ring around all of them."""
    rng = np.random.default_rng(4)
    side = 12
    y, x = np.mgrid[0 : side + 1, 0 : side + 1]
    move = rng.uniform(-0.3, 0.3, (2, *x.shape)) * ((x % side > 0) & (y % side > 0))
    corners = np.stack([112 + (x + move[0]) * 9e-4, 28 + (y + move[1]) * 9e-4], axis=-1)
    pieces = [
        corners[[r, r, r + 1, r + 1, r], [c, c + 1, c + 1, c, c]]
        for r in range(side)
        for c in range(side)
    ]
    rim = [corners[0, :-1], corners[:-1, -1], corners[-1, :0:-1], corners[:0:-1, 0], corners[0, :1]]
    whole = sizes_of(np.concatenate(rim))[0, 0]
    assert sizes_of(*pieces)[:, 0].sum() == pytest.approx(whole, abs=1e-4)
    assert whole > 1e6


def test_ring_sizes__say_what_they_can_not_do_and_leave_the_others():
    near = star(112, 28, 50, 1)
    long = np.array([[112, 28], [112.1, 28], [112.1, 28.01], [112, 28]])
    polar = star(10, 80, 50, 2)
    over = np.array([[179.9999, 10], [-179.9999, 10], [179.9999, 10.001], [179.9999, 10]])
    found = sizes_of(near, long, polar, near, over)
    assert np.isnan(found[[1, 2, 4]]).all()
    assert found[0].tolist() == found[3].tolist() == sizes_of(near)[0].tolist()


def test_measure__asks_proj_where_edges_are_long():
    county = shapely.box(112, 27, 112.6, 27.4).difference(
        shapely.box(112.3, 27.2, 112.3001, 27.2001)
    )
    (outer,), (hole,) = [county.exterior.coords], [county.interiors[0].coords]
    sizes = [GEOD.polygon_area_perimeter(*np.array(ring).T.copy()) for ring in (outer, hole)]
    areas, lengths = measure.measure_many(np.array([shapely.MultiPolygon([county])]), "EPSG:4490")
    assert areas[0] == pytest.approx(abs(sizes[0][0]) - abs(sizes[1][0]), rel=1e-14)
    assert lengths[0] == pytest.approx(sizes[0][1] + sizes[1][1], rel=1e-12)
    assert measure.area_m2(county, "EPSG:4490") == areas[0]
