"""The last clear dates of a series: what their window holds, what is usual, what they say."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from changedetect.config.series import FusionSection, SeriesSection
from changedetect.kernels import charts, dating
from changedetect.schema import EVIDENCE_NODATA
from changedetect.stages.evidence import recent, season, series
from changedetect.stages.evidence.recent import RecentShift
from changedetect.stages.evidence.season import MonthFound
from changedetect.stages.evidence.series import SeriesEvidence

SERIES, FUSION = SeriesSection(), FusionSection()
FIRST = date(2024, 1, 5).toordinal()
SINCE = date(2025, 5, 31)
ROLES = ("red", "nir")


def windowed(innovations, days, written=None, usual=0.0):
    """State of one row of pixels whose windows hold these innovations, ``(date, index, px)`` [sigma]."""
    innovations = np.asarray(innovations, np.float32)
    count, n, width = innovations.shape
    state = series.start((1, width), ROLES, SERIES)
    unit = SERIES.date_clip_sigma * np.sqrt(n) / dating.STEPS
    size = len(state.recent)
    written = count if written is None else written
    for k in range(count):
        slot = (written - count + k) % size
        state.recent[slot, :, 0] = np.rint(innovations[k] / unit)
        state.recent_days[slot, 0] = days[k] - FIRST
    state.counts[charts.WINDOWED] = written
    state.counts[charts.OBSERVATIONS] = 40
    state.days[charts.FIRST_DAY] = FIRST
    state.days[charts.LAST_DAY] = days[-1]
    state.usual[:] = usual
    return replace(state, last_day=int(days[-1]), dates=40)


def test_shift__by_hand():
    may, june, later = (date(2025, m, d).toordinal() for m, d in ((5, 20), (6, 4), (6, 14)))
    # three indices (greenness, red, near infrared), two pixels
    long_ago, first, second = [[0, 0]] * 3, [[3, 0], [0, 0], [0, 0]], [[1, 0], [0, 0], [0, 0.6]]
    found = recent.recent_shift(
        windowed([long_ago, first, second], [may, june, later]), SINCE, SERIES, FUSION
    )
    cut = FUSION.recent_clip_sigma * np.sqrt(3)
    step = SERIES.date_clip_sigma * np.sqrt(3) / dating.STEPS
    assert found.length[0, 0] == pytest.approx([1.0, 0.6], abs=step)
    # the first innovation of 3 sigma is cut to 2.6, beside the second of 1
    assert found.length[1, 0] == pytest.approx([(min(3.0, cut) + 1.0) / 2, 0.3], abs=step)
    assert np.isnan(found.length[2:]).all()  # May is before the month
    assert found.days[:3, 0, 0].tolist() == [later, june, may]


def test_shift__takes_off_what_is_usual():
    days = [date(2025, m, 10).toordinal() for m in (5, 6)]
    still = windowed([[[0.0]] * 3, [[1.0]] * 3], days, usual=1.0)
    assert recent.recent_shift(still, SINCE, SERIES, FUSION).length[0, 0, 0] == pytest.approx(
        0.0, abs=0.05
    )


@pytest.mark.parametrize("lacking", ["history", "before", "month"])
def test_shift__is_unknown_where_history_a_date_before_or_the_month_lacks(lacking):
    days = [date(2025, 5, 20).toordinal(), date(2025, 6, 4).toordinal()]
    state = windowed([[[0.0]] * 3, [[2.0]] * 3], days)
    since = SINCE
    if lacking == "history":
        state.days[charts.FIRST_DAY] = days[0] - 100
    elif lacking == "before":
        state.counts[charts.WINDOWED] = 1
    else:
        since = date(2025, 6, 4)
    found = recent.recent_shift(state, since, SERIES, FUSION)
    assert np.isnan(found.length).all()


@pytest.mark.parametrize("written", [5, 24, 31, 400])
def test_shift__equals_its_naive_twin_wherever_the_window_turns(written):
    rng = np.random.default_rng(written)
    count, width = min(written, dating.WINDOW), 40
    days = np.sort(rng.choice(np.arange(60), count, replace=False)) + SINCE.toordinal() - 40
    z = rng.normal(0, 1.5, (count, 3, width)).clip(-4, 4)  # what the window can hold
    state = windowed(z, days, written=written)
    found = recent.recent_shift(state, SINCE, SERIES, FUSION)
    unit = SERIES.date_clip_sigma * np.sqrt(3) / dating.STEPS
    cut = FUSION.recent_clip_sigma * np.sqrt(3)
    stored = np.rint(z / unit) * unit
    for px in range(width):
        for k in range(1, FUSION.recent_dates + 1):
            if k >= count or days[count - k] <= SINCE.toordinal():
                assert np.isnan(found.length[k - 1, 0, px])
                continue
            last = stored[count - k :, :, px]
            if k > 1:
                size = np.linalg.norm(last, axis=1, keepdims=True)
                last = np.where(size > cut, last / np.maximum(size, 1e-9) * cut, last)
            expected = np.linalg.norm(last.mean(axis=0))
            assert found.length[k - 1, 0, px] == pytest.approx(expected, rel=1e-3, abs=1e-5)
            assert found.days[k - 1, 0, px] == days[count - k]


def drawn(rng, pixels, dates, shift=0.0):
    """Lengths of means of innovations that are drawn, ``(k, px)``."""
    z = rng.normal(0, 1, (dates, 7, pixels))
    z[:, 0] += shift
    means = np.cumsum(z, axis=0) / np.arange(1, dates + 1)[:, None, None]
    found = np.full((FUSION.recent_dates, pixels), np.nan, np.float32)
    found[:dates] = np.linalg.norm(means, axis=1)
    return found


def shift_of(length):
    days = np.tile(
        np.arange(60, 60 - len(length) - 1, -1, dtype=np.int32)[:, None, None],
        (1, 1, length.shape[1]),
    )
    return RecentShift(length[:, None], days)


def test_judge__what_is_usual_does_not_alarm_and_a_shift_does():
    rng = np.random.default_rng(5)
    unchanged = drawn(rng, 20_000, 3)
    null = recent.fit_recent(unchanged, FUSION)
    alarm = recent.alarm_llr(FUSION)
    quiet = recent.judge_recent(shift_of(drawn(rng, 20_000, 3)), null, FUSION)[0]
    gone = recent.judge_recent(shift_of(drawn(rng, 2_000, 3, shift=5.0)), null, FUSION)[0]
    assert (quiet >= alarm).mean() <= 2 * FUSION.recent_alarm_rate
    assert np.median(quiet) < 0
    assert (gone >= alarm).mean() >= 0.95


def test_judge__a_month_that_moves_all_fields_is_held_against_itself():
    rng = np.random.default_rng(6)
    wild = drawn(rng, 20_000, 2) * 3
    alarm = recent.alarm_llr(FUSION)
    own, calm = recent.fit_recent(wild, FUSION), recent.fit_recent(wild / 3, FUSION)
    held = [recent.judge_recent(shift_of(wild), null, FUSION)[0] >= alarm for null in (own, calm)]
    assert held[0].mean() <= 2 * FUSION.recent_alarm_rate
    assert held[1].mean() > 0.5  # negative control: another month's null alarms half of it


def test_judge__one_date_says_less_than_three_either_way():
    rng = np.random.default_rng(7)
    says = {}
    for dates in (1, 3):
        null = recent.fit_recent(drawn(rng, 5_000, dates), FUSION)
        far = recent.judge_recent(shift_of(drawn(rng, 500, dates, shift=30.0)), null, FUSION)[0]
        near = recent.judge_recent(shift_of(drawn(rng, 5_000, dates) * 0.2), null, FUSION)[0]
        says[dates] = far.max(), near.min()
    assert says[1] == (FUSION.recent_most_llr[0], -FUSION.recent_deny_llr[0])
    assert says[3] == (FUSION.recent_most_llr[2], -FUSION.recent_deny_llr[2])


def test_judge__too_few_pixels_to_tell_say_nothing():
    rng = np.random.default_rng(8)
    few = drawn(rng, FUSION.recent_least_px - 1, 2)
    null = recent.fit_recent(few, FUSION)
    assert np.isnan(recent.judge_recent(shift_of(few), null, FUSION)[0]).all()
    assert (
        recent.fit_recent(np.zeros((FUSION.recent_dates, 0), np.float32), FUSION).nulls
        == (None,) * FUSION.recent_dates
    )


def test_judge__bracket_runs_from_before_all_dates_to_the_first_of_the_least_usual_mean():
    rng = np.random.default_rng(9)
    null = recent.fit_recent(drawn(rng, 5_000, 3), FUSION)
    one = drawn(rng, 1, 3)
    one[:, 0] = [1.5, 9.0, 4.0, np.nan]  # the last two dates together are the least usual
    _, before, after = recent.judge_recent(shift_of(one), null, FUSION)
    assert (before[0, 0], after[0, 0]) == (60 - 3, 60 - 1)


def month(open_=True, earlier=False, llr=-70):
    full = np.full((1, 1), 0, np.int32)
    told = SeriesEvidence(np.full((1, 1), llr, np.int16), full, full)
    return MonthFound(told, np.array([[open_]]), np.array([[earlier]]))


@pytest.fixture(scope="module")
def of_month():
    rng = np.random.default_rng(10)
    null = recent.fit_recent(drawn(rng, 5_000, 3), FUSION)
    return null, shift_of(drawn(rng, 1, 3, shift=30.0)), shift_of(drawn(rng, 1, 3) * 0.1)


def test_month__last_dates_speak_where_nothing_is_confirmed(of_month):
    null, far, near = of_month
    after = date.fromordinal(50)
    for shift, sign in ((far, 1), (near, -1)):
        found = season.with_recent(month(), shift, null, after, FUSION)
        assert np.sign(found.llr[0, 0]) == sign
        assert (found.after_day[0, 0] > 0) == (sign > 0)


def test_month__a_confirmed_break_keeps_its_word_and_what_is_unseen_stays_so(of_month):
    null, far, _ = of_month
    for llr in (570, EVIDENCE_NODATA):
        found = season.with_recent(
            month(open_=False, llr=llr), far, null, date.fromordinal(50), FUSION
        )
        assert found.llr[0, 0] == llr


def test_month__a_deviation_from_before_does_not_speak_for_this_month(of_month):
    null, far, _ = of_month
    found = season.with_recent(month(earlier=True), far, null, date.fromordinal(50), FUSION)
    assert found.llr[0, 0] == 0


def test_month__dates_before_the_image_after_do_not_deny(of_month):
    null, far, near = of_month
    late = date.fromordinal(61)
    assert season.with_recent(month(), near, null, late, FUSION).llr[0, 0] == 0
    assert season.with_recent(month(), far, null, late, FUSION).llr[0, 0] > 0
