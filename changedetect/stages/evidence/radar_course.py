"""What ground of each kind usually returns after its own past, and how far a pixel is from it.

With many radar dates before and few after, the change of a field must be told from its season.
Pixels are grouped by their own past (means of spans of dates, both polarisations, filtered in
space), and in each group a trimmed linear regression predicts the echo after (`kinds`). What a
season did to most ground of a kind is no change, what happened to little of it is. If the dates
before reach back a year, the same weeks of last year are one more span: a parcel keeps its own
calendar. How restless a pixel was from date to date tells kinds apart too: paddies and vegetables
move, roofs and woods do not.

Residuals keep their sign and are averaged over a few pixels before they are squared: speckle
cancels, the change of a neighbour in the same direction does not.

Change may come between the dates after: the distance is taken for the last date, the last two, and
so on, and the largest counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from changedetect.config.radar import RadarSection
from changedetect.stages.evidence.kinds import Kinds, fit_kinds, squared_length, whitened_residuals
from changedetect.stages.evidence.radar_ratio import (
    box_mean,
    filter_logs,
    mean_intensity,
    restlessness,
)
from changedetect.stages.evidence.tail_null import TailNull, TailRules, fit_null

Samples = Sequence[tuple[np.ndarray, np.ndarray]]
Spans = tuple[tuple[int, int], ...]
Days = tuple[Sequence[date], Sequence[date]]
"""Days of the dates before and after, in order of time."""

YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class UsualCourse:
    """What "nothing but the season" looks like for one choice of dates.

    Attributes
    ----------
    spans
        For each ending, the first and last-plus-one positions of dates before that are averaged
        together.
    dates
        Number of dates before and after.
    endings
        One course for the last date after, the last two, …
    null
        Distribution of the largest distance where nothing changed.
    """

    spans: tuple[Spans, ...]
    dates: tuple[int, int]
    endings: tuple[Kinds, ...]
    null: TailNull


def date_spans(count: int, cfg: RadarSection) -> Spans:
    """Cut the dates before into spans, newest first.

    Examples
    --------
    >>> date_spans(9, RadarSection())
    ((7, 9), (3, 7), (0, 3))
    """
    spans, stop = [], count
    for length in (*cfg.course_spans, count):
        start = max(0, stop - length)
        if stop > start:
            spans.append((start, stop))
        stop = start
    return tuple(spans)


def season_spans(before: Sequence[date], after: Sequence[date], cfg: RadarSection) -> Spans:
    """Return the dates before that lie in the same weeks of last year as those after.

    Parameters
    ----------
    before, after
        In order of time.
    cfg
        Section `radar`: `course_season_days`.

    Returns
    -------
    tuple
        One span, or none where no date before is as old.

    Examples
    --------
    >>> days = [date(2024, 5, 1), date(2024, 6, 3), date(2024, 6, 20), date(2025, 1, 1)]
    >>> season_spans(days, [date(2025, 6, 9)], RadarSection())
    ((1, 3),)
    """
    around = cfg.course_season_days
    first, last = (day.toordinal() - YEAR_DAYS for day in (after[0], after[-1]))
    inside = [
        place
        for place, day in enumerate(before)
        if first - around <= day.toordinal() <= last + around
    ]
    return ((inside[0], inside[-1] + 1),) if inside else ()


def fit_course(samples: Samples, cfg: RadarSection, days: Days | None = None) -> UsualCourse:
    """Learn kinds, courses and the null from sample stacks.

    Parameters
    ----------
    samples
        Pairs (before, after) of ``(date, polarisation, y, x)`` float32 stacks, NaN = not observed,
        all with the same numbers of dates. [dB]
    cfg
        Section `radar`.
    days
        Of the dates; None = not known, last year's season is not looked up.
    """
    before, after = samples[0]
    plain = date_spans(before.shape[0], cfg)
    endings, all_spans = [], []
    for length in range(1, min(after.shape[0], cfg.course_endings) + 1):
        spans = plain if days is None else plain + season_spans(days[0], days[1][-length:], cfg)
        all_spans.append(spans)
        pools = [_features(b, a[-length:], spans, cfg) for b, a in samples]
        past = np.concatenate([past[:, valid] for past, _, valid in pools], axis=1)
        later = np.concatenate([later[:, valid] for _, later, valid in pools], axis=1)
        endings.append(fit_kinds(past.T, later.T, cfg))
    dates = before.shape[0], after.shape[0]
    course = UsualCourse(tuple(all_spans), dates, tuple(endings), TailNull.empty())
    distances = [course_distance(b, a, course, cfg) for b, a in samples]
    pooled = np.concatenate([d[np.isfinite(d)] for d in distances])
    rules = TailRules(cfg.null_shape, cfg.null_span, cfg.null_steps, cfg.false_alarm_rate)
    return replace(course, null=fit_null(pooled, rules))


def course_distance(
    before: np.ndarray, after: np.ndarray, course: UsualCourse, cfg: RadarSection
) -> np.ndarray:
    """Return how far each pixel is from the usual course of its kind.

    Parameters
    ----------
    before, after
        ``(date, polarisation, y, x)`` float32; NaN = not observed. [dB]
    course
        Of the same numbers of dates.
    cfg
        Section `radar`.

    Returns
    -------
    ndarray
        ``(y, x)`` float64, in standard deviations; NaN = not observed on a side.
    """
    largest = np.full(before.shape[2:], -np.inf)
    pairs = zip(course.endings, course.spans, strict=True)
    for length, (ending, spans) in enumerate(pairs, start=1):
        past, later, valid = _features(before, after[-length:], spans, cfg)
        rest = whitened_residuals(past, later, ending)
        means = np.stack([box_mean(one, valid, cfg.course_smooth_px) for one in rest])
        squared = squared_length(means)
        largest = np.where(valid, np.fmax(largest, squared), largest)
    return np.where(np.isfinite(largest), np.sqrt(np.maximum(largest, 0.0)), np.nan)


def _features(
    before: np.ndarray, after: np.ndarray, spans: Spans, cfg: RadarSection
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features of the past, the echo after, and where both are seen.

    Of the past, by polarisation: filtered means of the spans, and how restless a pixel was.
    """
    bands = before.shape[1]
    past, ending, valid = [], [], np.ones(before.shape[2:], bool)
    for band in range(bands):
        whole, seen = mean_intensity(before[:, band], 0.0, cfg)
        later, seen_after = mean_intensity(after[:, band], 0.0, cfg)
        valid &= (seen > 0) & (seen_after > 0)
        parts = [mean_intensity(before[start:stop, band], 0.0, cfg) for start, stop in spans]
        past.append([np.where(count > 0, mean, whole) for mean, count in parts])
        ending.append((whole, later))
    rows, last = [], []
    for parts_of_band, (whole, later) in zip(past, ending, strict=True):
        logs = filter_logs([*parts_of_band, later], valid, (whole, later), cfg)
        rows.append(logs[:-1])
        last.append(logs[-1:])
    for band in range(bands):
        restless = restlessness(before[:, band], cfg)
        rows.append(box_mean(restless, valid, cfg.course_radius_px)[None])
    return np.concatenate(rows), np.concatenate(last), valid
