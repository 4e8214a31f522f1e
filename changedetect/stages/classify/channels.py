"""What is known of each changed pixel: bands, indices, texture and surroundings of both dates.

Channels are quantised integers, so that the sums of a patch are exact however it was tiled. They
are computed at the changed pixels only.
"""

from collections.abc import Callable

import numpy as np
import xarray as xr

from changedetect.errors import LayerError
from changedetect.kernels.texture import FAR_PX, describe_pixels, new_ring

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
_PER_DATE: tuple[str, ...] = (
    *ROLES, *INDICES, "brightness", "texture", "edge", "turn_cos", "turn_sin", "around_brightness", "around_ndvi",
)  # fmt: skip

CHANNELS: tuple[str, ...] = tuple(f"{name}_{date}" for date in _DATES for name in _PER_DATE)
"""Names, in order. [reflectance or index x 10000]

``texture`` is the standard deviation of brightness in 5 x 5 px, ``edge`` the length of its central
difference, ``turn_*`` its length times cosine and sine of twice its direction, ``around_*`` the mean in a window of 25 x 25 px, every sixth pixel (sizes are our
choice: a few metres and the field around, at 2 m).
"""

HALO_PX = FAR_PX
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
    present = [str(role) for role in stack["band"].values]
    chosen = (
        np.array([present.index(role) if role in present else -1 for role in ROLES], np.int64),
        np.array([[ROLES.index(role) for role in pair] for pair in INDICES.values()], np.int64),
        np.array([ROLES.index(role) for role in VISIBLE], np.int64),
    )
    values = np.ascontiguousarray(stack.values, np.float32)
    rings = [new_ring(values.shape[3]) for _ in _DATES]

    def sample(rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        out = np.empty((len(_DATES), len(_PER_DATE), len(rows)), np.int32)
        for bands, ring, part in zip(values, rings, out, strict=True):
            describe_pixels(bands, chosen, rows, cols, float(SCALE), ring, part)
        return out.reshape(len(CHANNELS), len(rows))

    return sample


def channels(stack: xr.DataArray) -> np.ndarray:
    """Compute all channels of all pixels; ``(channel, y, x)`` int32 (see `channel_sampler`)."""
    height, width = stack.sizes["y"], stack.sizes["x"]
    rows, cols = (place.reshape(-1) for place in np.indices((height, width), np.int64))
    return channel_sampler(stack)(rows, cols).reshape(len(CHANNELS), height, width)
