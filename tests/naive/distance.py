"""Change distance and guide, from the definitions, pixel by pixel."""

import numpy as np

from tests.naive.conditional import nearest, outcomes


def distance_rows(stack, centres, variates, axes, cap):
    _, height, width = stack.shape
    matrix, offset, penalty = variates
    score = np.full((height, width), -1)
    guide = np.zeros((len(axes[1]), height, width))
    for y in range(height):
        for x in range(width):
            pixel = stack[:, y, x].astype(float)
            if np.isnan(pixel).any():
                continue
            c = nearest(pixel[: centres.shape[1]], centres)
            root = np.sqrt(outcomes(pixel, matrix[c], offset[c], penalty[c]).min())
            score[y, x] = np.rint(min(root * 256, cap, 32767))
            guide[:, y, x] = np.rint(np.clip((axes[0] @ pixel - axes[1]) * 256, -2047, 2047))
    return score, guide
