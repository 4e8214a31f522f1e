"""From numbered cells to polygons that share their borders exactly."""

import numpy as np
import scipy.ndimage as ndi
import shapely
from shapely.geometry import MultiPolygon, Polygon

from changedetect.grid import Grid

_EAST, _NORTH, _WEST, _SOUTH = range(4)


def _edges(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return label, start vertex and direction of every directed border edge, sorted.

    A label lies to the left of its edges (counter-clockwise in map view).
    """
    stride = labels.shape[1] + 1
    padded = np.pad(labels, 1)
    inner = padded[1:-1, 1:-1]
    sides = (
        (_EAST, padded[2:, 1:-1], 1, 0),
        (_NORTH, padded[1:-1, 2:], 1, 1),
        (_WEST, padded[:-2, 1:-1], 0, 1),
        (_SOUTH, padded[1:-1, :-2], 0, 0),
    )
    found = []
    for direction, other, down, right in sides:
        row, col = np.nonzero((inner != other) & (inner > 0))
        start = (row + down).astype(np.int64) * stride + col + right
        found.append((inner[row, col].astype(np.int64), start, np.full(row.size, direction)))
    label, start, way = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.lexsort((way, start, label))
    return label[order], start[order], way[order]


def _followers(
    label: np.ndarray, start: np.ndarray, way: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Return for every edge the index of the next one; where two are possible, the right turn.

    The right turn makes a piece that touches itself at a corner an outer ring and a hole that
    meet in a point, which is valid; the left turn would make a ring that touches itself.
    """
    stride = shape[1] + 1
    step = np.array([1, -stride, -1, stride])
    vertices = np.int64(stride) * (shape[0] + 1)
    key = label * vertices + start
    wanted = label * vertices + start + step[way]
    first = np.searchsorted(key, wanted)
    again = np.minimum(first + 1, key.size - 1)
    double = (key[again] == wanted) & (again != first)
    other = double & (way[first] != (way - 1) % 4)
    return np.asarray(np.where(other, again, first))


def _corners(labels: np.ndarray) -> np.ndarray:
    """Tell which vertices are needed: turns, and places where three or more edges meet."""
    padded = np.pad(labels, 1)
    across = padded[1:, :] != padded[:-1, :]
    along = padded[:, 1:] != padded[:, :-1]
    west, east = across[:, :-1], across[:, 1:]
    north, south = along[:-1, :], along[1:, :]
    degree = west.astype(int) + east + north + south
    straight = (degree == 2) & ((west & east) | (north & south))
    return np.asarray((degree > 0) & ~straight).ravel()


def _rings(labels: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Return the label and the vertices ``(n, 2)`` as col, row of every ring."""
    label, start, way = _edges(labels)
    follow = _followers(label, start, way, labels.shape).tolist()
    needed = _corners(labels)[start].tolist()
    stride = labels.shape[1] + 1
    seen = [False] * len(follow)
    rings = []
    for begin in range(len(follow)):
        if seen[begin]:
            continue
        ring, edge = [], begin
        while not seen[edge]:
            seen[edge] = True
            if needed[edge]:
                ring.append(edge)
            edge = follow[edge]
        points = start[ring]
        rings.append((int(label[begin]), np.column_stack([points % stride, points // stride])))
    return rings


def outlines(labels: np.ndarray, grid: Grid) -> dict[int, Polygon]:
    """Turn 4-connected pieces into polygons on cell edges.

    Parameters
    ----------
    labels
        ``(y, x)`` integer; one number a 4-connected piece, 0 = nothing.
    grid
        Where the cells lie.

    Returns
    -------
    dict
        Label -> polygon, by rising label; neighbours share all their vertices.
    """
    a, _, c, _, e, f = grid.transform
    shells: dict[int, np.ndarray] = {}
    holes: dict[int, list[np.ndarray]] = {}
    for label, ring in _rings(labels):
        places = np.column_stack([c + a * ring[:, 0], f + e * ring[:, 1]])
        x, y = places[:, 0] - places[0, 0], places[:, 1] - places[0, 1]
        if (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() > 0:
            shells[label] = places
        else:
            holes.setdefault(label, []).append(places)
    return {label: Polygon(shells[label], holes.get(label, ())) for label in sorted(shells)}


def outline_mask(mask: np.ndarray, grid: Grid) -> MultiPolygon:
    """Turn a mask into one MultiPolygon on cell edges; its parts are 4-connected."""
    labels, _ = ndi.label(mask)
    return MultiPolygon(list(outlines(labels, grid).values()))


def simplified_together(polygons: list[Polygon], tolerance_m: float) -> np.ndarray:
    """Simplify polygons that tile an area so that they still tile it; its outer edge stays.

    Parameters
    ----------
    polygons
        A valid coverage.
    tolerance_m
        Root of the triangle area below which a vertex goes (Visvalingam-Whyatt). [m]

    Returns
    -------
    ndarray
        One geometry for each given, same order.
    """
    return np.asarray(
        shapely.coverage_simplify(np.array(polygons), tolerance_m, simplify_boundary=False)
    )
