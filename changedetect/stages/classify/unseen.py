"""Patches that no optical pair saw: nothing tells what they became, and their evidence how likely they changed.

Radar and series speak in log-likelihood ratios of a pixel's change against no change. Neighbouring pixels
share the weather, the crop and the speckle of one field, and a patch is outlined because it is unusual, so
these ratios say too much of a whole patch; what they are worth was counted (docs/accuracy.md).
"""

import geopandas as gpd
import numpy as np
import pandas as pd

from changedetect.config.unseen import UnseenSection
from changedetect.measure import M2_PER_MU
from changedetect.stages.classify.channels import CHANNELS, INDICES, ROLES
from changedetect.stages.classify.model import UNSURE

_BANDS = frozenset(f"{role}_{date}" for role in (*ROLES, *INDICES) for date in ("before", "after"))
"""Channels that are known where a pair saw the pixel itself, not what lies around it."""


def seen_shares(patches: pd.DataFrame, moments: np.ndarray) -> np.ndarray:
    """Return which share of each patch an optical pair saw.

    Parameters
    ----------
    patches
        With ``pixels``.
    moments
        ``(patch, channel, 3)`` int64 as for `features`: pixels with a known value first.

    Returns
    -------
    ndarray
        ``(patch,)`` float64, 0-1.
    """
    bands = [place for place, name in enumerate(CHANNELS) if name in _BANDS]
    seen_px = moments[:, bands, 0].max(axis=1, initial=0)
    return np.asarray(seen_px / patches["pixels"].to_numpy(), np.float64)


def leave_open(
    predicted: pd.DataFrame, patches: gpd.GeoDataFrame, seen: np.ndarray, cfg: UnseenSection
) -> pd.DataFrame:
    """Leave open what a patch became of which no pair saw enough; other sources say how likely it changed.

    The probability is logistic in the mean evidence of each source and the area (Platt 1999's form, fitted
    on whole patches). A source that did not observe the patch says nothing: 0.

    Parameters
    ----------
    predicted
        What `predict` returned; rows as in `patches`.
    patches
        schema.PATCHES.
    seen
        From `seen_shares`.
    cfg
        Least share, and what evidence is worth.

    Returns
    -------
    DataFrame
        The same with ``is_unseen``; unseen rows have family `UNSURE`, of probability 0.
    """
    unseen = seen < cfg.seen_share
    log_odds = cfg.log_odds + cfg.log_odds_per_ln_mu * np.log(
        _values(patches, "area_m2") / M2_PER_MU
    )
    for source, weight in cfg.weights().items():
        log_odds = log_odds + weight * np.nan_to_num(_values(patches, f"{source}_llr"))
    return predicted.assign(
        family=np.where(unseen, UNSURE, predicted["family"]),
        family_probability=np.where(unseen, 0.0, predicted["family_probability"]),
        change_probability=np.where(
            unseen, 1.0 / (1.0 + np.exp(-log_odds)), predicted["change_probability"]
        ),
        is_unseen=unseen,
    )


def _values(patches: pd.DataFrame, column: str) -> np.ndarray:
    return np.asarray(patches[column].to_numpy(np.float64, na_value=np.nan))
