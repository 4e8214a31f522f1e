"""Guided filter with a guide of several channels, from the definition, window by window."""

import numpy as np


def guided_mean(score, guide, radius, ridge):
    height, width, channels = guide.shape
    lines = np.full((height, width, channels + 1), np.nan)
    seen = score >= 0

    def around(y, x):
        part = (
            slice(max(y - radius, 0), y + radius + 1),
            slice(max(x - radius, 0), x + radius + 1),
        )
        return part, seen[part]

    for y, x in zip(*np.nonzero(seen), strict=True):
        part, inside = around(y, x)
        values, guides = score[part][inside].astype(float), guide[part][inside].astype(float)
        centred = guides - guides.mean(axis=0)
        covariance = centred.T @ centred / len(values) + ridge * np.eye(channels)
        slope = np.linalg.solve(covariance, centred.T @ (values - values.mean()) / len(values))
        lines[y, x, :-1] = slope
        lines[y, x, -1] = values.mean() - slope @ guides.mean(axis=0)
    out = np.full((height, width), np.nan)
    for y, x in zip(*np.nonzero(seen), strict=True):
        part, inside = around(y, x)
        mean = lines[part][inside].mean(axis=0)
        out[y, x] = mean[:-1] @ guide[y, x] + mean[-1]
    return out
