"""Make the image after comparable to the image before: gain and offset per band.

Fitted on invariant pixels, found by repeatedly keeping the pixels that agree best over all bands
(least trimmed squares by concentration steps: Rousseeuw and Van Driessen, 2006,
doi:10.1007/s10618-005-0024-4, section 3), with both images treated alike (reduced major axis).
"""

import numpy as np

from changedetect.config.detection import PixelsSection
from changedetect.errors import SceneError
from changedetect.tiling import in_order


def fit_gains(
    before: np.ndarray, after: np.ndarray, cfg: PixelsSection, workers: int = 1
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Fit ``before = gain * after + offset`` on invariant pixels.

    Parameters
    ----------
    before, after
        ``(pixel, band)`` float32, aligned, no missing values.
    cfg
        Share of pixels kept and number of steps.
    workers
        Threads; the result is the same.

    Returns
    -------
    tuple
        Gains and offsets, one per band. A band that is constant in either image keeps gain 1.

    Raises
    ------
    SceneError
        Fewer pixels than ``min_common_pixels`` are observed in both images.
    """
    if len(before) < cfg.min_common_pixels:
        msg = (
            f"only {len(before)} sample pixels are observed in both images; at least "
            f"{cfg.min_common_pixels} were expected (min_common_pixels); choose images with less "
            "cloud that overlap / 两期影像共同有效像元不足"
        )
        raise SceneError(msg)
    x, y = after.astype(np.float64), before.astype(np.float64)
    keep: np.ndarray = np.ones(len(x), bool)
    gain, offset = _reduced_axis((x, y), workers)
    for _ in range(cfg.invariant_steps):
        apart = y - gain * x - offset
        spread = np.median(np.abs(apart[keep]), axis=0)
        scaled = ((apart / np.where(spread > 0, spread, 1.0)) ** 2).sum(axis=1)
        keep = scaled <= np.quantile(scaled, cfg.invariant_share)
        gain, offset = _reduced_axis((x, y), workers, keep)
    return tuple(map(float, gain)), tuple(map(float, offset))


def _reduced_axis(
    pixels: tuple[np.ndarray, np.ndarray], workers: int, keep: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Line through the means whose slope is the ratio of the standard deviations, per band."""

    def spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mine = values if keep is None else values[keep]
        return mine.std(axis=0), mine.mean(axis=0)

    (sx, x), (sy, y) = in_order(pixels, spread, min(workers, 2))
    varied = (sx > 0) & (sy > 0)
    gain = np.where(varied, sy / np.where(varied, sx, 1.0), 1.0)
    return gain, y - gain * x
