"""The two likelihood ratios from the gamma likelihood itself, all dates at hand."""

import numpy as np


def likelihood(values, mean):
    """Gamma log-likelihood per look of intensities with one mean, up to what cancels."""
    return -(np.log(mean) + values / mean).sum()


def ratios(series):
    """``(ln Q, ln R)`` per look of ``(date, channel)`` intensities."""
    q = r = 0.0
    for values in series.T:
        apart = sum(likelihood(values[i : i + 1], values[i]) for i in range(len(values)))
        q += likelihood(values, values.mean()) - apart
        split = likelihood(values[:-1], values[:-1].mean()) + likelihood(values[-1:], values[-1])
        r += likelihood(values, values.mean()) - split
    return q, r
