"""Where a radar image says nothing: layover and shadow, from a terrain model or an angle raster."""

import numpy as np

from changedetect.config.radar import RadarSection
from changedetect.errors import LayerError


def local_incidence(
    terrain_m: np.ndarray, pixel_m: float, look_azimuth_deg: float, incidence_deg: float
) -> np.ndarray:
    """Return the angle between the beam and the ground's normal, in the plane of the beam.

    Parameters
    ----------
    terrain_m
        ``(y, x)`` heights, north up; NaN = not known. [m]
    pixel_m
        Side of a pixel. [m]
    look_azimuth_deg
        Direction in which the beam travels over the ground, clockwise from north. [degree]
    incidence_deg
        Incidence on level ground. [degree]

    Returns
    -------
    ndarray
        ``(y, x)`` float64; 0 and below = layover, 90 and above = shadow, NaN = not known. [degree]

    References
    ----------
    Small 2011, doi:10.1109/TGRS.2011.2120616, section II.
    """
    if terrain_m.ndim != 2 or min(terrain_m.shape) < 2:  # noqa: PLR2004 - a slope needs neighbours
        msg = f"radar terrain: heights {terrain_m.shape} found; at least 2 by 2 are needed"
        raise LayerError(msg)
    down, right = np.gradient(terrain_m.astype(np.float64), pixel_m)
    azimuth = np.deg2rad(look_azimuth_deg)
    rise = right * np.sin(azimuth) - down * np.cos(azimuth)
    return np.asarray(incidence_deg - np.rad2deg(np.arctan(rise)))


def hide_terrain(stack_db: np.ndarray, incidence_deg: np.ndarray, cfg: RadarSection) -> np.ndarray:
    """Make layover and shadow "not observed".

    Parameters
    ----------
    stack_db
        ``(..., y, x)`` float32. [dB]
    incidence_deg
        ``(y, x)`` local incidence, from `local_incidence` or delivered with the image; NaN = not
        known, taken as usable. [degree]
    cfg
        Section `radar`: the limits.

    Returns
    -------
    ndarray
        A copy, NaN where the angle is outside the limits.

    Raises
    ------
    LayerError
        Angles of another shape.
    """
    if stack_db.shape[-2:] != incidence_deg.shape:
        msg = (
            f"radar terrain: images {stack_db.shape[-2:]}, angles {incidence_deg.shape}; lay the "
            "angles on the images' grid first"
        )
        raise LayerError(msg)
    hidden = (incidence_deg < cfg.least_incidence_deg) | (incidence_deg > cfg.most_incidence_deg)
    return np.where(hidden, np.float32(np.nan), stack_db)
