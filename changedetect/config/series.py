"""Sections about the time series and the fusion of evidence; radar has its own module."""

from pydantic import Field

from changedetect.config.base import Section
from changedetect.config.radar import RadarSection

__all__ = ["FusionSection", "RadarSection", "SeriesSection"]


class SeriesSection(Section):
    """The recursive harmonic model of each pixel of an optical series."""

    min_history_days: int = Field(365, ge=1, description="start-up: no alarm before this [day]")
    min_history_observations: int = Field(
        10, ge=1, description="start-up: no alarm before so many clear dates"
    )
    min_dates_per_year: float = Field(
        5.0, ge=0, description="fewer clear dates a year tell no season from a break"
    )
    noise_floor_ndvi: float = Field(0.04, gt=0, description="least noise of greenness, 1 sigma")
    noise_floor_lswi: float = Field(0.05, gt=0, description="least noise of wetness, 1 sigma")
    noise_floor_reflectance: float = Field(
        0.02, gt=0, description="least noise of brightness, 1 sigma [reflectance 0-1]"
    )
    level_sd: float = Field(10.0, gt=0, description="prior of the level [noise sigma]")
    first_harmonic_sd: float = Field(5.0, gt=0, description="prior, one cycle a year [noise sigma]")
    second_harmonic_sd: float = Field(
        3.0, gt=0, description="prior, two cycles a year [noise sigma]"
    )
    process_per_day: float = Field(
        0.0003, ge=0, description="variance that coefficients gain [noise variance / day]"
    )
    process_gap_days: int = Field(90, ge=1, description="a longer gap adds no more variance [day]")
    innovation_clip_sigma: float = Field(3.0, gt=0, description="innovations are cut here [sigma]")
    contradiction_sigma: float = Field(
        0.5, description="a date that deviates less along the sum saw the old state [sigma]"
    )
    contradiction_keep_frac: float = Field(
        0.5, ge=0, le=1, description="part of the sum that such a date leaves"
    )
    huber_sigma: float = Field(2.0, gt=0, description="innovations above weigh less [sigma]")
    noise_forgetting: float = Field(
        0.03, gt=0, lt=1, description="share of the noise estimate that a date replaces at least"
    )
    season_noise_rate: float = Field(
        0.15, ge=0, lt=1, description="share of a quarter's noise that a date replaces"
    )
    season_shift_days: float = Field(
        10.0, ge=0, description="how much earlier or later a season may run, 1 sigma [day]"
    )
    noise_prior_dates: float = Field(10.0, gt=0, description="weight of the noise floor [dates]")
    cusum_allowance_sigma: float = Field(1.0, gt=0, description="k: half the shift sought [sigma]")
    cusum_threshold_sigma: float = Field(8.0, gt=0, description="h: a break above this [sigma]")
    cusum_threshold_per_index_sigma: float = Field(
        1.0, ge=0, description="added to h for each index beyond the first [sigma]"
    )
    cusum_freeze_frac: float = Field(
        0.4, gt=0, lt=1, description="the model stops learning above this part of h"
    )
    cusum_cap_frac: float = Field(2.0, gt=1, description="the sum stops growing at this part of h")
    confirm_days: int = Field(10, ge=0, description="a break must last at least so long [day]")
    confirm_observations: int = Field(3, ge=1, description="… and be seen on so many clear dates")
    vegetation_loss_only: bool = Field(
        True, description="greening beyond the season is no evidence of change"
    )
    llr_per_sigma: float = Field(
        0.8, gt=0, description="log-likelihood ratio of one sigma of a confirmed sum"
    )
    unconfirmed_llr: float = Field(
        0.0, description="a deviation that is not confirmed yet says no more than this"
    )
    quiet_llr: float = Field(
        0.7, ge=0, description="what a clear month without deviation takes off"
    )


class FusionSection(Section):
    """How sources of evidence add up."""

    clip_llr: float = Field(6.0, gt=0, description="one source counts no more than this")
    weight_optical: float = Field(1.0, ge=0, le=1, description="weight of optical pairs")
    weight_series: float = Field(1.0, ge=0, le=1, description="weight of the time series")
    weight_radar: float = Field(1.0, ge=0, le=1, description="weight of radar")
    weight_repeated: float = Field(
        0.5, ge=0, le=1, description="weight of further layers of one source: they go together"
    )
    speak_llr: float = Field(1.0, ge=0, description="a source speaks from this on, either way")
