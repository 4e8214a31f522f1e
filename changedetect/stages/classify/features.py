"""Features of a patch: what its pixels show on both dates, and its shape."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from changedetect.errors import LayerError
from changedetect.stages.classify.channels import CHANNELS, SCALE

_NAMES: tuple[str, ...] = tuple(
    channel.removesuffix("_before")
    for channel in CHANNELS
    if channel.endswith("_before") and not channel.startswith("turn_")
)
_SPREAD: tuple[str, ...] = ("brightness", "ndvi", "nir", "texture", "edge")
_COLOURS: tuple[str, ...] = ("blue", "red", "nir")
_DATES: tuple[str, ...] = ("before", "after")

_SHAPES: tuple[tuple[str, str, str], ...] = (
    ("f_log_area", "ln m²", "area"),
    ("f_compactness", "1", "4 pi area / outer perimeter²: 0.79 for a square, small for roads"),
    ("f_elongation", "1", "long side / short side of the smallest rotated rectangle"),
    ("f_rectangularity", "1", "area / area of the smallest rotated rectangle, holes filled"),
    ("f_mean_width_m", "m", "twice the area / length of all rings"),
    ("f_hole_share", "1", "area of holes / area with holes filled"),
    ("f_parts", "1", "parts that touch in corners only"),
    ("f_llr_mean", "1", "mean log-likelihood ratio of change"),
    ("f_llr_max", "1", "largest log-likelihood ratio of change"),
    ("f_gap_days", "day", "days between the two dates"),
    ("f_season_cos", "1", "cosine of the day of the year after, a turn a year"),
    ("f_season_sin", "1", "sine of it"),
    ("f_season_gap_days", "day", "days between the two dates within the year, at most 183"),
)

FEATURES: tuple[tuple[str, str, str], ...] = (
    *((f"f_{name}_before", "reflectance or index", f"mean of {name} before") for name in _NAMES),
    *((f"f_{name}_after", "reflectance or index", f"mean of {name} after") for name in _NAMES),
    *((f"f_{name}_step", "reflectance or index", f"{name} after - before") for name in _NAMES),
    *(
        (f"f_{name}_sd_{date}", "reflectance or index", f"spread of {name} in the patch, {date}")
        for name in _SPREAD
        for date in _DATES
    ),
    *(
        (f"f_{name}_apart_{date}", "reflectance or index", f"{name} less that of the surroundings")
        for name in ("brightness", "ndvi")
        for date in _DATES
    ),
    *(
        (f"f_{name}_share_{date}", "1", f"{name} / sum of blue, green, red: colour without light")
        for name in _COLOURS
        for date in _DATES
    ),
    *((f"f_{name}_share_step", "1", f"{name} share after - before") for name in _COLOURS),
    *(
        (f"f_stripes_{date}", "1", "how far edges run one way: 0 every way, 1 all one way")
        for date in _DATES
    ),
    *(
        (
            f"f_{name}_beyond",
            "reflectance or index",
            f"step of {name} beyond the surroundings' step",
        )
        for name in ("brightness", "ndvi")
    ),
    *_SHAPES,
)
"""Name, unit, meaning of each feature, in the order in which a classifier gets them; NaN = missing."""

FEATURE_NAMES: tuple[str, ...] = tuple(name for name, _, _ in FEATURES)

_DAYS_OF_YEAR = 365.25


def features(patches: gpd.GeoDataFrame, moments: np.ndarray) -> pd.DataFrame:
    """Compute the features of patches; each row rests on its own patch only.

    Parameters
    ----------
    patches
        schema.PATCHES in metres; without scene columns the features of dates are missing.
    moments
        ``(patch, channel, 3)`` int64, rows as in `patches`, channels as in `CHANNELS`: pixels with
        a known value, sum, sum of squares.

    Returns
    -------
    DataFrame
        ``patch_id`` and `FEATURES`, float64, NaN = missing; rows as in `patches`.

    Raises
    ------
    LayerError
        Rows or channels of the two do not fit.
    """
    if moments.shape != (len(patches), len(CHANNELS), 3):
        msg = (
            f"moments of form {moments.shape} found, {(len(patches), len(CHANNELS), 3)} expected "
            "(patches, channels, 3); outline the patches again with this version's channels"
        )
        raise LayerError(msg)
    columns = {
        **_spectral(moments),
        **_shape(np.asarray(patches.geometry.values), patches),
        **_dates(patches),
    }
    table = pd.DataFrame({name: np.asarray(columns[name], np.float64) for name in FEATURE_NAMES})
    table.insert(0, "patch_id", patches["patch_id"].to_numpy())
    return table


def _spectral(moments: np.ndarray) -> dict[str, np.ndarray]:
    count, total, squares = (moments[:, :, k].astype(np.float64) for k in range(3))
    known = np.where(count > 0, count, np.nan)
    mean = dict(zip(CHANNELS, (total / known / SCALE).T, strict=True))
    variance = np.maximum(squares / known - (total / known) ** 2, 0)
    spread = dict(zip(CHANNELS, (np.sqrt(variance) / SCALE).T, strict=True))
    found: dict[str, np.ndarray] = {f"f_{channel}": values for channel, values in mean.items()}
    for name in _NAMES:
        found[f"f_{name}_step"] = mean[f"{name}_after"] - mean[f"{name}_before"]
    for name in _SPREAD:
        for date in _DATES:
            found[f"f_{name}_sd_{date}"] = spread[f"{name}_{date}"]
    for name in ("brightness", "ndvi"):
        found[f"f_{name}_beyond"] = found[f"f_{name}_step"] - found[f"f_around_{name}_step"]
    for date in _DATES:
        found |= _apart_and_colour(mean, date)
    for name in _COLOURS:
        found[f"f_{name}_share_step"] = (
            found[f"f_{name}_share_after"] - found[f"f_{name}_share_before"]
        )
    return found


def _apart_and_colour(mean: dict[str, np.ndarray], date: str) -> dict[str, np.ndarray]:
    """Tell what stands out from its surroundings, its colour, and whether its edges run one way."""
    found: dict[str, np.ndarray] = {}
    for name in ("brightness", "ndvi"):
        found[f"f_{name}_apart_{date}"] = mean[f"{name}_{date}"] - mean[f"around_{name}_{date}"]
    light = sum(mean[f"{name}_{date}"] for name in ("blue", "green", "red"))
    light = np.where(light > 0, light, np.nan)
    for name in _COLOURS:
        found[f"f_{name}_share_{date}"] = mean[f"{name}_{date}"] / light
    edge = mean[f"edge_{date}"]
    way = np.hypot(mean[f"turn_cos_{date}"], mean[f"turn_sin_{date}"])
    found[f"f_stripes_{date}"] = way / np.where(edge > 0, edge, np.nan)
    return found


def _shape(polygons: np.ndarray, patches: pd.DataFrame) -> dict[str, np.ndarray]:
    """Shape features, in the plane of the grid; sizes are those measured on the ellipsoid."""
    parts, owner = shapely.get_parts(polygons, return_index=True)
    outer = shapely.polygons(shapely.get_exterior_ring(parts)) if len(parts) else parts
    count = len(polygons)
    filled = np.bincount(owner, shapely.area(outer), count)
    length = np.bincount(owner, shapely.length(outer), count)
    plane_area = shapely.area(polygons)
    box = shapely.oriented_envelope(polygons)
    sides = _sides(box)
    return {
        "f_log_area": np.log(patches["area_m2"].to_numpy(float)),
        "f_compactness": 4.0 * np.pi * filled / length**2,  # isoperimetric quotient
        "f_elongation": sides.max(axis=1) / sides.min(axis=1),
        "f_rectangularity": filled / sides.prod(axis=1),
        "f_mean_width_m": 2
        * patches["area_m2"].to_numpy(float)
        / patches["perimeter_m"].to_numpy(),
        "f_hole_share": 1 - plane_area / filled,
        "f_parts": shapely.get_num_geometries(polygons).astype(float),
        "f_llr_mean": patches["llr_mean"].to_numpy(float),
        "f_llr_max": patches["llr_max"].to_numpy(float),
    }


def _sides(boxes: np.ndarray) -> np.ndarray:
    """Two sides of rectangles; ``(n, 2)``. [CRS unit]"""
    rings = shapely.get_exterior_ring(boxes)
    first, second, third = (
        shapely.get_coordinates(shapely.get_point(rings, corner)) for corner in (0, 1, 2)
    )
    one, other = second - first, third - second
    return np.column_stack([np.hypot(*one.T), np.hypot(*other.T)])


def _dates(patches: pd.DataFrame) -> dict[str, np.ndarray]:
    if "before_date" not in patches.columns:
        missing = np.full(len(patches), np.nan)
        names = ("f_gap_days", "f_season_cos", "f_season_sin", "f_season_gap_days")
        return dict.fromkeys(names, missing)
    days = [
        np.array([day.toordinal() for day in patches[name]], np.float64)
        for name in ("before_date", "after_date")
    ]
    gap = days[1] - days[0]
    within = np.mod(gap, _DAYS_OF_YEAR)
    turn = 2 * np.pi * np.mod(days[1], _DAYS_OF_YEAR) / _DAYS_OF_YEAR
    return {
        "f_gap_days": gap,
        "f_season_cos": np.cos(turn),
        "f_season_sin": np.sin(turn),
        "f_season_gap_days": np.minimum(within, _DAYS_OF_YEAR - within),
    }
