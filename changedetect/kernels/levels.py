"""How far evidence reaches above a threshold, pixel by pixel: whole images in one pass each."""

import numpy as np

from changedetect.kernels._jit import kernel

_FEW = 8
"""Crossings a row up to which everything behind each is turned over."""


@kernel
def lower_of(threshold: np.ndarray, index: np.ndarray, lowest: np.ndarray, out: np.ndarray) -> None:
    """Take the lower of a threshold and of a limit that a pixel's number has.

    Parameters
    ----------
    threshold
        ``(y, x)`` int32.
    index
        ``(y, x)`` int16, number of each pixel from -1.
    lowest
        ``(numbers + 1,)`` int32, the limit of number -1 first.
    out
        ``(y, x)`` int32, is set.
    """
    for y in range(out.shape[0]):
        source, number, target = threshold[y], index[y], out[y]
        for x in range(len(target)):
            target[x] = min(source[x], lowest[number[x] + 1])


@kernel
def take_first(
    measured: np.ndarray,
    wanted: np.ndarray,
    number: tuple[int, int],
    nodata: int,
    kept: tuple[np.ndarray, np.ndarray, np.ndarray],
    new: np.ndarray,
) -> tuple[int, int]:
    """Take evidence where it is wanted and none was taken before.

    Parameters
    ----------
    measured
        ``(y, x)`` int16; ``nodata`` is not observed.
    wanted
        ``(y, x)`` bool.
    number
        Of who measured, and the threshold.
    kept
        ``(y, x)`` each: evidence int16, number int16 and threshold int32; changed in place where
        evidence is taken.
    new
        ``(y, x)`` bool, is set: where it was.

    Returns
    -------
    tuple of int
        Pixels taken, and pixels that still want evidence.
    """
    evidence, index, threshold = kept
    taken, due = 0, 0
    for y in range(measured.shape[0]):
        value, asked, fresh = measured[y], wanted[y], new[y]
        own, who, least = evidence[y], index[y], threshold[y]
        for x in range(len(value)):
            open_yet = asked[x] & (own[x] == nodata)
            take = open_yet & (value[x] != nodata)
            fresh[x] = take
            own[x] = value[x] if take else own[x]
            who[x] = np.int16(number[0]) if take else who[x]
            least[x] = np.int32(number[1]) if take else least[x]
            taken += take
            due += open_yet & (not take)
    return taken, due


@kernel
def between(rows: np.ndarray, cols: np.ndarray, out: np.ndarray) -> None:
    """Mark what lies between crossings of a row, first and second, third and fourth, and so on.

    Parameters
    ----------
    rows, cols
        ``(n,)`` int64, first pixel behind each crossing, in any order; a column may be the one
        after the last.
    out
        ``(y, x)`` bool; pixels between are set, others stay.
    """
    height, width = out.shape
    flips = np.zeros((height, width + 1), np.bool_)
    if len(rows) < _FEW * height:  # a stretch at once, many pixels in an instruction
        for k in range(len(rows)):
            line = flips[rows[k], cols[k] :]
            for x in range(len(line)):
                line[x] = not line[x]
        for y in range(height):
            line, target = flips[y], out[y]
            for x in range(width):
                target[x] |= line[x]
        return
    for k in range(len(rows)):
        flips[rows[k], cols[k]] ^= True
    for y in range(height):
        line, target, on = flips[y], out[y], False
        for x in range(width):
            on ^= line[x]
            target[x] |= on


@kernel
def reached(evidence: np.ndarray, threshold: np.ndarray, nodata: int, out: np.ndarray) -> None:
    """Mark observed pixels whose evidence reaches the threshold.

    Parameters
    ----------
    evidence
        ``(y, x)`` int16; ``nodata`` is not observed.
    threshold
        ``(y, x)`` int32.
    out
        ``(y, x)`` uint8, is set: 0 or 1.
    """
    for y in range(out.shape[0]):
        values, least, target = evidence[y], threshold[y], out[y]
        for x in range(len(target)):
            value = np.int32(values[x])
            target[x] = np.uint8((value >= least[x]) & (value != nodata))


@kernel
def level_of(
    evidence: np.ndarray,
    threshold: np.ndarray,
    closed: np.ndarray,
    steps: np.ndarray,
    nodata: int,
    out: np.ndarray,
) -> None:
    """Count the steps above the threshold that marked pixels reach.

    Parameters
    ----------
    evidence, threshold
        As in `reached`.
    closed
        ``(y, x)`` uint8, 1 = marked.
    steps
        ``(s,)`` int32, heights above the threshold.
    nodata
        Evidence of what was not observed.
    out
        ``(y, x)`` uint8, is set: 0 where not marked or not observed, else 1 and one for each step.
    """
    for y in range(out.shape[0]):
        values, least, marked, target = evidence[y], threshold[y], closed[y], out[y]
        for x in range(len(target)):
            target[x] = np.uint8((marked[x] != 0) & (np.int32(values[x]) != nodata))
        for step in steps:
            for x in range(len(target)):
                above = np.int32(values[x]) >= least[x] + step
                target[x] += np.uint8((target[x] > 0) & above)


@kernel
def level_runs(levels: np.ndarray, row: int, col: int) -> tuple[np.ndarray, np.ndarray]:
    """List the runs of pixels of one level, in reading order.

    Parameters
    ----------
    levels
        ``(y, x)`` uint8; 0 belongs to no run.
    row, col
        Where the first pixel lies in the grid. [px]

    Returns
    -------
    tuple of ndarray
        ``(n, 3)`` int32 as of `runs.find_runs`, and ``(n,)`` int64, their levels.
    """
    height, width = levels.shape
    count = 0
    for y in range(height):
        line = levels[y]
        count += line[0] != 0 if width else 0
        for x in range(1, width):
            count += (line[x] != 0) & (line[x - 1] != line[x])
    runs, level = np.empty((count, 3), np.int32), np.empty(count, np.int64)
    k = 0
    for y in range(height):
        x = 0
        while x < width:
            value, first = levels[y, x], x
            x += 1
            if value == 0:
                continue
            while x < width and levels[y, x] == value:
                x += 1
            runs[k, 0], runs[k, 1], runs[k, 2], level[k] = y + row, first + col, x + col, value
            k += 1
    return runs, level


@kernel
def stretches(
    values: np.ndarray, runs: np.ndarray, row: int, col: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut runs where a value changes.

    Parameters
    ----------
    values
        ``(y, x)`` int64.
    runs
        ``(n, 3)`` int32, in grid coordinates.
    row, col
        Where the first pixel of the values lies in the grid. [px]

    Returns
    -------
    tuple of ndarray
        ``(m,)`` int64 each: run, value and pixels of each stretch.
    """
    count = 0
    for i in range(len(runs)):
        line = values[runs[i, 0] - row]
        count += 1
        for x in range(runs[i, 1] - col + 1, runs[i, 2] - col):
            count += line[x] != line[x - 1]
    owner, value = np.empty(count, np.int64), np.empty(count, np.int64)
    pixels = np.zeros(count, np.int64)
    k = -1
    for i in range(len(runs)):
        line = values[runs[i, 0] - row]
        for x in range(runs[i, 1] - col, runs[i, 2] - col):
            if x == runs[i, 1] - col or line[x] != line[x - 1]:
                k += 1
                owner[k], value[k] = i, line[x]
            pixels[k] += 1
    return owner, value, pixels
