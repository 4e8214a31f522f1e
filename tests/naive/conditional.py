"""Moments and distances of alteration detection, from the definitions."""

import numpy as np
import scipy.stats


def reweighted_moments(samples, matrix, offset):
    values = samples.astype(np.float64)
    distance = ((values @ matrix.T - offset) ** 2).sum(axis=1)
    weights = scipy.stats.chi2.sf(distance, len(matrix))
    return weights.sum(), weights @ values, (values * weights[:, None]).T @ values


def distance_and_guide(stack, matrix, offset, variates):
    _, height, width = stack.shape
    score = np.full((height, width), -1, np.int32)
    guide = np.zeros((height, width, len(matrix) - variates), np.int16)
    for y in range(height):
        for x in range(width):
            if np.isnan(stack[:, y, x]).any():
                continue
            values = matrix @ stack[:, y, x].astype(np.float64) - offset
            root = np.sqrt((values[:variates] ** 2).sum())
            score[y, x] = np.rint(min(root * 256, 32767))
            guide[y, x] = np.rint(np.clip(values[variates:] * 256, -2047, 2047))
    return score, guide
