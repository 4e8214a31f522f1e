"""What materials look like from above: reflectance of endmembers, and which covers are made of what.

Numbers are rounded typical values of surface reflectance in seven bands of a Sentinel-2-like
sensor, chosen by us after the usual libraries (soils and man-made surfaces: Kotthaus et al. 2014,
doi:10.1016/j.isprsjprs.2014.05.005; crops and forest: published Sentinel-2 curves of Hunan). They
are the physics of an invented county, not measurements.
"""

from dataclasses import dataclass

import numpy as np

from changedetect.simulate.world import COVERS

BANDS: tuple[str, ...] = ("blue", "green", "red", "rededge", "nir", "swir1", "swir2")
"""Order of the last axis of every reflectance table."""

ENDMEMBERS: dict[str, tuple[float, ...]] = {
    "crop": (0.028, 0.065, 0.035, 0.115, 0.430, 0.200, 0.090),
    "broadleaf": (0.024, 0.050, 0.027, 0.095, 0.360, 0.165, 0.070),
    "conifer": (0.020, 0.036, 0.024, 0.070, 0.240, 0.115, 0.052),
    "bamboo": (0.026, 0.058, 0.030, 0.110, 0.410, 0.180, 0.075),
    "straw": (0.080, 0.118, 0.165, 0.205, 0.275, 0.320, 0.225),
    "dead_leaf": (0.050, 0.075, 0.095, 0.135, 0.230, 0.250, 0.150),
    "soil_dry": (0.080, 0.113, 0.154, 0.182, 0.232, 0.305, 0.258),
    "soil_wet": (0.050, 0.071, 0.098, 0.117, 0.148, 0.168, 0.118),
    "earth_dry": (0.110, 0.168, 0.255, 0.285, 0.330, 0.405, 0.355),
    "earth_wet": (0.066, 0.106, 0.170, 0.190, 0.220, 0.235, 0.175),
    "paddy_water": (0.052, 0.072, 0.076, 0.064, 0.055, 0.026, 0.016),
    "pond_water": (0.036, 0.056, 0.038, 0.034, 0.024, 0.010, 0.007),
    "river_water": (0.050, 0.074, 0.066, 0.050, 0.032, 0.011, 0.008),
    "film": (0.235, 0.265, 0.285, 0.300, 0.330, 0.300, 0.215),
    "rock": (0.165, 0.198, 0.222, 0.240, 0.262, 0.292, 0.262),
    "gravel": (0.150, 0.180, 0.205, 0.220, 0.240, 0.272, 0.245),
    "sand": (0.175, 0.225, 0.270, 0.292, 0.322, 0.380, 0.350),
    "asphalt": (0.070, 0.080, 0.086, 0.092, 0.104, 0.122, 0.112),
    "concrete": (0.150, 0.176, 0.192, 0.202, 0.216, 0.238, 0.218),
    "tile_grey": (0.118, 0.130, 0.140, 0.148, 0.162, 0.182, 0.170),
    "tile_red": (0.078, 0.105, 0.200, 0.222, 0.244, 0.262, 0.222),
    "steel_blue": (0.215, 0.190, 0.132, 0.132, 0.222, 0.242, 0.205),
    "steel_white": (0.375, 0.405, 0.425, 0.435, 0.450, 0.405, 0.345),
    "silicon": (0.052, 0.046, 0.046, 0.052, 0.074, 0.092, 0.072),
}
"""Material -> reflectance in `BANDS`. [reflectance, 0-1]"""

MATERIALS: tuple[str, ...] = tuple(ENDMEMBERS)
ENDMEMBER_TABLE = np.array([ENDMEMBERS[name] for name in MATERIALS], dtype=np.float64)
"""``(material, band)``. [reflectance, 0-1]"""

FIXED_MIXTURES: dict[str, dict[str, float]] = {
    "river": {"river_water": 1.0},
    "pond": {"pond_water": 0.94, "crop": 0.06},
    "rock": {"rock": 0.92, "soil_dry": 0.08},
    "asphalt": {"asphalt": 0.94, "gravel": 0.06},
    "concrete": {"concrete": 1.0},
    "roof_grey": {"tile_grey": 1.0},
    "roof_red": {"tile_red": 1.0},
    "roof_blue": {"steel_blue": 1.0},
    "roof_white": {"steel_white": 1.0},
    "rubble": {"gravel": 0.60, "tile_red": 0.15, "soil_dry": 0.25},
    "sand": {"sand": 1.0},
}
"""Covers that hardly know a season."""


