"""Classes, moments and distances, from the definitions, pixel by pixel."""

import numpy as np


def nearest(before, centres):
    return int(((centres - before) ** 2).sum(axis=1).argmin())


def class_distances(samples, centres, matrix, offset):
    bands = centres.shape[1]
    labels = np.array([nearest(row[:bands].astype(float), centres) for row in samples])
    squared = [
        ((matrix[c] @ row.astype(float) - offset[c]) ** 2).sum()
        for row, c in zip(samples, labels, strict=True)
    ]
    return labels, np.array(squared)


def class_moments(samples, labels, squared, cuts):
    used = squared <= cuts[labels]
    groups = [samples[used & (labels == c)].astype(float) for c in range(len(cuts))]
    return (
        np.array([len(group) for group in groups]),
        np.stack([group.sum(axis=0) for group in groups]),
        np.stack([group.T @ group for group in groups]),
    )


def distance_and_guide(stack, centres, variates, axes):
    _, height, width = stack.shape
    matrix, offset = variates
    score = np.full((height, width), -1, np.int32)
    guide = np.zeros((height, width, len(axes[1])), np.int16)
    for y in range(height):
        for x in range(width):
            pixel = stack[:, y, x].astype(float)
            if np.isnan(pixel).any():
                continue
            c = nearest(pixel[: centres.shape[1]], centres)
            root = np.sqrt(((matrix[c] @ pixel - offset[c]) ** 2).sum())
            score[y, x] = np.rint(min(root * 256, 32767))
            guide[y, x] = np.rint(np.clip((axes[0] @ pixel - axes[1]) * 256, -2047, 2047))
    return score, guide
