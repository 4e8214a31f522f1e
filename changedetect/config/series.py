"""Sections about the time series and the fusion of evidence; radar has its own module."""

from pydantic import Field, model_validator

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
    noise_floor_ndvi: float = Field(
        0.05, gt=0, description="least noise of greenness, several indices, 1 sigma"
    )
    noise_floor_ndvi_single_index: float = Field(
        0.04, gt=0, description="least noise of greenness where it is all there is, 1 sigma"
    )
    noise_floor_visible: float = Field(
        0.0075, gt=0, description="least noise of visible bands, 1 sigma [reflectance 0-1]"
    )
    noise_floor_nir: float = Field(
        0.0125, gt=0, description="least noise of the near infrared, 1 sigma [reflectance 0-1]"
    )
    noise_floor_swir: float = Field(
        0.01, gt=0, description="least noise of the short-wave infrared, 1 sigma [reflectance 0-1]"
    )
    level_sd: float = Field(10.0, gt=0, description="prior of the level [noise sigma]")
    first_harmonic_sd: float = Field(1.5, gt=0, description="prior, one cycle a year [noise sigma]")
    second_harmonic_sd: float = Field(
        0.7, gt=0, description="prior, two cycles a year [noise sigma]"
    )
    harmonics_single_index: int = Field(
        1, ge=1, le=2, description="cycles a year when greenness is all there is"
    )
    harmonics_many_indices: int = Field(2, ge=1, le=2, description="cycles a year otherwise")
    process_per_day: float = Field(
        0.0001, ge=0, description="variance that coefficients gain [noise variance / day]"
    )
    process_gap_days: int = Field(90, ge=1, description="a longer gap adds no more variance [day]")
    huber_sigma: float = Field(
        1.5, gt=0, description="innovations above weigh less, several indices [sigma]"
    )
    huber_sigma_single_index: float = Field(
        1.5, gt=0, description="innovations above weigh less, greenness alone [sigma]"
    )
    noise_forgetting: float = Field(
        0.015, gt=0, lt=1, description="share of the noise estimate that a date replaces at least"
    )
    noise_prior_dates: float = Field(10.0, gt=0, description="weight of the noise floor [dates]")
    season_noise_rate: float = Field(
        0.05,
        ge=0,
        lt=1,
        description="share of a quarter's noise that a date replaces, several indices",
    )
    season_noise_rate_single_index: float = Field(0.15, ge=0, lt=1, description="… greenness alone")
    season_noise_cap: float = Field(
        9.0, gt=0, description="one date says no more about a quarter's noise [noise variance]"
    )
    season_shift_days: float = Field(
        10.0, ge=0, description="how much earlier or later a season may run, 1 sigma [day]"
    )
    season_swing_frac: float = Field(
        0.5, ge=0, description="how much of a season's swing may be missing, 1 sigma"
    )
    season_other_frac: float = Field(
        0.8, ge=0, description="… and how much of what it does at other times may come, 1 sigma"
    )
    bare_ndvi: float = Field(0.15, description="greenness of bare or built ground at most")
    bare_ndvi_sd: float = Field(0.10, gt=0, description="its spread, 1 sigma")
    outlier_frac: float = Field(
        0.05, gt=0, lt=1, description="share of clear dates that are clouds or shadows unseen"
    )
    bare_prior_frac: float = Field(
        0.1, ge=0, lt=1, description="how often a quarter is taken to look bare before it is seen"
    )
    bare_rate: float = Field(
        0.3, ge=0, lt=1, description="share of that which a date replaces; single index: neither"
    )
    deviating_llr: float = Field(1.0, description="a date deviates whose loss counts for more")
    loss_llr: float = Field(11.5, gt=0, description="loss of green: alarm above, several indices")
    loss_llr_single_index: float = Field(
        10.0, gt=0, description="loss of green: alarm above, greenness alone"
    )
    loss_freeze_frac: float = Field(
        0.8, gt=0, le=1, description="the model stops learning above this part of it"
    )
    shift_rate: float = Field(
        0.1, gt=0, lt=1, description="weight of the newest date in the mean innovation"
    )
    shift_clip_sigma: float = Field(
        0.7, gt=0, description="innovations are cut here: their direction counts more [sigma]"
    )
    shift_fits_sigma: float = Field(
        1.0, gt=0, description="a date saw the old state whose innovation is shorter [sigma]"
    )
    shift_agree_sigma: float = Field(
        1.0, description="a date deviates that points along the mean this far [sigma]"
    )
    shift_threshold: float = Field(
        0.99,
        gt=0,
        description="shift of the mean: alarm above, squared length with seven indices [sigma²]",
    )
    shift_frac_single_index: float = Field(
        0.5, gt=0, lt=1, description="greenness alone: alarm above this part of the cut length²"
    )
    shift_freeze_frac: float = Field(
        0.57,
        gt=0,
        le=1,
        description="the model learns less, the nearer a shift is to this part of it, then nothing",
    )
    usual_rate: float = Field(
        0.02,
        ge=0,
        lt=1,
        description="share of a pixel's usual innovation that one which leaves the window replaces",
    )
    shift_dates_per_year: float = Field(
        24.0, gt=0, description="with fewer clear dates a year the alarm of the shift is lower …"
    )
    shift_dates_frac: float = Field(
        1.0, ge=0, le=1, description="… by this part of the share that is missing …"
    )
    shift_dates_range_frac: float = Field(
        0.375, ge=0, lt=1, description="… of which no more than this counts"
    )
    large_clip_sigma: float = Field(
        1.0, gt=0, description="large shifts: innovations are cut here [sigma]"
    )
    large_shared_frac: float = Field(
        0.78,
        gt=0,
        description="… alarm where the fewest dates share more of the cut length² with seven indices",
    )
    large_min_dates: int = Field(4, ge=2, description="… the last so many dates at least …")
    large_max_dates: int = Field(
        8, ge=2, le=23, description="… and so many at most: the alarm falls with their root"
    )
    large_min_days: int = Field(
        85, ge=0, description="… that lie so far apart: film in spring stays as long [day]"
    )
    large_near_frac: float = Field(
        0.2, ge=0, lt=1, description="… looked at where a chart is above this part of its alarm"
    )
    loss_run_frac: float = Field(
        0.15, gt=0, lt=1, description="a loss is under way above this part of its alarm"
    )
    shift_run_frac: float = Field(
        0.6, gt=0, lt=1, description="a shift is under way above this part of its alarm"
    )
    confirm_days: int = Field(10, ge=0, description="a break must last at least so long [day]")
    confirm_observations: int = Field(3, ge=1, description="… and be seen on so many clear dates")
    date_clip_sigma: float = Field(
        2.5, gt=0, description="a break is dated by innovations that are cut here [sigma]"
    )
    date_tolerance_llr: float = Field(
        1.0, ge=0, description="a break may lie at every date that is no less likely by more"
    )
    give_up_days: int = Field(
        400, ge=1, description="a deviation not confirmed by then is a drift: it is learnt [day]"
    )
    vegetation_loss_only: bool = Field(
        True, description="greening beyond the season is no evidence of change"
    )
    alarm_llr: float = Field(
        6.4, gt=0, description="log-likelihood ratio of a break when it is just confirmed"
    )
    unconfirmed_llr: float = Field(
        0.0, description="a deviation that is not confirmed yet says no more than this"
    )
    quiet_llr: float = Field(
        0.7, ge=0, description="what a clear month without deviation takes off"
    )


