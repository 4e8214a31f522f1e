"""Which changes lie together: patches of a theme's families, each near another one."""

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from changedetect.config.crosscheck import CrosscheckSection
from changedetect.config.themes import Theme

from .units import Part


def clusters(
    parts: Sequence[Part], themes: Sequence[Theme], cfg: CrosscheckSection
) -> dict[str, dict[str, int]]:
    """Count the patches of the cluster in which each patch lies, for each theme that asks.

    Parts of one patch count once. Rejected and doubtful changes make no cluster.

    Returns
    -------
    dict
        Patch id -> theme code -> patches in its cluster, itself included.
    """
    found: dict[str, dict[str, int]] = {}
    for theme in themes:
        if theme.cluster is None:
            continue
        mine = [
            part
            for part in parts
            if part.family in theme.after
            and part.change_probability >= cfg.min_change_probability
            and part.family_probability >= cfg.min_family_probability
        ]
        for patch, size in _sizes(mine, theme.cluster.within_m).items():
            found.setdefault(patch, {})[theme.code] = size
    return found


def _sizes(parts: Sequence[Part], within_m: float) -> dict[str, int]:
    if not parts:
        return {}
    names, number = np.unique([part.patch_id for part in parts], return_inverse=True)
    shapes = np.array([part.geometry for part in parts], dtype=object)
    left, right = _near(shapes, within_m)
    sizes = group_sizes(number[left], number[right], len(names))
    return {str(name): int(size) for name, size in zip(names, sizes.tolist(), strict=True)}


def _near(shapes: np.ndarray, within_m: float) -> np.ndarray:
    found: np.ndarray = shapely.STRtree(shapes).query(
        shapes, predicate="dwithin", distance=within_m
    )
    return found


def links(
    patches: gpd.GeoDataFrame, theme: Theme, cfg: CrosscheckSection
) -> tuple[np.ndarray, np.ndarray]:
    """Join what lies together among some patches, so that clusters can be counted place by place.

    Parameters
    ----------
    patches
        With family and probabilities, whole, of any part of the ground.
    theme
        With a cluster.
    cfg
        Which changes are sure.

    Returns
    -------
    tuple of ndarray
        Pairs ``(k,)`` of the index of the table that lie in one cluster: enough of them to join
        every cluster, each patch that counts with itself among them. See `group_sizes`.
    """
    assert theme.cluster is not None
    sure = (patches["change_probability"] >= cfg.min_change_probability) & (
        patches["family_probability"] >= cfg.min_family_probability
    )
    mine = patches[(sure & patches["family"].isin(theme.after)).to_numpy()]
    numbers = mine.index.to_numpy()
    left, right = _near(mine.geometry.to_numpy(), theme.cluster.within_m)
    label = _labels(left, right, len(mine))
    _, first = np.unique(label, return_index=True)
    return numbers[first[label]], numbers


def group_sizes(left: np.ndarray, right: np.ndarray, count: int) -> np.ndarray:
    """Count the members of each group that pairs make, ``(count,)``."""
    label = _labels(left, right, count)
    sizes: np.ndarray = np.bincount(label, minlength=1)[label]
    return sizes


def _labels(left: np.ndarray, right: np.ndarray, count: int) -> np.ndarray:
    graph = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(count, count))
    _, label = connected_components(graph.tocsr(), directed=False)
    found: np.ndarray = label
    return found
