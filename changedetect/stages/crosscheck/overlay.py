"""Overlays that answer with polygons only: what shares no area is dropped at once.

GEOS hands back collections with lines and points where edges touch, and fails on them when they
are overlaid again; so nothing but polygons leaves this module.
"""

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry


def shared(one: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    """Return the polygonal part that two shapes share; may be empty."""
    found: BaseGeometry = polygonal(np.array([one.intersection(other)], dtype=object))[0]
    return found


def beyond(one: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    """Return the polygonal part of a shape that lies outside another; may be empty."""
    found: BaseGeometry = polygonal(np.array([one.difference(other)], dtype=object))[0]
    return found


def pairs(
    tree: shapely.STRtree, shapes: np.ndarray, records: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Intersect shapes with the records that they meet, all at once.

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
        ``(k,)`` number of the shape, ``(k,)`` number of the record, ``(k,)`` polygonal part that
        they share, never empty; in order of shape, then record.
    """
    left, right = tree.query(shapes, predicate="intersects")
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    shared = polygonal(shapely.intersection(shapes[left], records[right]))
    kept = shapely.area(shared) > 0
    return left[kept], right[kept], shared[kept]


def surfaces(shapes: Sequence[BaseGeometry] | np.ndarray) -> np.ndarray:
    """Return shapes as MultiPolygons, the form in which many are measured at once."""
    parts, owner = shapely.get_parts(np.array(shapes, dtype=object), return_index=True)
    kept = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    made = np.full(len(shapes), shapely.MultiPolygon(), dtype=object)
    shapely.multipolygons(parts[kept], indices=owner[kept], out=made)
    return made


def polygonal(shapes: np.ndarray) -> np.ndarray:
    """Keep what has an area: lines and points that overlays leave behind are dropped."""
    result = np.array(shapes, dtype=object)
    for index in np.flatnonzero(
        shapely.get_type_id(result) == shapely.GeometryType.GEOMETRYCOLLECTION
    ):
        parts = shapely.get_parts(result[index])
        kept = [part for part in parts if part.area > 0]
        result[index] = shapely.union_all(kept) if kept else shapely.Polygon()
    return result
