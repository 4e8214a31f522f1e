"""What is known of each changed pixel: bands, indices, texture and surroundings of both dates.

Channels are quantised integers, so that the sums of a patch are exact however it was tiled. They
are computed at the changed pixels only.
"""

from collections.abc import Callable

import numpy as np
import xarray as xr

from changedetect.errors import LayerError
from changedetect.kernels.texture import (
    NOT_KNOWN,
    gradients,
    quantised,
    window_deviations,
    window_means,
    window_moments,
)

SCALE = 10_000
"""Channels hold reflectance, or index, times this, rounded half to even."""

ROLES: tuple[str, ...] = ("blue", "green", "red", "nir", "rededge", "swir1", "swir2")
"""Band roles used where the sensor has them."""

INDICES: dict[str, tuple[str, str]] = {
    "ndvi": ("nir", "red"),
    "ndwi": ("green", "nir"),
    "ndbi": ("swir1", "nir"),
}
"""Normalised differences (a - b) / (a + b): NDVI doi:10.1016/0034-4257(79)90013-0, NDWI
doi:10.1080/01431169608948714, NDBI doi:10.1080/01431160304987."""

VISIBLE: tuple[str, ...] = ("blue", "green", "red")
"""Brightness is the mean of these."""

_DATES: tuple[str, ...] = ("before", "after")
_TEXTURE_RADIUS_PX = 2
_AROUND_RADIUS_PX = 12
_AROUND_STEP_PX = 6
_PER_DATE: tuple[str, ...] = (
    *ROLES, *INDICES, "brightness", "texture", "edge", "turn_cos", "turn_sin", "around_brightness", "around_ndvi",
)  # fmt: skip

CHANNELS: tuple[str, ...] = tuple(f"{name}_{date}" for date in _DATES for name in _PER_DATE)
"""Names, in order. [reflectance or index x 10000]

``texture`` is the standard deviation of brightness in 5 x 5 px, ``edge`` the length of its central
difference, ``turn_*`` its length times cosine and sine of twice its direction, ``around_*`` the mean in a window of 25 x 25 px, every sixth pixel (sizes are our
choice: a few metres and the field around, at 2 m).
"""

HALO_PX = _AROUND_RADIUS_PX
"""What a tile must read beyond its core so that channels are the same for every tiling. [px]"""

Sampler = Callable[[np.ndarray, np.ndarray], np.ndarray]


def channel_sampler(stack: xr.DataArray) -> Sampler:
    """Prepare to compute channels at chosen pixels.

    Parameters
    ----------
    stack
        ``(time=2, band, y, x)`` float32 (schema.STACK) with band roles as ``band`` coordinate;
        NaN = not observed.

    Returns
    -------
    Callable
        ``(rows, cols)`` of the stack, each ``(pixels,)`` int64 -> ``(channel, pixels)`` int32 in
        the order of `CHANNELS`; int32's minimum where a band is absent or was not observed.

    Raises
    ------
    LayerError
        The stack does not hold two dates.
    """
    if stack.sizes["time"] != len(_DATES):
        msg = f"stack of {stack.sizes['time']} dates found, the two of a pair expected"
        raise LayerError(msg)
    roles = [str(role) for role in stack["band"].values]
    place = {role: roles.index(role) for role in ROLES if role in roles}
    values = stack.values
    whole: list[dict[str, np.ndarray]] = []

    def sample(rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        if not whole and len(rows):  # nothing is computed where nothing changed
            whole.extend(_whole(bands, place) for bands in values)
        parts = whole or [{} for _ in values]
        return np.concatenate(
            [
                _sample_date(bands, place, part, (rows, cols))
                for bands, part in zip(values, parts, strict=True)
            ]
        )

    return sample


def channels(stack: xr.DataArray) -> np.ndarray:
    """Compute all channels of all pixels; ``(channel, y, x)`` int32 (see `channel_sampler`)."""
    height, width = stack.sizes["y"], stack.sizes["x"]
    rows, cols = (place.reshape(-1) for place in np.indices((height, width), np.int64))
    return channel_sampler(stack)(rows, cols).reshape(len(CHANNELS), height, width)


def _whole(bands: np.ndarray, place: dict[str, int]) -> dict[str, np.ndarray]:
    """Quantise what windows look at, over the whole image: brightness, and the bands of NDVI."""
    wanted = {role: (role,) for role in INDICES["ndvi"]} | {"brightness": VISIBLE}
    found: dict[str, np.ndarray] = {}
    for name, roles in wanted.items():
        if all(role in place for role in roles):
            found[name] = np.empty(bands.shape[1:], np.int32)
            chosen = np.array([place[role] for role in roles])
            quantised(bands, chosen, float(SCALE), found[name])
    return found


def _sample_date(
    bands: np.ndarray,
    place: dict[str, int],
    whole: dict[str, np.ndarray],
    where: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Compute the channels of one date, in the order of `_PER_DATE`."""
    rows, cols = where
    found = {role: _quantised(bands[index][rows, cols]) for role, index in place.items()}
    for name, (one, other) in INDICES.items():
        if one in place and other in place:
            found[name] = _normalised_difference(found[one], found[other])
    if "brightness" in whole:
        found |= _brightness(whole["brightness"], rows, cols)
    one, other = INDICES["ndvi"]
    if one in whole and other in whole:
        found["around_ndvi"] = _normalised_difference(
            _around(whole[one], 1, rows, cols), _around(whole[other], 1, rows, cols)
        )
    unknown = np.full(len(rows), NOT_KNOWN, np.int32)
    return np.stack([found.get(name, unknown) for name in _PER_DATE])


def _brightness(values: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> dict[str, np.ndarray]:
    bands = len(VISIBLE)
    here = window_moments(values, rows, cols, (0, 1))
    near = window_moments(values, rows, cols, (_TEXTURE_RADIUS_PX, 1))
    edge, turn_cos, turn_sin = gradients(values, rows, cols, bands)
    return {
        "brightness": window_means(here, bands),
        "texture": window_deviations(near, bands),
        "edge": edge,
        "turn_cos": turn_cos,
        "turn_sin": turn_sin,
        "around_brightness": _around(values, bands, rows, cols),
    }


def _around(values: np.ndarray, bands: int, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    far = window_moments(values, rows, cols, (_AROUND_RADIUS_PX, _AROUND_STEP_PX))
    return window_means(far, bands)


def _quantised(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    scaled = np.rint(np.where(known, values, 0).astype(np.float64) * SCALE)
    return np.where(known, scaled, NOT_KNOWN).astype(np.int32)


def _normalised_difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return (a - b) / (a + b) x `SCALE` of quantised values; not known where both are 0.

    Negative reflectance, which haze correction leaves over water and shadow, counts as 0.
    """
    known = (one != NOT_KNOWN) & (other != NOT_KNOWN)
    a = np.where(known, np.maximum(one, 0), 0).astype(np.float64)
    b = np.where(known, np.maximum(other, 0), 0).astype(np.float64)
    total = a + b
    known &= total > 0
    ratio = np.rint(SCALE * (a - b) / np.where(known, total, 1))
    return np.where(known, ratio, NOT_KNOWN).astype(np.int32)