class FusionSection(Section):
    """How sources of evidence add up, and which images each source of a month compares."""

    clip_optical_llr: float = Field(
        300.0, gt=0, description="an optical pair counts no more than this, either way"
    )
    clip_series_llr: float = Field(6.0, gt=0, description="the series speaks no louder for change")
    deny_series_llr: float = Field(3.0, ge=0, description="… and no louder against it")
    clip_radar_llr: float = Field(6.0, gt=0, description="radar speaks no louder for change")
    deny_radar_llr: float = Field(3.0, ge=0, description="… and no louder against it")
    clip_model_llr: float = Field(4.0, gt=0, description="a model speaks no louder for change")
    deny_model_llr: float = Field(2.0, ge=0, description="… and no louder against it")
    beside_series_llr: float = Field(
        0.0, ge=0, description="the series for change, at most, where an optical pair observed"
    )
    beside_deny_series_llr: float = Field(0.0, ge=0, description="… and against it")
    beside_radar_llr: float = Field(
        0.0, ge=0, description="radar for change, at most, where an optical pair observed"
    )
    beside_deny_radar_llr: float = Field(0.0, ge=0, description="… and against it")
    patch_weight_series: float = Field(
        0.7,
        ge=0,
        description="what the series says of a whole patch that a pair outlined counts so",
    )
    patch_weight_radar: float = Field(1.0, ge=0, description="… what radar says of it")
    patch_deny_llr: float = Field(
        3.0, ge=0, description="… no more than this of a pixel against it"
    )
    patch_clip_llr: float = Field(6.0, ge=0, description="… and no more than this for it")
    weight_optical: float = Field(1.0, ge=0, le=1, description="weight of optical pairs")
    weight_series: float = Field(1.0, ge=0, le=1, description="weight of the time series")
    weight_radar: float = Field(1.0, ge=0, le=1, description="weight of radar")
    weight_model: float = Field(1.0, ge=0, le=1, description="weight of a model of the user's own")
    weight_repeated: float = Field(
        0.5, ge=0, le=1, description="weight of further layers of one source: they go together"
    )
    speak_llr: float = Field(1.0, ge=0, description="a source speaks from this on, either way")
    together_series_llr: float = Field(
        2.0,
        description="alarm of the sum where the series observed beside radar or a model, and no optical pair",
    )
    deviation_frac: tuple[float, ...] = Field(
        (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75),
        description="how near a deviation under way is to the alarm of the series (1 = alarm) …",
    )
    deviation_llr: tuple[float, ...] = Field(
        (-1.3, -0.6, -0.2, 0.1, 0.5, 1.8, 3.2),
        description="… and what it says, if a clear date is as late as the pair's image after",
    )
    early_frac: float = Field(
        0.3,
        ge=0,
        le=1,
        description="part for change that counts where the last clear date is earlier",
    )
    recent_days: int = Field(
        5, ge=0, description="without a pair, how near the month's end a clear date must lie [day]"
    )
    recent_dates: int = Field(
        4, ge=1, le=20, description="change may lie before any of so many of the last clear dates"
    )
    recent_clip_sigma: float = Field(
        1.5, gt=0, description="innovations are cut here in their mean, if it has several [sigma]"
    )
    recent_null_shape: float = Field(
        1.15, gt=0, description="form of the tail that unchanged ground of a month has"
    )
    recent_null_steps: int = Field(
        12, ge=1, description="rounds in which the changed share is estimated"
    )
    recent_least_px: int = Field(
        800, ge=50, description="with fewer pixels of so many dates none is judged by them [px]"
    )
    recent_alarm_rate: float = Field(
        0.015, gt=0, lt=0.5, description="share of unchanged pixels that alarm where none else saw"
    )
    recent_scales: tuple[float, ...] = Field(
        (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0),
        description="how unusual the last dates are, in scales of the month's own null …",
    )
    recent_llr: tuple[float, ...] = Field(
        (-3.2, -2.2, -1.4, -0.7, 0.1, 0.8, 1.6, 2.7, 3.6, 4.2), description="… and what they say"
    )
    recent_deny_llr: tuple[float, ...] = Field(
        (0.7, 1.6, 2.5, 3.2), description="against change no more, by the number of dates"
    )
    recent_most_llr: tuple[float, ...] = Field(
        (1.6, 3.6, 3.8, 4.2), description="for change no more, by the number of dates"
    )
    gap_days: int = Field(
        45,
        ge=0,
        description="without a pair, how far before the month the last image may lie [day]",
    )
    late_days: int = Field(
        150, ge=0, description="a break confirmed this month may have begun so long before it [day]"
    )
    radar_before_dates: int = Field(
        40, ge=1, description="radar images before the change, at most [images]"
    )
    radar_after_dates: int = Field(3, ge=1, description="radar images after it, at most [images]")

    @model_validator(mode="after")
    def _curves(self) -> "FusionSection":
        for at, says in (("deviation_frac", "deviation_llr"), ("recent_scales", "recent_llr")):
            places, values = getattr(self, at), getattr(self, says)
            if len(places) != len(values) or not places or list(places) != sorted(set(places)):
                msg = (
                    f"{at} has {len(places)} numbers and {says} {len(values)}: as many of each are "
                    f"wanted, those of {at} rising"
                )
                raise ValueError(msg)
        if not self.recent_deny_llr or not self.recent_most_llr:
            msg = "recent_deny_llr and recent_most_llr need a number at least: for one date, two, …"
            raise ValueError(msg)
        return self
