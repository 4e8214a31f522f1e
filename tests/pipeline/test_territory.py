"""Which pixels lie in a county."""

import geopandas as gpd
import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from changedetect.grid import Grid, Window
from changedetect.pipeline.runs.territory import Land

GRID = Grid("EPSG:4547", (2.0, 0.0, 500000.0, 0.0, -2.0, 3100000.0), 23, 19)


def land(*shapes):
    return Land.of(gpd.GeoDataFrame(geometry=list(shapes), crs=GRID.crs), GRID)


def naive(shape):
    """Ask shapely about every pixel centre."""
    rows, cols = np.mgrid[: GRID.height, : GRID.width]
    x, y = 500000 + 2 * (cols + 0.5), 3100000 - 2 * (rows + 0.5)
    return shapely.contains_xy(shape, x, y)


def at(col, row):
    return 500000.0 + 2 * col, 3100000.0 - 2 * row


def test_inside__hand_answer_with_a_hole():
    shape = shapely.Polygon(
        [at(2, 3), at(9, 3), at(9, 8), at(2, 8)], [[at(4, 4), at(6, 4), at(6, 6), at(4, 6)]]
    )
    expected = np.zeros((19, 23), bool)
    expected[3:8, 2:9] = True
    expected[4:6, 4:6] = False
    np.testing.assert_array_equal(land(shape).inside(GRID.window), expected)


@given(
    st.lists(st.tuples(st.floats(-5, 28), st.floats(-5, 24)), min_size=3, max_size=7, unique=True)
)
def test_inside__is_what_shapely_says_of_each_centre_whatever_the_window(corners):
    shape = shapely.convex_hull(shapely.MultiPoint([at(*corner) for corner in corners]))
    if shape.geom_type != "Polygon":
        return
    mine, theirs = land(shape).inside(GRID.window), naive(shape)
    rows, cols = np.nonzero(mine != theirs)
    on_border = shapely.distance(
        shape.boundary, shapely.points(500000 + 2 * (cols + 0.5), 3100000 - 2 * (rows + 0.5))
    )
    assert (on_border < 1e-6).all()
    for window in (Window(0, 0, 7, 9), Window(5, 3, 9, 20), Window(18, 22, 1, 1)):
        np.testing.assert_array_equal(land(shape).inside(window), mine[window.slices])


def test_inside__neighbours_share_no_pixel_and_leave_none_out():
    """A border through pixel centres and an oblique one."""
    west = shapely.Polygon([at(0, 0), at(7.5, 0), at(7.5, 9.5), at(12.3, 19), at(0, 19)])
    east = shapely.Polygon([at(7.5, 0), at(23, 0), at(23, 19), at(12.3, 19), at(7.5, 9.5)])
    parts = [land(shape).inside(GRID.window) for shape in (west, east)]
    assert not (parts[0] & parts[1]).any()
    assert (parts[0] | parts[1]).all()
