"""Hills, valley and river of a world."""

from dataclasses import dataclass

import numpy as np

from changedetect.simulate.rasters import smooth_noise

_HILL_SHARE = 0.40
_VALLEY_M = 60.0


@dataclass(frozen=True, slots=True)
class Relief:
    """The lie of the land.

    Attributes
    ----------
    terrain_m
        ``(y, x)`` float32, ground height. [m]
    hillness
        ``(y, x)`` float32; positive on hills, rising towards their tops.
    river_m
        ``(y, x)`` float32; distance from the river's middle line. [m]
    half_width_m
        ``(x,)`` float32; half the river's width. [m]
    course_m
        ``(x,)`` float32; row of the river's middle line. [m]
    """

    terrain_m: np.ndarray
    hillness: np.ndarray
    river_m: np.ndarray
    half_width_m: np.ndarray
    course_m: np.ndarray

    @property
    def hill(self) -> np.ndarray:
        """``(y, x)`` bool: on a hill."""
        return np.asarray(self.hillness > 0)

    @property
    def water(self) -> np.ndarray:
        """``(y, x)`` bool: in the river."""
        return np.asarray(self.river_m < self.half_width_m)


def draw_relief(rng: np.random.Generator, size: int) -> Relief:
    """Draw the relief of a square world.

    Parameters
    ----------
    rng
        Source of chance.
    size
        Side. [cells of 1 m]
    """
    x = np.arange(size) / size
    course = 0.5 + rng.uniform(-0.08, 0.08) + np.zeros(size)
    for wave, swing in ((0.7, 0.09), (1.6, 0.06), (3.3, 0.02)):
        angle = 2 * np.pi * wave * rng.uniform(0.85, 1.15) * x + rng.uniform(0, 2 * np.pi)
        course += swing * np.sin(angle)
    course *= size
    slope = np.gradient(course)
    rows = np.arange(size)[:, None] + 0.5
    river = (np.abs(rows - course) / np.hypot(1.0, slope)).astype(np.float32)
    half = 8.0 + 2.5 * smooth_noise(rng, size, 150.0)[0] + size / 500
    field = smooth_noise(rng, size, 240.0) + 0.35 * smooth_noise(rng, size, 80.0)
    field += 2.6 * river / size
    field -= np.quantile(field, 1 - _HILL_SHARE)
    hillness = np.minimum(field, (river - _VALLEY_M) / 40.0).astype(np.float32)
    rise = np.where(hillness > 0, 38.0 * hillness, 5.0 * hillness)
    terrain = 68.0 + 0.02 * river + rise + 0.8 * smooth_noise(rng, size, 60.0)
    return Relief(
        terrain.astype(np.float32),
        hillness,
        river,
        np.clip(half, 6.0, 20.0).astype(np.float32),
        course.astype(np.float32),
    )
