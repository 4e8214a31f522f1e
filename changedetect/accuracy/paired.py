"""Whether one model is better than another on the same ground: a paired test by counties."""

from dataclasses import dataclass

import numpy as np

EXACT = 14
"""Up to so many counties every pattern of signs is counted; beyond, patterns are drawn."""

DRAWS = 20_000


@dataclass(frozen=True, slots=True)
class Paired:
    """A comparison.

    Attributes
    ----------
    n
        Pairs: counties.
    gain
        Mean of the differences; positive where the new one is better.
    p
        One-sided: how often a gain like this comes of chance alone.
    """

    n: int
    gain: float
    p: float


def sign_flip(differences: np.ndarray) -> Paired:
    """Test whether differences lie above zero, by flipping their signs.

    Patches of one county are alike, so the differences are those of whole counties: under no gain
    each is as likely to have the other sign.

    Parameters
    ----------
    differences
        ``(n,)`` loss of the old model less that of the new one, a mean a county.

    References
    ----------
    Fisher's randomisation test for paired samples (The Design of Experiments, 1935, section 21).

    Examples
    --------
    >>> sign_flip(np.array([0.1, 0.2, 0.3, 0.1, 0.2])).p
    0.03125
    """
    values = np.asarray(differences, np.float64)
    if not len(values):
        return Paired(0, 0.0, 1.0)
    if len(values) <= EXACT:
        codes = np.arange(2 ** len(values))[:, None] >> np.arange(len(values)) & 1
    else:
        codes = np.random.default_rng(len(values)).integers(0, 2, (DRAWS, len(values)))
        codes[0] = 0
    sums = np.sum((1.0 - 2.0 * codes) * values, axis=1)
    least = float(values.sum())
    slack = 1e-12 * float(np.abs(values).sum())
    return Paired(len(values), float(values.mean()), float(np.mean(sums >= least - slack)))
