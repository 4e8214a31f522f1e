"""Drawing on cells: smooth noise, cells of a jittered lattice, connected pieces, burnt shapes.

Everything is deterministic and works on plain arrays; nothing here knows what land is.
"""

import numpy as np
import scipy.ndimage as ndi
import shapely
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components
from shapely.geometry.base import BaseGeometry

from changedetect.grid import Window

_BAND = 64


def _spline(size: int, pitch: float) -> csr_matrix:
    """Return the (size, knots) matrix of uniform cubic B-spline weights."""
    place = (np.arange(size) + 0.5) / pitch
    first = np.floor(place).astype(int)
    t = place - first
    weights = np.stack(
        [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
    )
    rows = np.tile(np.arange(size), 4)
    columns = (first + np.arange(4)[:, None]).ravel()
    knots = int(first[-1]) + 4
    return csr_matrix((weights.ravel() / 6.0, (rows, columns)), shape=(size, knots))


def smooth_noise(rng: np.random.Generator, size: int, pitch_m: float) -> np.ndarray:
    """Draw a smooth random field (cubic B-spline over independent knots).

    Parameters
    ----------
    rng
        Source of chance.
    size
        Side of the square field. [cells of 1 m]
    pitch_m
        Distance of knots: hills are about this far apart. [m]

    Returns
    -------
    ndarray
        ``(y, x)`` float32, mean 0, standard deviation 1.
    """
    weights = _spline(size, pitch_m)
    knots = rng.standard_normal((weights.shape[1], weights.shape[1]))
    field = (weights @ (weights @ knots).T).T
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def lattice_cells(
    rng: np.random.Generator, x: np.ndarray, y: np.ndarray, pitch_m: float
) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest point of a jittered lattice for every cell (Voronoi regions).

    Parameters
    ----------
    rng
        Source of chance.
    x, y
        ``(y, x)`` float32; places, bent beforehand if borders shall be bent. [m]
    pitch_m
        Pitch of the lattice. [m]

    Returns
    -------
    index : ndarray
        ``(y, x)`` int32; number of the nearest point.
    gap_m : ndarray
        ``(y, x)`` float32; distance to the second nearest less distance to the nearest; 0 on a
        border between two regions. [m]
    """
    left, top = (int(np.floor(values.min() / pitch_m)) - 1 for values in (x, y))
    wide, tall = (int(np.floor(values.max() / pitch_m)) + 2 for values in (x, y))
    wide, tall = wide - left, tall - top
    jitter = rng.uniform(0.12, 0.88, (2, tall, wide)).astype(np.float32)
    seed_x = (np.arange(wide, dtype=np.float32) + left + jitter[0]) * np.float32(pitch_m)
    seed_y = (np.arange(tall, dtype=np.float32)[:, None] + top + jitter[1]) * np.float32(pitch_m)
    index = np.empty(x.shape, np.int32)
    gap = np.empty(x.shape, np.float32)
    for begin in range(0, x.shape[0], _BAND):
        band = slice(begin, begin + _BAND)
        column = np.floor(x[band] / pitch_m).astype(np.int32) - left
        row = np.floor(y[band] / pitch_m).astype(np.int32) - top
        middle = row * wide + column
        index[band], gap[band] = _nearest(x[band], y[band], middle, (seed_x, seed_y))
    return index, gap


def _nearest(
    x: np.ndarray, y: np.ndarray, middle: np.ndarray, seeds: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Search the 3 × 3 lattice squares around ``middle`` (their flat number) for the nearest."""
    wide = seeds[0].shape[1]
    seed_x, seed_y = seeds[0].ravel(), seeds[1].ravel()
    best = np.full(x.shape, np.inf, np.float32)
    second = best.copy()
    index = middle.copy()
    for step in (down * wide + right for down in (-1, 0, 1) for right in (-1, 0, 1)):
        here = middle + step
        distance = (x - seed_x[here]) ** 2 + (y - seed_y[here]) ** 2
        np.copyto(index, here, where=distance < best)
        np.minimum(second, np.maximum(best, distance), out=second)
        np.minimum(best, distance, out=best)
    return index, np.sqrt(second) - np.sqrt(best)


def pieces(labels: np.ndarray) -> np.ndarray:
    """Give 4-connected pieces of equal labels numbers from 1, in order of their first cell.

    Examples
    --------
    >>> pieces(np.array([[7, 7, 2], [2, 7, 7], [2, 2, 9]]))
    array([[1, 1, 2],
           [3, 1, 1],
           [3, 3, 4]], dtype=int32)
    """
    height, width = labels.shape
    starts = np.ones(labels.shape, bool)
    starts[:, 1:] = labels[:, 1:] != labels[:, :-1]
    runs = np.cumsum(starts.ravel()).reshape(labels.shape) - 1
    joined = labels[1:] == labels[:-1]
    fresh = np.ones((height - 1, width), bool)
    fresh[:, 1:] = starts[1:, 1:] | starts[:-1, 1:]
    joined &= fresh
    above, below = runs[:-1][joined], runs[1:][joined]
    count = int(runs[-1, -1]) + 1
    graph = coo_matrix((np.ones(above.size, np.int8), (above, below)), shape=(count, count))
    _, group = connected_components(graph, directed=False)
    _, first = np.unique(group, return_index=True)
    rank = np.empty(first.size, np.int32)
    rank[np.argsort(first, kind="stable")] = np.arange(1, first.size + 1)
    return np.asarray(rank[group][runs])


def without_slivers(labels: np.ndarray, smallest: int) -> np.ndarray:
    """Give cells of pieces smaller than a number of cells to the nearest larger piece."""
    part = pieces(labels)
    small = np.bincount(part.ravel())[part] < smallest
    if not small.any() or small.all():
        return labels.copy()
    nearest = ndi.distance_transform_edt(small, return_distances=False, return_indices=True)
    return np.asarray(labels[tuple(nearest)])


def near(mask: np.ndarray, distance_m: float) -> np.ndarray:
    """Tell which cells lie nearer than a distance to a cell of a mask (its own cells too)."""
    if not mask.any():
        return np.zeros_like(mask)
    return np.asarray(ndi.distance_transform_edt(~mask) < distance_m)


def coarse_distance(mask: np.ndarray, step: int = 4) -> np.ndarray:
    """Return the distance to a mask, to within ``step`` cells, quickly; inf if it is empty. [m]"""
    thin = mask[::step, ::step]
    if not thin.any():
        return np.full(mask.shape, np.inf, np.float32)
    distance = (ndi.distance_transform_edt(~thin) * step).astype(np.float32)
    whole = np.repeat(np.repeat(distance, step, axis=0), step, axis=1)
    return whole[: mask.shape[0], : mask.shape[1]]


def burn(geometry: BaseGeometry, size: int) -> tuple[Window, np.ndarray]:
    """Find the cells whose centres lie in a geometry given in cell units (x = col, y = row).

    Returns
    -------
    window : Window
        The part of a ``size`` × ``size`` field that holds the geometry.
    mask : ndarray
        ``(y, x)`` bool, of that window.
    """
    west, south, east, north = geometry.bounds
    left, top = max(int(west) - 1, 0), max(int(south) - 1, 0)
    right, bottom = min(int(east) + 2, size), min(int(north) + 2, size)
    if right <= left or bottom <= top:
        return Window(0, 0, 0, 0), np.zeros((0, 0), bool)
    x, y = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
    shapely.prepare(geometry)
    mask = shapely.contains_xy(geometry, x, y)
    return Window(top, left, bottom - top, right - left), mask


def turned_axes(side: int, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates along and across a turned axis, from the middle of a square. [m]"""
    line = np.arange(side) + 0.5 - side / 2
    x, y = np.meshgrid(line, line)
    cos, sin = np.cos(angle), np.sin(angle)
    return x * cos + y * sin, -x * sin + y * cos
