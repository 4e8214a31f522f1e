"""Labels of patches from a layer of true changes (simulated worlds, or verdicts)."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from changedetect.config.detection import TrainingSection
from changedetect.errors import GridError
from changedetect.stages.classify.model import PSEUDO


def label_patches(
    patches: gpd.GeoDataFrame, truth: gpd.GeoDataFrame, cfg: TrainingSection
) -> np.ndarray:
    """Label patches by the true changes under them; each row rests on its own patch only.

    A patch gets the family that covers most of it, if that is at least ``cfg.label_share``; it is
    pseudo-change if all true changes together cover less than ``cfg.free_share``; in between, and
    where ground changed outside the days between its two dates (a site still being built), nobody
    can tell: the label is empty.

    Parameters
    ----------
    patches
        schema.PATCHES; without dates every true change counts.
    truth
        schema.TRUTH in the same coordinate system.

    Returns
    -------
    ndarray
        ``(patch,)`` of text: a family, `PSEUDO`, or empty.

    Raises
    ------
    GridError
        The two are in different coordinate systems.
    """
    if patches.crs != truth.crs:
        msg = f"patches are in {patches.crs}, truth in {truth.crs}; reproject the truth first"
        raise GridError(msg)
    shares = _shares(patches, truth)
    within = _within_dates(patches, truth, shares)
    count = len(patches)
    labels = np.full(count, PSEUDO, object)
    anything = np.bincount(shares["patch"], shares["share"], count)
    labels[anything >= cfg.free_share] = ""
    by_family = (
        shares[within]
        .groupby(["patch", "family"], as_index=False)["share"]
        .sum()
        .sort_values(["patch", "share", "family"], ascending=[True, False, True])
        .drop_duplicates("patch")
    )
    sure = by_family[by_family["share"] >= cfg.label_share]
    labels[sure["patch"].to_numpy()] = sure["family"].to_numpy(object)
    return labels


def _shares(patches: gpd.GeoDataFrame, truth: gpd.GeoDataFrame) -> pd.DataFrame:
    """Share of each patch under each true change that meets it."""
    ground, changes = np.asarray(patches.geometry), np.asarray(truth.geometry)
    patch, change = shapely.STRtree(changes).query(ground, predicate="intersects")
    overlap = shapely.area(shapely.intersection(ground[patch], changes[change]))
    return pd.DataFrame(
        {
            "patch": patch,
            "change": change,
            "family": truth["family"].to_numpy(object)[change],
            "share": overlap / shapely.area(ground[patch]),
        }
    )


def _within_dates(
    patches: gpd.GeoDataFrame, truth: gpd.GeoDataFrame, shares: pd.DataFrame
) -> np.ndarray:
    """Tell which true changes could first be seen between the two dates of the patch."""
    if "before_date" not in patches.columns:
        return np.ones(len(shares), bool)
    first_seen, before, after = (
        np.array([day.toordinal() for day in days], np.int64)
        for days in (truth["changed_on"], patches["before_date"], patches["after_date"])
    )
    day, patch = first_seen[shares["change"]], shares["patch"].to_numpy()
    within: np.ndarray = (before[patch] < day) & (day <= after[patch])
    return within
