"""IR-MAD from its definition: generalised eigenvalues of the whole problem, scipy's distribution."""

import numpy as np
import scipy.linalg
import scipy.stats


def irmad(samples, steps):
    """Variates ``(pixel, band)`` (after minus before), correlations, and chi-square ``(pixel,)``."""
    v = samples.astype(np.float64)
    bands = v.shape[1] // 2
    weights = np.ones(len(v))
    for _ in range(steps):
        mean = np.average(v, axis=0, weights=weights)
        cov = np.cov(v.T, aweights=weights, bias=True)
        cross = np.zeros_like(cov)
        cross[:bands, bands:], cross[bands:, :bands] = cov[:bands, bands:], cov[bands:, :bands]
        own = cov - cross
        values, vectors = scipy.linalg.eigh(cross, own)
        rho, pairs = values[bands:], vectors[:, bands:]
        x, y = pairs[:bands], pairs[bands:]
        x = x / np.sqrt(np.diag(x.T @ own[:bands, :bands] @ x))
        y = y / np.sqrt(np.diag(y.T @ own[bands:, bands:] @ y))
        mad = (v - mean)[:, bands:] @ y - (v - mean)[:, :bands] @ x
        chi = (mad**2 / (2 * (1 - rho))).sum(axis=1)
        weights = scipy.stats.chi2.sf(chi, bands)
    return mad, rho, chi
