"""How far the image after lies from the image before.

Cross-correlation of gradient magnitudes block by block (Hann window, no whitening: on smooth
images whitened phase correlation locks onto zero), refined to fractions of a pixel by a matrix
Fourier transform around the peak (Guizar-Sicairos, Thurman and Fienup, 2008,
doi:10.1364/OL.33.000156), then a robust centre over the blocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from changedetect.config.detection import PixelsSection
from changedetect.errors import RegistrationError
from changedetect.stages.pixels.samples import PairSample
from changedetect.tiling import in_order

COARSE_STEPS = 5
"""Fine steps in a coarse one: the correlation of edges has one top within a pixel."""


@dataclass(frozen=True, slots=True)
class PairAlignment:
    """Where the image after lies on the image before.

    Attributes
    ----------
    dy, dx
        The ground at ``(y, x)`` before is at ``(y + dy, x + dx)`` after. [px]
    residual_px
        Median distance of the blocks' own shifts from this; NaN = unknown (below 2 blocks). [px]
    blocks
        Blocks whose shift could be trusted; 0 = the images show nothing to align on.
    """

    dy: float
    dx: float
    residual_px: float
    blocks: int

    @property
    def known(self) -> bool:
        """Whether the images showed enough to measure the shift."""
        return self.blocks > 0


def fit_alignment(
    samples: Sequence[PairSample], cfg: PixelsSection, workers: int = 1
) -> PairAlignment:
    """Measure the shift between the two images of a pair.

    Parameters
    ----------
    samples
        Sample blocks, clouds already set to NaN.
    cfg
        Search range, trust limit and refusal limit.
    workers
        Threads; the result is the same.

    Returns
    -------
    PairAlignment
        Zero shift with ``blocks`` 0 where no block shows enough structure: the caller reports
        the alignment as unknown.

    Raises
    ------
    RegistrationError
        The blocks disagree by more than ``refuse_residual_px``, or the shift is at the end of
        the search range.
    """
    step = max(1, len(samples) // cfg.alignment_blocks)
    shifts = _shifts(samples[::step], cfg, workers)
    if 2 * len(shifts) < min(cfg.alignment_blocks, len(samples)):  # cloud, or little structure
        shifts = _shifts(samples, cfg, workers)
    if not shifts:
        return PairAlignment(0.0, 0.0, float("nan"), 0)
    found = np.array(shifts)
    centre = _robust_centre(found, cfg.refuse_residual_px)
    distance = np.hypot(*(found - centre).T)
    residual = float(np.median(distance)) if len(found) > 1 else float("nan")
    if residual > cfg.refuse_residual_px:
        msg = (
            f"the shift of {len(found)} sample blocks disagrees by {residual:.2f} px (median) "
            f"around {centre[0]:+.2f}, {centre[1]:+.2f} px; at most {cfg.refuse_residual_px} px "
            "was expected (refuse_residual_px); orthorectify the image after onto the image "
            "before / 影像配准误差过大"
        )
        raise RegistrationError(msg)
    if np.abs(centre).max() >= cfg.max_shift_px:
        msg = (
            f"the images lie {centre[0]:+.2f}, {centre[1]:+.2f} px apart (down, right); less "
            f"than {cfg.max_shift_px} px was expected (max_shift_px); orthorectify again"
        )
        raise RegistrationError(msg)
    return PairAlignment(float(centre[0]), float(centre[1]), residual, len(found))


def _shifts(
    samples: Sequence[PairSample], cfg: PixelsSection, workers: int
) -> list[tuple[float, float]]:
    """Measure the shifts of blocks; those that can not be trusted are left out."""
    found = in_order(samples, partial(block_shift, cfg=cfg), workers)
    return [shift for shift in found if shift is not None]


def _robust_centre(shifts: np.ndarray, limit_px: float) -> np.ndarray:
    """Median, then the mean of the blocks near it; ``(2,)`` [px]."""
    centre = np.median(shifts, axis=0)
    near = np.hypot(*(shifts - centre).T) <= limit_px
    return shifts[near].mean(axis=0) if near.any() else np.asarray(centre)


def block_shift(sample: PairSample, cfg: PixelsSection) -> tuple[float, float] | None:
    """Measure the shift of one block.

    Returns
    -------
    tuple of float or None
        ``(dy, dx)`` [px]; None where the block shows too little or the peak does not stand out.
    """
    seen = np.isfinite(sample.before).all(axis=0) & np.isfinite(sample.after).all(axis=0)
    if seen.mean() < cfg.min_block_share or min(seen.shape) < 2 * cfg.max_shift_px:
        return None
    taper = np.outer(np.hanning(seen.shape[0]), np.hanning(seen.shape[1]))
    before = _edges(sample.before, seen) * taper
    after = _edges(sample.after, seen) * taper
    energy = float(np.sqrt((before**2).sum() * (after**2).sum()))
    if energy <= 0:
        return None
    spectrum = np.fft.fft2(after) * np.conj(np.fft.fft2(before)) / energy
    reach = int(np.ceil(cfg.max_shift_px))
    coarse = np.fft.ifft2(spectrum).real
    lags = np.arange(-reach, reach + 1)
    near = coarse[np.ix_(lags, lags)]
    top = np.unravel_index(int(near.argmax()), near.shape)
    if near[top] < cfg.min_correlation:
        return None
    return _refine(spectrum, float(lags[top[0]]), float(lags[top[1]]), cfg.shift_step_px)


def _edges(image: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Mean over the bands of clipped gradient magnitude, zero mean, 0 where not seen."""
    total = np.zeros(seen.shape)
    whole = bool(seen.all())
    for band in image.astype(np.float64):
        filled = band if whole else np.where(seen, band, np.median(band[seen]))
        down, right = np.gradient(filled)
        steep = np.hypot(down, right)
        typical = float(np.median(steep[seen]))
        if typical > 0:
            total += steep / (steep + typical)
    return np.where(seen, total - total[seen].mean(), 0.0)


def _refine(spectrum: np.ndarray, dy: float, dx: float, step_px: float) -> tuple[float, float]:
    """Search around a whole-pixel peak in steps of a fraction of a pixel, coarse ones first."""
    wide = min(COARSE_STEPS * step_px, 1.0)
    dy, dx = _highest(spectrum, dy, dx, np.arange(-1.0, 1.0 + wide / 2, wide))
    return _highest(spectrum, dy, dx, step_px * np.arange(-COARSE_STEPS, COARSE_STEPS + 1))


def _highest(
    spectrum: np.ndarray, dy: float, dx: float, offsets: np.ndarray
) -> tuple[float, float]:
    """Evaluate the correlation at some offsets around a place and return the highest of them."""
    rows = np.exp(2j * np.pi * np.outer(dy + offsets, np.fft.fftfreq(spectrum.shape[0])))
    cols = np.exp(2j * np.pi * np.outer(np.fft.fftfreq(spectrum.shape[1]), dx + offsets))
    fine = (rows @ spectrum @ cols).real
    top = np.unravel_index(int(fine.argmax()), fine.shape)
    return float(dy + offsets[top[0]]), float(dx + offsets[top[1]])
