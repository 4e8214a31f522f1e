"""What a section of the configuration means to the kernels of the series, by how many indices there are."""

from collections.abc import Sequence

import numpy as np

from changedetect.config.series import SeriesSection
from changedetect.kernels.rules import ChartRules, HarmonicRules, LargeRules

BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
"""Bands that are followed beside greenness, where the sensor has them."""


def learning_rules(cfg: SeriesSection, indices: int) -> HarmonicRules:
    """Return how a model of so many indices learns."""
    return HarmonicRules(
        process_per_day=cfg.process_per_day,
        gap_days=float(cfg.process_gap_days),
        huber=(cfg.huber_sigma_single_index if indices == 1 else cfg.huber_sigma)
        * float(np.sqrt(indices)),
        forgetting=cfg.noise_forgetting,
        noise_weight=cfg.noise_prior_dates,
        season_rate=(cfg.season_noise_rate_single_index if indices == 1 else cfg.season_noise_rate),
        season_cap=cfg.season_noise_cap,
        shift_days=cfg.season_shift_days,
        amplitude=cfg.season_swing_frac,
        other=cfg.season_other_frac,
        history_days=cfg.min_history_days,
        history_observations=cfg.min_history_observations,
        dates_per_year=cfg.min_dates_per_year,
    )


def chart_rules(cfg: SeriesSection, indices: int) -> ChartRules:
    """Greenness alone can not tell a bare field from a lost one: only the loss chart may speak."""
    alone = indices == 1
    return ChartRules(
        bare_level=cfg.bare_ndvi,
        bare_sd=cfg.bare_ndvi_sd,
        outlier_share=cfg.outlier_frac,
        bare_prior=0.0 if alone else cfg.bare_prior_frac,
        bare_rate=0.0 if alone else cfg.bare_rate,
        deviating_llr=cfg.deviating_llr,
        loss_threshold=cfg.loss_llr_single_index if alone else cfg.loss_llr,
        loss_freeze=cfg.loss_freeze_frac,
        shift_rate=cfg.shift_rate,
        shift_clip=cfg.shift_clip_sigma * float(np.sqrt(indices)),
        shift_fits=cfg.shift_fits_sigma * float(np.sqrt(indices)),
        shift_agree=cfg.shift_agree_sigma,
        shift_threshold=_shift_threshold(cfg, indices),
        shift_freeze=cfg.shift_freeze_frac,
        dates_per_year=cfg.shift_dates_per_year,
        dates_share=cfg.shift_dates_frac,
        dates_range=cfg.shift_dates_range_frac,
        usual_rate=0.0 if alone else cfg.usual_rate,
        loss_run=cfg.loss_run_frac,
        shift_run=cfg.shift_run_frac,
        confirm_days=cfg.confirm_days,
        confirm_observations=cfg.confirm_observations,
        give_up_days=cfg.give_up_days,
        loss_only=int(cfg.vegetation_loss_only),
        date_clip=cfg.date_clip_sigma * float(np.sqrt(indices)),
        date_tolerance=cfg.date_tolerance_llr,
        large=_large_rules(cfg, indices),
    )


def _large_rules(cfg: SeriesSection, indices: int) -> LargeRules:
    """Fewer indices share more by chance; greenness alone has no direction: no chart (``least`` 0)."""
    clip = cfg.large_clip_sigma * float(np.sqrt(indices))
    more = float(np.sqrt((1 + len(BANDS)) / indices))
    return LargeRules(
        clip=clip,
        alarm=cfg.large_shared_frac * more * clip**2,
        near=cfg.large_near_frac,
        least=cfg.large_min_dates if indices > 1 else 0,
        most=cfg.large_max_dates,
        days=cfg.large_min_days,
        loss_only=int(cfg.vegetation_loss_only),
    )


def _shift_threshold(cfg: SeriesSection, indices: int) -> float:
    """Fewer indices: one odd year moves them all alike, so they must agree more (our choice)."""
    if indices > 1:
        return float(cfg.shift_threshold * np.sqrt((1 + len(BANDS)) / indices))
    if cfg.vegetation_loss_only:
        return float("inf")
    return float(cfg.shift_frac_single_index * cfg.shift_clip_sigma**2)


def prior_variance(cfg: SeriesSection, indices: int) -> np.ndarray:
    """Return ``(term,)`` float64, what coefficients vary by before a date is seen. [noise variance]"""
    first, second = cfg.first_harmonic_sd, cfg.second_harmonic_sd
    cycles = cfg.harmonics_single_index if indices == 1 else cfg.harmonics_many_indices
    return np.square([cfg.level_sd, first, first, second, second])[: 1 + 2 * cycles]


def noise_floor(cfg: SeriesSection, indices: Sequence[str]) -> np.ndarray:
    """Return ``(index,)`` float64, the least variance of the noise of each index. [index²]"""
    floors = {
        "ndvi": cfg.noise_floor_ndvi_single_index if len(indices) == 1 else cfg.noise_floor_ndvi,
        "nir": cfg.noise_floor_nir,
        **dict.fromkeys(("blue", "green", "red"), cfg.noise_floor_visible),
        **dict.fromkeys(("swir1", "swir2"), cfg.noise_floor_swir),
    }
    return np.array([floors[name] ** 2 for name in indices])
