"""The grid of a file: its coordinate system and transform, or why it has none that we can use."""

import numpy as np
from rasterio.io import DatasetReader

from changedetect.errors import GridError, SceneError
from changedetect.grid import Grid
from changedetect.io import crs as systems

_SQUARE = 1e-6
"""Pixels whose sides differ by less (relative) are square."""

PLAIN = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
"""Transform of an image without georeference: one unit a pixel."""


def is_georeferenced(dataset: DatasetReader) -> bool:
    """Tell whether a file says where it lies (a coordinate system and a transform)."""
    return dataset.crs is not None and not dataset.transform.is_identity


def grid_of(dataset: DatasetReader, name: str) -> Grid:
    """Return the grid of a georeferenced file.

    Pixels that are not square (decimated products) get the grid of square pixels over the same
    ground, of the smaller side; reading goes through the file's own transform and resamples.

    Raises
    ------
    SceneError
        No coordinate system, control points only, rotated, mirrored, south-up, or coordinates
        that do not fit the system.
    """
    _refuse_unplaced(dataset, name)
    try:
        code = systems.epsg_code(dataset.crs.to_wkt())
        a, b, c, d, e, f = dataset.transform[:6]
        if b == 0 and d == 0 and a > 0 and e < 0 and abs(a + e) > _SQUARE * a:
            size = min(a, -e)
            width = int(np.ceil(dataset.width * a / size - _SQUARE))
            height = int(np.ceil(dataset.height * -e / size - _SQUARE))
            grid = Grid(code, (size, 0.0, c, 0.0, -size, f), width, height)
        else:
            transform = (a, b + 0.0, c, d + 0.0, e, f)
            grid = Grid(code, transform, dataset.width, dataset.height)
        west, _, east, _ = grid.bounds
        systems.check_eastings(code, west, east)
    except GridError as error:
        msg = f"{name}: {error}"
        raise SceneError(msg) from error
    return grid


def _refuse_unplaced(dataset: DatasetReader, name: str) -> None:
    if dataset.transform.is_identity and dataset.gcps[0]:
        msg = (
            f"{name}: placed by {len(dataset.gcps[0])} control points only; an orthorectified image "
            "with a transform was expected: orthorectify it first (影像未正射校正)"
        )
        raise SceneError(msg)
    if dataset.crs is None:
        msg = (
            f"{name}: no coordinate system; write the one of its supplier into the file "
            "(gdal_edit.py -a_srs EPSG:n), it is never guessed (影像缺坐标系)"
        )
        raise SceneError(msg)
    if dataset.transform.is_identity:
        msg = f"{name}: no position (identity transform); an orthorectified image was expected"
        raise SceneError(msg)
