"""Classes, moments and distances, from the definitions, pixel by pixel."""

import numpy as np


def nearest(before, centres):
    return int(((centres - before) ** 2).sum(axis=1).argmin())


def outcomes(pixel, matrix, offset, penalty):
    return ((matrix @ pixel - offset) ** 2).sum(axis=1) + penalty


def class_distances(samples, centres, variates):
    matrix, offset, penalty = variates
    bands = centres.shape[1]
    labels, squared = [], []
    for row in samples.astype(float):
        c = nearest(row[:bands], centres)
        every = outcomes(row, matrix[c], offset[c], penalty[c])
        labels.append(c * len(every) + every.argmin())
        squared.append(every.min())
    return np.array(labels), np.array(squared)


def class_moments(samples, labels, squared, cuts):
    used = squared <= cuts[labels]
    groups = [samples[used & (labels == c)].astype(float) for c in range(len(cuts))]
    return (
        np.array([len(group) for group in groups]),
        np.stack([group.sum(axis=0) for group in groups]),
        np.stack([group.T @ group for group in groups]),
    )
