"""Runs and closing, written from their definitions."""

import numpy as np


def close_gaps(mask, gap_px):
    """A pixel stays empty if some (gap + 1)² square that holds it has no changed pixel."""
    height, width = mask.shape
    side = gap_px + 1
    framed = np.pad(mask, gap_px)
    closed = np.ones_like(mask)
    for top in range(height + gap_px):
        for left in range(width + gap_px):
            if not framed[top : top + side, left : left + side].any():
                for y in range(max(0, top - gap_px), min(height, top + 1)):
                    for x in range(max(0, left - gap_px), min(width, left + 1)):
                        closed[y, x] = 0
    return closed


def find_runs(mask, row, col):
    found = []
    for y, line in enumerate(mask.tolist()):
        start = None
        for x, value in enumerate([*line, 0]):
            if value and start is None:
                start = x
            if not value and start is not None:
                found.append((y + row, start + col, x + col))
                start = None
    return np.array(found, np.int32).reshape(-1, 3)


def paint(runs, labels, shape):
    """Draw run labels + 1 into an image."""
    image = np.zeros(shape, np.int64)
    for (row, start, end), label in zip(runs.tolist(), labels.tolist(), strict=True):
        image[row, start:end] = label + 1
    return image
