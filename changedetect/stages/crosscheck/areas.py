"""How much ground shapes and records share, where only the area is asked for."""

import numpy as np
import shapely

from changedetect.kernels.overlaps import shared_areas
from changedetect.kernels.wkb import rings_of_wkb

_NOTHING = 1e-10
"""Share of the smaller of two shapes up to which what they share is rounding."""


def pair_areas(
    tree: shapely.STRtree, shapes: np.ndarray, records: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Measure what shapes and records share, all at once; no shape is made of it.

    The areas are those of `changedetect.stages.crosscheck.overlay.pairs` to 1e-9 of the smaller
    shape.

    Parameters
    ----------
    tree
        Over ``records``.
    shapes
        ``(n,)`` polygons.
    records
        ``(m,)`` polygons.

    Returns
    -------
    tuple of ndarray
        ``(k,)`` number of the shape, ``(k,)`` number of the record, ``(k,)`` planar area, above 0
        [m²]; in order of shape, then record.
    """
    left, right = tree.query(shapes)
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    area = areas_of_pairs(shapes, records, np.column_stack([left, right]))
    least = np.minimum(shapely.area(shapes)[left], shapely.area(records)[right])
    kept = area > _NOTHING * least
    return left[kept], right[kept], area[kept]


def areas_of_pairs(shapes: np.ndarray, records: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Measure what pairs of a shape and a record share; see `pair_areas`.

    Parameters
    ----------
    shapes, records
        ``(n,)`` and ``(m,)`` polygons.
    pairs
        ``(k, 2)`` numbers of a shape and of a record.

    Returns
    -------
    ndarray
        ``(k,)`` planar area, not below 0. [m²]
    """
    asked, number = np.unique(pairs[:, 0], return_inverse=True)
    met, other = np.unique(pairs[:, 1], return_inverse=True)
    points, starts = rings_of(shapes[asked])
    other_points, other_starts = rings_of(records[met])
    both = np.column_stack([number, other]).astype(np.int64)
    found: np.ndarray = shared_areas(points, starts, other_points, other_starts, both)
    return found


def rings_of(shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lay out the rings of polygons; see `changedetect.kernels.wkb.rings_of_wkb`."""
    texts = shapely.to_wkb(shapes, byte_order=1, output_dimension=2).tolist()
    ends = np.cumsum([0, *map(len, texts)])
    return rings_of_wkb(np.frombuffer(b"".join(texts), np.uint8), ends.astype(np.int64))
