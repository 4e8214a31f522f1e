"""The equivalent number of looks of a radar image, and a middle that change does not move."""

import numpy as np

from changedetect.config.radar import RadarSection
from changedetect.errors import LayerError

HALF_NORMAL = 1.3489795003921634
"""Width of the shortest half of a normal distribution. [sigma]"""


def shortest_half(values: np.ndarray) -> tuple[float, float]:
    """Return middle and normal-equivalent width of the shortest half of a sample.

    Rousseeuw and Leroy 1988, DOI 10.1111/j.1467-9574.1988.tb01224.x: neither moves when up to half
    of the sample lies elsewhere.

    Parameters
    ----------
    values
        Finite numbers, at least four.

    Examples
    --------
    >>> centre, scale = shortest_half(np.array([1.0, 2.0, 3.0, 4.0, 90.0, 91.0, 95.0]))
    >>> centre
    2.5
    """
    ordered = np.sort(values.ravel())
    half = (ordered.size + 1) // 2
    widths = ordered[half - 1 :] - ordered[: ordered.size - half + 1]
    at = int(np.argmin(widths))
    return float(np.median(ordered[at : at + half])), float(widths[at] / HALF_NORMAL)


def estimate_looks(stack_db: np.ndarray, cfg: RadarSection) -> float:
    """Estimate the equivalent number of looks of one date from homogeneous blocks.

    In a block without texture mean² / variance of the intensity is the number of looks (Oliver
    and Quegan 2004, Understanding SAR Images, eq. 4.15); textured blocks show fewer. The typical
    value of the homogeneous majority is the middle of the shortest half of its logarithm.

    Parameters
    ----------
    stack_db
        ``(date, y, x)`` float32; NaN = not observed. [dB]
    cfg
        Section `radar`.

    Returns
    -------
    float
        At least 1.

    Raises
    ------
    LayerError
        Fewer than four blocks are complete.
    """
    side = cfg.looks_block_px
    height, width = (n // side * side for n in stack_db.shape[1:])
    found = []
    for image in stack_db:
        power = np.power(10.0, image[:height, :width].astype(np.float64) / 10.0)
        blocks = power.reshape(height // side, side, width // side, side).swapaxes(1, 2)
        blocks = blocks.reshape(-1, side * side)
        blocks = blocks[np.isfinite(blocks).all(axis=1)]
        variance = blocks.var(axis=1, ddof=1)
        kept = variance > 0
        found.append(np.square(blocks[kept].mean(axis=1)) / variance[kept])
    looks = np.concatenate(found)
    if looks.size < 4:  # noqa: PLR2004 - the least that has a shortest half
        msg = (
            f"radar: {looks.size} complete blocks of {side} px in {stack_db.shape}; at least 4 are "
            "needed to estimate the looks; give larger samples"
        )
        raise LayerError(msg)
    return max(1.0, float(np.exp(shortest_half(np.log(looks))[0])))
