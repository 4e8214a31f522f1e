"""Numbers that steer the time series; the configuration section explains each."""

from typing import NamedTuple


class HarmonicRules(NamedTuple):
    """Numbers that steer how a harmonic model learns (`harmonic.absorb`)."""

    process_per_day: float
    gap_days: float
    huber: float
    forgetting: float
    noise_weight: float
    season_rate: float
    season_cap: float
    shift_days: float
    amplitude: float
    other: float
    history_days: int
    history_observations: int
    dates_per_year: float


class LargeRules(NamedTuple):
    """Numbers that steer the chart of large shifts (`large`)."""

    clip: float
    alarm: float
    near: float
    least: int
    most: int
    days: int
    loss_only: int


class ChartRules(NamedTuple):
    """Numbers that steer the charts (`charts`)."""

    bare_level: float
    bare_sd: float
    outlier_share: float
    bare_prior: float
    bare_rate: float
    deviating_llr: float
    loss_threshold: float
    loss_freeze: float
    shift_rate: float
    shift_clip: float
    shift_fits: float
    shift_agree: float
    shift_threshold: float
    shift_freeze: float
    usual_rate: float
    dates_per_year: float
    dates_share: float
    dates_range: float
    loss_run: float
    shift_run: float
    confirm_days: int
    confirm_observations: int
    give_up_days: int
    loss_only: int
    date_clip: float
    date_tolerance: float
    large: LargeRules
