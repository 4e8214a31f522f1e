"""Lists of corners become polygons: closed, without repeated corners, holes told by where they lie."""

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.errors import LayerError

_FEWEST = 3


def ring_of(points: np.ndarray, place: str) -> np.ndarray:
    """Return a closed ring; corners that repeat the one before are dropped.

    Parameters
    ----------
    points
        ``(corner, 2)`` float64; x = east, y = north; closed or not.
    place
        For messages.

    Returns
    -------
    ndarray
        ``(corner, 2)``; first and last are equal.

    Raises
    ------
    LayerError
        Coordinates that are not numbers, or fewer than three different corners.

    Examples
    --------
    >>> ring_of(np.array([[0, 0], [0, 0], [1, 0], [1, 1.0]]), "p").tolist()
    [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]
    """
    if not np.isfinite(points).all():
        msg = f"{place}: a coordinate is not a number"
        raise LayerError(msg)
    new = np.ones(len(points), bool)
    if len(points):
        new[1:] = (points[1:] != points[:-1]).any(axis=1)
    kept = points[new]
    if len(kept) > 1 and (kept[0] == kept[-1]).all():
        kept = kept[:-1]
    different = len(np.unique(kept, axis=0))
    if different < _FEWEST:
        msg = f"{place}: {different} different corners; a ring has at least {_FEWEST}"
        raise LayerError(msg)
    return np.vstack([kept, kept[:1]])


def assemble(rings: Sequence[np.ndarray], place: str) -> BaseGeometry:
    """Make one surface of rings: what lies inside another ring is its hole, what lies apart a part.

    The order of rings and their direction do not matter; a ring inside a hole is a part again.

    Parameters
    ----------
    rings
        Closed rings, from `ring_of`.
    place
        For messages.

    Returns
    -------
    Polygon or MultiPolygon
        Not checked for validity.

    Raises
    ------
    LayerError
        Two rings cross one another.
    """
    faces = np.array([shapely.Polygon(ring) for ring in rings], dtype=object)
    if len(faces) == 1:
        return faces[0]
    inside = np.zeros((len(faces), len(faces)), bool)
    for first in range(len(faces)):
        for second in range(len(faces)):
            inside[first, second] = first != second and _within(faces[first], faces[second])
    _refuse_crossing(faces, inside, place)
    depth = inside.sum(axis=1)
    parts = []
    for outer in np.flatnonzero(depth % 2 == 0).tolist():
        holes = [
            rings[hole]
            for hole in np.flatnonzero(inside[:, outer]).tolist()
            if depth[hole] == depth[outer] + 1
        ]
        parts.append(shapely.Polygon(rings[outer], holes))
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _within(first: shapely.Polygon, second: shapely.Polygon) -> bool:
    """Tell whether one ring's ground lies in another's; of two equal rings neither does."""
    if first.area >= second.area or not first.is_valid or not second.is_valid:
        return False
    return bool(second.covers(first))


def _refuse_crossing(faces: np.ndarray, inside: np.ndarray, place: str) -> None:
    for first in range(len(faces)):
        for second in range(first + 1, len(faces)):
            if inside[first, second] or inside[second, first]:
                continue
            one, other = faces[first], faces[second]
            if not (one.is_valid and other.is_valid):
                continue
            if one.intersects(other) and one.intersection(other).area > 0:
                msg = (
                    f"{place}: ring {second + 1} crosses ring {first + 1}; a ring inside (a hole) or "
                    "apart (a part) was expected"
                )
                raise LayerError(msg)
