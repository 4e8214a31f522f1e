"""Window sums and the guided filter by their definition, in floating point."""

import numpy as np


def windows(shape, radius):
    for row in range(shape[0]):
        for col in range(shape[1]):
            top, left = max(row - radius, 0), max(col - radius, 0)
            yield (row, col), (slice(top, row + radius + 1), slice(left, col + radius + 1))


def box_sum(values, radius):
    out = np.zeros_like(values)
    for at, window in windows(values.shape, radius):
        out[at] = values[window].sum()
    return out


def guided(values, guide1, guide2, valid, radius, epsilon):
    shape = values.shape
    slopes, offsets, out = np.zeros((*shape, 2)), np.zeros(shape), np.zeros(shape)
    for at, window in windows(shape, radius):
        if not valid[at]:
            continue
        inside = valid[window].astype(bool)
        guides = np.stack([guide1[window][inside], guide2[window][inside]])
        target = values[window][inside]
        mean = guides.mean(axis=1)
        spread = np.cov(guides, bias=True) + epsilon * np.eye(2)
        shared = ((guides - mean[:, None]) * (target - target.mean())).mean(axis=1)
        slopes[at] = np.linalg.solve(spread, shared)
        offsets[at] = target.mean() - slopes[at] @ mean
    for at, window in windows(shape, radius):
        if valid[at]:
            inside = valid[window].astype(bool)
            slope = slopes[window][inside].mean(axis=0)
            out[at] = slope @ [guide1[at], guide2[at]] + offsets[window][inside].mean()
    return out
