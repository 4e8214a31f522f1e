"""Make the image after comparable to the image before: gain and offset per band.

Fitted on invariant pixels, found by repeatedly keeping the pixels that agree best over all bands
(least trimmed squares by concentration steps: Rousseeuw and Van Driessen, 2006,
doi:10.1007/s10618-005-0024-4, section 3), with both images treated alike (reduced major axis).
"""

from dataclasses import dataclass
from functools import partial

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
    pairs = [(after[:, band], before[:, band]) for band in range(before.shape[1])]
    bands = in_order(pairs, _Band.of, workers)
    keep: np.ndarray = np.ones(len(before), bool)
    in_order(bands, partial(_Band.fit, keep=keep), workers)
    for _ in range(cfg.invariant_steps):
        squares = in_order(bands, partial(_Band.apart, keep=keep), workers)
        apart = np.add.reduce(squares)
        keep = np.asarray(apart <= np.quantile(apart, cfg.invariant_share))
        in_order(bands, partial(_Band.fit, keep=keep), workers)
    return tuple(band.gain for band in bands), tuple(band.offset for band in bands)


@dataclass(slots=True)
class _Band:
    """A band of both images, ``(pixel,)`` float64 each, and the line between them."""

    x: np.ndarray
    y: np.ndarray
    gain: float = 1.0
    offset: float = 0.0

    @classmethod
    def of(cls, pair: tuple[np.ndarray, np.ndarray]) -> "_Band":
        """Take the values of after and before."""
        x, y = (np.ascontiguousarray(values, np.float64) for values in pair)
        return cls(x, y)

    def fit(self, keep: np.ndarray) -> None:
        """Lay the line through the means, its slope the ratio of the standard deviations."""
        x, y = self.x[keep], self.y[keep]
        spread = x.std(), y.std()
        self.gain = float(spread[1] / spread[0]) if min(spread) > 0 else 1.0
        self.offset = float(y.mean() - self.gain * x.mean())

    def apart(self, keep: np.ndarray) -> np.ndarray:
        """Squared distance of every pixel from the line, in units of what is usual where kept."""
        apart = self.y - self.gain * self.x - self.offset
        spread = np.median(np.abs(apart[keep]))
        return np.asarray((apart / (spread if spread > 0 else 1.0)) ** 2)
