"""Change in radar images: a signed log-ratio, smoothed twice under a guide, against its own null.

Each side of the comparison may hold several dates of one orbit; their mean intensity is compared
(multi-look averaging in time), then filtered with edges kept (averaging in space). The null is
taken from the images themselves, with statistics that a few per cent of change, or a third of the
image, do not move; nothing is read from the shape of a histogram with two modes. Terrain
(layover, shadow) is no data before it comes here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import polygamma

from changedetect.config.series import RadarSection
from changedetect.errors import LayerError
from changedetect.schema import EVIDENCE_NODATA, EVIDENCE_SCALE
from changedetect.stages.evidence.radar_ratio import measure_ratio

HALF_NORMAL = 1.3489795003921634
"""Width of the shortest half of a normal distribution. [sigma]"""

NORMAL_SHARE, NORMAL_WIDTH = 0.95, 1.959963984540054
"""Share of a normal distribution that lies within so many sigma."""


@dataclass(frozen=True, slots=True)
class RadarModel:
    """What the ratio of two radar stacks looks like where nothing changed.

    Attributes
    ----------
    looks
        Equivalent number of looks of one date, per polarisation.
    soften
        Added to amplitudes before the ratio, per polarisation. [amplitude]
    centre
        Middle of the filtered log-ratio (calibration, soil moisture of the day), per
        polarisation. [neper of intensity]
    scale
        Its spread from speckle and texture, per polarisation. [neper of intensity]
    surface
        What the surface does from one date to the next, per polarisation. [neper of intensity]
    correlation
        Between the two polarisations' ratios; 0 with one polarisation.
    dates
        Harmonic mean of the numbers of dates on both sides, in the samples.
    pixels
        How many pixels told.
    """

    looks: tuple[float, ...]
    soften: tuple[float, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    surface: tuple[float, ...]
    correlation: float
    dates: float
    pixels: int


def radar_halo_px(cfg: RadarSection) -> int:
    """Return what a tile must read beyond its core so that its core is exact. [px]

    One pixel for the guide's 3 × 3 mean, two radii for each pass of the guided filter.
    """
    return 1 + 2 * cfg.guide_radius_px * cfg.guide_passes


def amplitude_to_db(amplitude: np.ndarray) -> np.ndarray:
    """Turn an uncalibrated amplitude image into decibel against amplitude 1.

    Parameters
    ----------
    amplitude
        Any shape, stored amplitudes; below 1 counts as 1, NaN = not observed.

    Returns
    -------
    ndarray
        float32. [dB]
    """
    decibel: np.ndarray = 20.0 * np.log10(np.maximum(amplitude, 1.0))
    return decibel.astype(np.float32)


def _check(before: np.ndarray, after: np.ndarray) -> None:
    if before.ndim != 4 or after.ndim != 4 or before.shape[1:] != after.shape[1:]:  # noqa: PLR2004
        msg = (
            f"radar: stacks {before.shape} before and {after.shape} after found; two "
            "(date, polarisation, y, x) stacks of the same polarisations and pixels are needed"
        )
        raise LayerError(msg)
    if before.shape[1] not in {1, 2} or 0 in before.shape or 0 in after.shape:
        msg = (
            f"radar: stacks {before.shape} and {after.shape} found; one or two polarisations and "
            "at least one date on each side are needed"
        )
        raise LayerError(msg)


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


def _soften(
    samples: Sequence[tuple[np.ndarray, np.ndarray]], band: int, cfg: RadarSection
) -> float:
    """Return the part of the samples' median amplitude that is added to every amplitude."""
    level_db = [stack[:, band][np.isfinite(stack[:, band])] for pair in samples for stack in pair]
    seen = np.concatenate(level_db)
    if seen.size == 0:
        return 0.0
    return float(cfg.soften_frac * np.power(10.0, float(np.median(seen)) / 20.0))


def _least_scale(looks: float, dates: float, cfg: RadarSection) -> float:
    """Return the spread that speckle alone leaves after averaging over a window."""
    window_px = (2 * cfg.guide_radius_px + 1) ** 2
    return float(np.sqrt(2.0 * polygamma(1, looks * max(dates, 1.0)) / window_px))


