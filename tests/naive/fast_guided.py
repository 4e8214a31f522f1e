"""Fast guided filter on cells, from the definition, cell by cell and pixel by pixel."""

import numpy as np


def fast_guided_mean(score, guide, origin, cell, ridge):
    channels, height, width = guide.shape
    rows = (np.arange(height) + origin[0] % cell) // cell
    cols = (np.arange(width) + origin[1] % cell) // cell
    shape = rows[-1] + 1, cols[-1] + 1
    seen = score >= 0
    lines = np.zeros((*shape, channels + 2))

    def near(y, x):
        return np.abs(rows - y)[:, None] <= 1, np.abs(cols - x)[None] <= 1

    for y, x in np.ndindex(shape):
        a, b = near(y, x)
        inside = a & b & seen
        own = np.sum(seen & (rows == y)[:, None] & (cols == x)[None])
        if not own:
            continue
        values, guides = score[inside].astype(float), guide[:, inside].astype(float).T
        centred = guides - guides.mean(axis=0)
        covariance = centred.T @ centred / len(values) + ridge * np.eye(channels)
        slope = np.linalg.solve(covariance, centred.T @ (values - values.mean()) / len(values))
        level = values.mean() - slope @ guides.mean(axis=0)
        lines[y, x] = own * np.array([*slope, level, 1.0])
    wide = np.pad(lines, ((1, 1), (1, 1), (0, 0)))
    boxes = sum(wide[i : i + shape[0], j : j + shape[1]] for i in range(3) for j in range(3))
    out = np.full((height, width), np.nan)
    for y, x in zip(*np.nonzero(seen), strict=True):
        line = 0.0
        for i, u in weights(y + origin[0] % cell, cell, shape[0]):
            for j, v in weights(x + origin[1] % cell, cell, shape[1]):
                line = line + u * v * boxes[i, j]
        out[y, x] = (line[:channels] @ guide[:, y, x] + line[channels]) / line[channels + 1]
    return out


def weights(place, cell, many):
    """Cells between whose middles a pixel lies, and how much each counts."""
    middle = (place + 0.5) / cell - 0.5
    first = int(np.floor(middle))
    far = middle - first
    return [(min(max(first, 0), many - 1), 1 - far), (min(max(first + 1, 0), many - 1), far)]
