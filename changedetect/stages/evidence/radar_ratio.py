"""Logarithms and log-ratios of radar stacks, filtered under a guide, in whole numbers."""

import math
from collections.abc import Sequence

import numpy as np

from changedetect.config.radar import RadarSection
from changedetect.kernels import speckle

NEPER_PER_DB = math.log(10.0) / 10.0
"""Of intensity."""


def mean_intensity(
    stack_db: np.ndarray, soften: float, cfg: RadarSection
) -> tuple[np.ndarray, np.ndarray]:
    """Average a stack over its dates and soften it.

    Parameters
    ----------
    stack_db
        ``(date, y, x)`` float32; NaN = not observed. [dB]
    soften
        Added to the amplitude of the mean. [amplitude]
    cfg
        Section `radar`; weaker echoes than its floor count as the floor.

    Returns
    -------
    tuple of ndarray
        ``(y, x)`` float64 intensity, NaN = not observed on any date, and how many dates were seen.
    """
    total = np.zeros(stack_db.shape[1:])
    count = np.zeros(stack_db.shape[1:])
    for image in stack_db:
        seen = np.isfinite(image)
        value = np.power(10.0, np.maximum(image.astype(np.float64), cfg.floor_db) / 10.0)
        total += np.where(seen, value, 0.0)
        count += seen
    amplitude = np.sqrt(total / np.maximum(count, 1.0)) + soften
    return np.where(count > 0, np.square(amplitude), np.nan), count


def to_steps(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Round to whole steps (`speckle.UNIT`), so that sums over windows are exact; else 0."""
    return np.where(valid, np.rint(np.where(valid, values, 0.0) * speckle.UNIT), 0).astype(np.int64)


def box_mean(values: np.ndarray, valid: np.ndarray, radius: int) -> np.ndarray:
    """Mean of the valid pixels of a window, exact in whole steps.

    Parameters
    ----------
    values, valid
        ``(y, x)`` float64 and bool.
    radius
        The window is ``2 radius + 1`` wide. [px]

    Returns
    -------
    ndarray
        ``(y, x)`` float64; 0 where not valid.
    """
    total = speckle.box_sum(to_steps(values, valid), radius)
    count = np.maximum(speckle.box_sum(valid.astype(np.int64), radius), 1)
    return np.where(valid, total / (count * speckle.UNIT), 0.0)


def restlessness(stack_db: np.ndarray, cfg: RadarSection) -> np.ndarray:
    """Return how much single dates differ from one another.

    Parameters
    ----------
    stack_db
        ``(date, y, x)`` float32; NaN = not observed. [dB]
    cfg
        Section `radar`; weaker echoes than its floor count as the floor.

    Returns
    -------
    ndarray
        ``(y, x)`` float64 standard deviation over the dates; 0 with fewer than two. [neper]
    """
    total, squares, count = (np.zeros(stack_db.shape[1:]) for _ in range(3))
    for image in stack_db:
        seen = np.isfinite(image)
        value = np.maximum(image.astype(np.float64), cfg.floor_db) - cfg.floor_db
        value = np.where(seen, value, 0.0) * NEPER_PER_DB
        total += value
        squares += np.square(value)
        count += seen
    count = np.maximum(count, 1.0)
    return np.asarray(np.sqrt(np.maximum(squares / count - np.square(total / count), 0.0)))


def _guide(intensity: np.ndarray, valid: np.ndarray, floor_db: float) -> np.ndarray:
    """Return the logarithm of the 3 × 3 mean, in whole steps."""
    steps_per_unit = np.power(10.0, -floor_db / 10.0) * speckle.UNIT
    whole = np.where(valid, np.rint(np.where(valid, intensity, 0.0) * steps_per_unit), 0)
    total = speckle.box_sum(whole.astype(np.int64), 1)
    count = np.maximum(speckle.box_sum(valid.astype(np.int64), 1), 1)
    mean = np.maximum(total, 1) / (count * steps_per_unit)
    return to_steps(np.log(mean), valid)


def measure_ratio(
    before: np.ndarray, after: np.ndarray, soften: float, cfg: RadarSection
) -> tuple[np.ndarray, np.ndarray]:
    """Filter the signed log-ratio of two stacks of one polarisation.

    Parameters
    ----------
    before, after
        ``(date, y, x)`` float32; NaN = not observed. [dB]
    soften
        Added to the amplitudes, so that the ratio of two near-zero echoes stays near one
        (`RadarModel.soften`). [amplitude]
    cfg
        Section `radar`.

    Returns
    -------
    tuple of ndarray
        ``(y, x)`` float64 filtered ratio, after over before, NaN = not observed on either side
        [neper of intensity], and the harmonic mean of the numbers of dates.
    """
    first, n_first = mean_intensity(before, soften, cfg)
    second, n_second = mean_intensity(after, soften, cfg)
    valid = (n_first > 0) & (n_second > 0)
    ones = valid.astype(np.int64)
    safe_first, safe_second = np.where(valid, first, 1.0), np.where(valid, second, 1.0)
    ratio = to_steps(np.log(safe_second) - np.log(safe_first), valid)
    guides = [_guide(image, valid, cfg.floor_db) for image in (safe_first, safe_second)]
    for _ in range(cfg.guide_passes):
        ratio = speckle.guided(
            ratio, guides[0], guides[1], ones, cfg.guide_radius_px, cfg.guide_epsilon
        )
    dates = np.where(valid, 2.0 / (1.0 / np.maximum(n_first, 1) + 1.0 / np.maximum(n_second, 1)), 0)
    return np.where(valid, ratio / speckle.UNIT, np.nan), dates


def filter_logs(
    intensities: Sequence[np.ndarray],
    valid: np.ndarray,
    guides: Sequence[np.ndarray],
    cfg: RadarSection,
) -> np.ndarray:
    """Filter the logarithms of mean intensities under two guides, with a narrow window.

    Parameters
    ----------
    intensities
        ``(y, x)`` float64 each, finite and positive where valid. [power]
    valid
        ``(y, x)`` bool.
    guides
        Two intensities; the logarithms of their 3 × 3 means guide.
    cfg
        Section `radar`.

    Returns
    -------
    ndarray
        ``(image, y, x)`` float64, whole multiples of 1 / `speckle.UNIT`; 0 where not valid.
        [neper]
    """
    ones = valid.astype(np.int64)
    first, second = (_guide(np.where(valid, image, 1.0), valid, cfg.floor_db) for image in guides)
    found = []
    for image in intensities:
        steps = to_steps(np.log(np.where(valid, image, 1.0)), valid)
        for _ in range(cfg.course_passes):
            steps = speckle.guided(
                steps, first, second, ones, cfg.course_radius_px, cfg.course_epsilon
            )
        found.append(steps / speckle.UNIT)
    return np.stack(found)
