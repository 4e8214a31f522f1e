"""Which changes lie together: patches of a theme's families, each near another one."""

from collections import Counter
from collections.abc import Sequence

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
    left, right = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=within_m)
    ends = (number[left], number[right])
    graph = coo_array((np.ones(len(left), np.int8), ends), shape=(len(names), len(names)))
    _, label = connected_components(graph.tocsr(), directed=False)
    sizes = Counter(label.tolist())
    return {str(name): sizes[group] for name, group in zip(names, label.tolist(), strict=True)}
