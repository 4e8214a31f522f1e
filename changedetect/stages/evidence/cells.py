"""Cells of sample blocks: how widespread something is, counted in places instead of pixels."""

from collections.abc import Sequence

import numpy as np


def cells_of(
    pixels: Sequence[np.ndarray], shapes: Sequence[tuple[int, ...]], side: int
) -> np.ndarray:
    """Return the cells in which pixels of several blocks lie; blocks have no cell in common.

    Parameters
    ----------
    pixels
        Of each block: flat positions ``(pixel,)``.
    shapes
        Of each block: rows and columns, the last two axes. [px]
    side
        Of a cell. [px]

    Returns
    -------
    ndarray
        ``(pixels of all blocks,)`` int64.

    Examples
    --------
    >>> cells_of([np.array([0, 3, 7]), np.array([5])], [(2, 4), (2, 4)], 2).tolist()
    [0, 1, 1, 2]
    """
    numbers, begin = [np.zeros(0, np.int64)], 0
    for chosen, (*_, height, width) in zip(pixels, shapes, strict=True):
        across = -(-width // side)
        numbers.append(begin + chosen // width // side * across + chosen % width // side)
        begin += -(-height // side) * across
    return np.concatenate(numbers)


def squares_of_counts(places: np.ndarray) -> np.ndarray:
    """Sum of the squared numbers of pixels of each place, of the first 0, 1, 2 … pixels.

    Parameters
    ----------
    places
        ``(pixel,)`` int; put in one by one: the n-th of a place adds 2 n - 1.

    Returns
    -------
    ndarray
        ``(pixel + 1,)`` int64.

    Examples
    --------
    >>> squares_of_counts(np.array([7, 7, 2, 7])).tolist()
    [0, 1, 4, 5, 10]
    """
    order = np.argsort(places, kind="stable")
    held = places[order]
    first = np.flatnonzero(np.r_[True, held[1:] != held[:-1]][: len(held)])
    earlier = np.empty(len(held), np.int64)
    earlier[order] = np.arange(len(held)) - np.repeat(first, np.diff(np.r_[first, len(held)]))
    return np.asarray(np.r_[0, np.cumsum(2 * earlier + 1)])


def held_by_places(labels: np.ndarray, places: np.ndarray, count: int) -> np.ndarray:
    """Count the pixels of each label in each place, ``(label, place)`` float64.

    Parameters
    ----------
    labels, places
        ``(pixel,)``; label and cell of each pixel.
    count
        Number of labels.
    """
    _, cells = np.unique(places, return_inverse=True)
    width = int(cells.max()) + 1
    held = np.bincount(labels.astype(np.int64) * width + cells, minlength=count * width)
    return np.asarray(held.reshape(count, width).astype(np.float64))


def effective_places(held: np.ndarray) -> np.ndarray:
    """Return in how many places each label lies, by their effective number.

    The inverse of Simpson's index: n places that hold equally many pixels count n, a place that holds
    few counts little (Hill 1973, doi:10.2307/1934352, eq. 5 with a = 2).

    Parameters
    ----------
    held
        ``(label, place)`` float64, from `held_by_places`.

    Examples
    --------
    >>> labels, places = np.array([0, 0, 0, 0, 1, 1]), np.array([1, 1, 2, 2, 3, 3])
    >>> effective_places(held_by_places(labels, places, 3)).tolist()
    [2.0, 1.0, 0.0]
    """
    squares = (held**2).sum(axis=1)
    return np.asarray(held.sum(axis=1) ** 2 / np.where(squares > 0, squares, 1.0))