def _surface(
    samples: Sequence[tuple[np.ndarray, np.ndarray]], band: int, soften: float, cfg: RadarSection
) -> float:
    """Return what 95% of the ground does between neighbouring dates of one side, as one sigma.

    With a single date on each side there is nothing to compare: `surface_sd_neper` is assumed.
    """
    moved = []
    for stack in (side for pair in samples for side in pair):
        for i in range(stack.shape[0] - 1):
            ratio, _ = measure_ratio(
                stack[i : i + 1, band], stack[i + 1 : i + 2, band], soften, cfg
            )
            seen = ratio[np.isfinite(ratio)]
            if seen.size:
                moved.append(np.abs(seen - np.median(seen)))
    if not moved:
        return cfg.surface_sd_neper
    measured = float(np.quantile(np.concatenate(moved), NORMAL_SHARE)) / NORMAL_WIDTH
    return min(max(measured, cfg.surface_least_neper), cfg.surface_sd_neper)


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Quadrant correlation, carried to the normal scale (Blomqvist 1950)."""
    agree = np.sign(first) * np.sign(second)
    return float(np.clip(np.sin(np.pi / 2 * agree.mean()), -0.95, 0.95))


def fit_radar(samples: Sequence[tuple[np.ndarray, np.ndarray]], cfg: RadarSection) -> RadarModel:
    """Learn from stacks of the same orbit what "nothing changed" looks like.

    Parameters
    ----------
    samples
        Pairs (before, after) of ``(date, polarisation, y, x)`` float32 stacks, NaN = not observed
        [dB]; best from months before the month that is judged, else that month itself.
    cfg
        Section `radar`.

    Raises
    ------
    LayerError
        No samples, shapes that do not fit, or fewer than 100 pixels seen on both sides.
    """
    if not samples:
        msg = "radar: no sample stacks; at least one (before, after) pair is needed"
        raise LayerError(msg)
    for before, after in samples:
        _check(before, after)
    bands = samples[0][0].shape[1]
    ratios, dates = [], []
    soften = tuple(_soften(samples, band, cfg) for band in range(bands))
    for band in range(bands):
        measured = [measure_ratio(b[:, band], a[:, band], soften[band], cfg) for b, a in samples]
        ratios.append(np.concatenate([ratio.ravel() for ratio, _ in measured]))
        dates.append(np.concatenate([count.ravel() for _, count in measured]))
    seen = np.isfinite(np.stack(ratios)).all(axis=0)
    if seen.sum() < 100:  # noqa: PLR2004 - the least that a spread can be read from
        msg = (
            f"radar: {int(seen.sum())} pixels were seen before and after; at least 100 are needed; "
            "check overlap and no-data of the stacks"
        )
        raise LayerError(msg)
    typical = float(np.median(dates[0][seen]))
    looks = tuple(
        float(np.median([estimate_looks(b[:, band], cfg) for b, _ in samples]))
        for band in range(bands)
    )
    halves = [shortest_half(ratio[seen]) for ratio in ratios]
    centred = [ratio[seen] - half[0] for ratio, half in zip(ratios, halves, strict=True)]
    return RadarModel(
        looks=looks,
        soften=soften,
        centre=tuple(half[0] for half in halves),
        scale=tuple(
            max(half[1], _least_scale(look, typical, cfg))
            for half, look in zip(halves, looks, strict=True)
        ),
        surface=tuple(_surface(samples, band, soften[band], cfg) for band in range(bands)),
        correlation=_correlation(centred[0], centred[1]) if bands > 1 else 0.0,
        dates=typical,
        pixels=int(seen.sum()),
    )


def _combine(
    ratios: list[np.ndarray], variances: list[np.ndarray], correlation: float
) -> np.ndarray:
    """Return the squared distance from "nothing changed" in standard deviations."""
    scaled = [ratio / np.sqrt(variance) for ratio, variance in zip(ratios, variances, strict=True)]
    if len(scaled) == 1:
        return np.asarray(np.square(scaled[0]))
    first, second = scaled
    joint = np.square(first) - 2.0 * correlation * first * second + np.square(second)
    return np.asarray(joint / (1.0 - correlation**2))


def measure_radar(
    before: np.ndarray, after: np.ndarray, model: RadarModel, cfg: RadarSection
) -> np.ndarray:
    """Measure the evidence of change between two radar stacks.

    Null: normal around the model's centre, as wide as the samples (`model.scale`, speckle and
    what the surface did) but never narrower than what farmland does from date to date (moisture,
    growth, roughness: `model.surface`); both shrink with the number of dates, since they come and
    go. Change: the same, widened by `change_sd_neper`. The ratio of the two densities is taken at the (Mahalanobis) distance of all
    polarisations; `prior_llr` is taken off.

    Parameters
    ----------
    before, after
        ``(date, polarisation, y, x)`` float32; NaN = not observed. [dB]
    model
        Of the same orbit and polarisations.
    cfg
        Section `radar`.

    Returns
    -------
    ndarray
        ``(y, x)`` int16, `schema.EVIDENCE`; not observed where a polarisation misses on a side.

    Raises
    ------
    LayerError
        Shapes that do not fit one another or the model.
    """
    _check(before, after)
    bands = before.shape[1]
    if len(model.centre) != bands:
        msg = (
            f"radar: stacks of {bands} polarisations, model of {len(model.centre)}; fit a model on "
            "stacks of the same polarisations"
        )
        raise LayerError(msg)
    ratios, variances = [], []
    for band in range(bands):
        ratio, dates = measure_ratio(before[:, band], after[:, band], model.soften[band], cfg)
        seen_dates = np.maximum(dates, 1.0)
        ratios.append(ratio - model.centre[band])
        spread = max(model.scale[band] ** 2 * max(model.dates, 1.0), model.surface[band] ** 2)
        variances.append(spread / seen_dates)
    distance = _combine(ratios, variances, model.correlation)
    widened = 1.0 + cfg.change_sd_neper**2 / np.mean(variances, axis=0)
    llr = 0.5 * (distance * (1.0 - 1.0 / widened) - bands * np.log(widened)) - cfg.prior_llr
    limit = cfg.clip_llr
    scaled = np.rint(np.clip(llr, -limit, limit) * EVIDENCE_SCALE)
    seen = np.isfinite(scaled)
    return np.where(seen, np.where(seen, scaled, 0), EVIDENCE_NODATA).astype(np.int16)