@dataclass(frozen=True, slots=True)
class Variety:
    """How much a cover varies, as relative standard deviations, and its rows.

    Attributes
    ----------
    between
        Between parcels, the same on all dates.
    between_dates
        Of one parcel from date to date (management, viewing angle, wet roofs).
    patchy
        Inside a parcel, correlated over about 12 m.
    rough
        From cell to cell, correlated over about 2 m (crowns, clods, cars).
    row_period_m, row_depth
        Distance of planted or built rows (0 = none) and their relative depth. [m, 1]
    """

    between: float
    between_dates: float
    patchy: float
    rough: float
    row_period_m: float = 0.0
    row_depth: float = 0.0


VARIETY: dict[str, Variety] = {
    "river": Variety(0.05, 0.08, 0.05, 0.02),
    "pond": Variety(0.18, 0.1, 0.06, 0.03),
    "paddy_single": Variety(0.07, 0.035, 0.09, 0.04),
    "paddy_double": Variety(0.07, 0.035, 0.09, 0.04),
    "dryland": Variety(0.10, 0.04, 0.12, 0.07),
    "vegetables": Variety(0.12, 0.05, 0.14, 0.10, 3.0, 0.12),
    "orchard": Variety(0.10, 0.05, 0.10, 0.14, 4.0, 0.22),
    "tea": Variety(0.08, 0.05, 0.08, 0.06, 1.6, 0.12),
    "broadleaf": Variety(0.08, 0.05, 0.10, 0.20),
    "conifer": Variety(0.08, 0.05, 0.10, 0.20),
    "bamboo": Variety(0.07, 0.05, 0.09, 0.13),
    "shrub": Variety(0.10, 0.035, 0.14, 0.16),
    "grass": Variety(0.10, 0.04, 0.14, 0.07),
    "bare_soil": Variety(0.12, 0.05, 0.14, 0.07),
    "earthwork": Variety(0.12, 0.06, 0.16, 0.10),
    "spoil": Variety(0.14, 0.06, 0.18, 0.14),
    "rock": Variety(0.14, 0.03, 0.14, 0.16),
    "asphalt": Variety(0.18, 0.02, 0.05, 0.05),
    "concrete": Variety(0.18, 0.02, 0.07, 0.06),
    "roof_grey": Variety(0.25, 0.02, 0.05, 0.08),
    "roof_red": Variety(0.20, 0.02, 0.05, 0.08),
    "roof_blue": Variety(0.20, 0.02, 0.04, 0.04, 6.0, 0.05),
    "roof_white": Variety(0.18, 0.04, 0.04, 0.04),
    "greenhouse": Variety(0.14, 0.05, 0.06, 0.04, 8.0, 0.30),
    "pv_panel": Variety(0.08, 0.08, 0.04, 0.04, 7.0, 0.55),
    "rubble": Variety(0.12, 0.05, 0.16, 0.20),
    "sapling_orchard": Variety(0.10, 0.04, 0.12, 0.07, 4.0, 0.18),
    "sapling_forest": Variety(0.10, 0.04, 0.12, 0.08, 3.0, 0.12),
    "yard": Variety(0.18, 0.02, 0.14, 0.14),
    "sand": Variety(0.10, 0.04, 0.08, 0.05),
}


def variety_column(field: str) -> np.ndarray:
    """Return one number of `Variety` for every cover.

    Returns
    -------
    ndarray
        ``(cover,)`` float64 in the order of `COVERS`.

    Examples
    --------
    >>> float(variety_column("row_period_m")[COVERS.index("tea")])
    1.6
    """
    return np.array([getattr(VARIETY[name], field) for name in COVERS], dtype=np.float64)


def mix(shares: np.ndarray) -> np.ndarray:
    """Mix materials linearly.

    Parameters
    ----------
    shares
        ``(..., material)``, area shares that sum to 1.

    Returns
    -------
    ndarray
        ``(..., band)`` float64. [reflectance, 0-1]
    """
    mixed: np.ndarray = shares @ ENDMEMBER_TABLE
    return mixed
