"""What a month of a time series says, before a break is confirmed and after.

A break needs months to be confirmed; the question of the month is whether ground goes its usual
way since the pair's first image. The last clear dates answer it (`recent`); where too few pixels tell
what is usual, how near a deviation is to its alarm does. A break that this month confirms is told
this month, also where it began before.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from changedetect.config.series import FusionSection, SeriesSection
from changedetect.kernels import charts
from changedetect.schema import EVIDENCE_NODATA, EVIDENCE_SCALE
from changedetect.stages.evidence import series
from changedetect.stages.evidence.recent import RecentNull, RecentShift, judge_recent
from changedetect.stages.evidence.series import SeriesEvidence
from changedetect.stages.evidence.series_state import SeriesState


@dataclass(frozen=True, slots=True)
class SeriesMonth:
    """Which dates matter to a month.

    Attributes
    ----------
    since
        The old state was seen on this day at least: the pair's image before, or the last day
        before the month.
    after
        From this day on a clear date shows the new state: the pair's image after.
    until
        Last day that counts.
    """

    since: date
    after: date
    until: date


def deviation(state: SeriesState, month: SeriesMonth, cfg: FusionSection) -> np.ndarray:
    """Tell what deviations under way say, ``(y, x)`` float64. [log-likelihood ratio]

    Parameters
    ----------
    state
        After the month.
    month
        Its dates.
    cfg
        Section `fusion`: what a deviation says, by how near it is to an alarm.
    """
    strength = state.sums[charts.STRENGTH].astype(np.float64)
    says = np.interp(strength, cfg.deviation_frac, cfg.deviation_llr)
    earlier = state.days[charts.RUN_FIRST] <= month.since.toordinal()
    says = np.where(earlier, np.minimum(says, 0.0), says)  # what began before is another change
    current = state.days[charts.LAST_DAY] >= month.after.toordinal()
    return np.asarray(np.where(current, says, cfg.early_frac * np.maximum(says, 0.0)))


@dataclass(frozen=True, slots=True)
class MonthFound:
    """What the states of a month say, before the whole month is looked at.

    Attributes
    ----------
    evidence
        Confirmed breaks; elsewhere what a deviation under way says.
    open
        ``(y, x)`` bool; nothing is confirmed here: the last dates may say more.
    earlier
        ``(y, x)`` bool; a deviation began before the pair's first image: that is another change.
    """

    evidence: SeriesEvidence
    open: np.ndarray
    earlier: np.ndarray


def with_recent(
    found: MonthFound, shift: RecentShift, null: RecentNull, after: date, cfg: FusionSection
) -> SeriesEvidence:
    """Let the last clear dates speak where nothing is confirmed.

    Parameters
    ----------
    found, shift
        Of the same pixels.
    null
        Of the month.
    after
        Dates before this one do not speak against change: the pair's image after.
    cfg
        Section `fusion`.

    Returns
    -------
    SeriesEvidence
        With the bracket of the last dates where they speak for change.
    """
    says, before_day, after_day = judge_recent(shift, null, cfg)
    current = shift.days[0] >= after.toordinal()
    says = np.where(found.earlier, np.minimum(says, 0.0), says)
    says = np.where(current, says, np.maximum(says, 0.0))
    judged = found.open & np.isfinite(says)
    dated = judged & (says > 0)
    told = found.evidence
    steps = np.rint(np.where(judged, says, 0.0) * EVIDENCE_SCALE)
    return SeriesEvidence(
        llr=np.where(judged, steps, told.llr).astype(np.int16),
        before_day=np.where(dated, before_day, told.before_day).astype(np.int32),
        after_day=np.where(dated, after_day, told.after_day).astype(np.int32),
    )


def month_evidence(
    state: SeriesState,
    before: SeriesState,
    month: SeriesMonth,
    settings: SeriesSection,
    cfg: FusionSection,
) -> MonthFound:
    """Tell what the states of a month say of each pixel.

    Parameters
    ----------
    state, before
        After the last date of the month, and after the last one before it.
    month
        Its dates.
    settings, cfg
        Sections `series` and `fusion`.

    Returns
    -------
    MonthFound
        Confirmed breaks that the state before did not have, with their own dates; else what the
        deviation under way says; not observed as in `series.evidence`.
    """
    alarm = series.alarm_threshold(state, settings)
    now = series.evidence(state, month.since, month.until, settings)
    seen = now.llr != EVIDENCE_NODATA
    says = np.rint(deviation(state, month, cfg) * EVIDENCE_SCALE)
    confirmed = seen & (now.llr >= alarm)
    llr = np.where(confirmed, now.llr, np.where(seen, says, EVIDENCE_NODATA))
    far = month.since - timedelta(days=cfg.late_days)
    late = series.evidence(state, far, month.until, settings)
    known = series.evidence(before, far, month.until, settings)
    old = (known.llr >= alarm) & (known.after_day == late.after_day)
    fresh = (late.llr >= alarm) & ~old & ~confirmed
    old_news = confirmed & (known.llr >= alarm) & (known.after_day == now.after_day)
    llr = np.where(fresh, late.llr, llr)
    llr = np.where(old_news, 0, llr)
    told = SeriesEvidence(
        llr=llr.astype(np.int16),
        before_day=np.where(fresh, late.before_day, now.before_day).astype(np.int32),
        after_day=np.where(fresh, late.after_day, now.after_day).astype(np.int32),
    )
    first = state.days[charts.RUN_FIRST]
    earlier = (first > 0) & (first <= month.since.toordinal())
    return MonthFound(told, seen & ~confirmed & ~fresh, earlier)
