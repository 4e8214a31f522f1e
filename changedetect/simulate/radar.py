"""What a C-band radar sees: backscatter of materials, walls that face it, and speckle.

Backscatter per material is rounded from published ranges (rice: Bouvet & Le Toan 2011,
doi:10.1016/j.rse.2010.10.015; other land cover: Ulaby & Dobson 1989), our choice inside them.
Speckle is the intensity of correlated complex Gaussian fields averaged to a stated number of looks.
"""

from datetime import date

import numpy as np
from scipy import ndimage, sparse

from changedetect.simulate.ground import Ground, block_mean
from changedetect.simulate.optics import Camera, displacement, see
from changedetect.simulate.phenology import SHARE, material_shares
from changedetect.simulate.spectra import MATERIALS
from changedetect.simulate.world import COVERS

LOOKS = 4.4
"""Equivalent number of looks of the simulated product."""

DB_SCALE = 100
"""Stored number per decibel (int16); -32768 is no data."""

RADAR_NODATA = -32768

STEP_DB = 0.1

BACKSCATTER_DB: dict[str, tuple[float, float]] = {
    "crop": (-11.5, -17.0), "broadleaf": (-8.8, -14.0), "conifer": (-8.8, -14.2),
    "bamboo": (-9.0, -14.2), "straw": (-12.5, -19.5), "dead_leaf": (-11.5, -18.0),
    "soil_dry": (-14.0, -22.0), "soil_wet": (-11.0, -19.0), "earth_dry": (-12.0, -20.5),
    "earth_wet": (-8.8, -17.8), "paddy_water": (-19.5, -26.5), "pond_water": (-21.0, -28.0),
    "river_water": (-19.5, -27.0), "film": (-12.0, -20.0), "rock": (-10.0, -18.0),
    "gravel": (-11.5, -19.5), "sand": (-16.0, -24.0), "asphalt": (-17.0, -24.5),
    "concrete": (-14.0, -21.5), "tile_grey": (-3.5, -11.5), "tile_red": (-3.5, -11.5),
    "steel_blue": (-3.0, -11.5), "steel_white": (-3.0, -11.5), "silicon": (-7.0, -15.5),
}  # fmt: skip
"""Material -> VV, VH. [dB]"""

BETWEEN_DB = {
    "roof_grey": 1.8, "roof_red": 1.8, "roof_blue": 1.8, "roof_white": 1.8, "greenhouse": 2.0,
    "pv_panel": 2.5, "earthwork": 1.4, "spoil": 1.4, "rubble": 1.6, "yard": 2.0,
}  # fmt: skip
USUAL_BETWEEN_DB = 0.8

RADAR = Camera(
    blur_px=0.45, shift_px=0.15, bend_px=0.03, read_noise=0.0, shot_noise=0.0,
    step_dn=10, gain_sd=0.0, offset_sd=0.0,
)  # fmt: skip


def backscatter_table(ground: Ground, day: date) -> np.ndarray:
    """Return linear backscatter of every cover on every parcel.

    Returns
    -------
    ndarray
        ``(cover * parcel, 2)`` float32, VV and VH. [power]
    """
    shares = material_shares(ground.calendar, day, ground.wetness(day))
    materials = np.array([BACKSCATTER_DB[name] for name in MATERIALS])
    power = shares @ (10 ** (materials / 10))
    standing = shares[:, :, SHARE["paddy_water"]] * shares[:, :, SHARE["crop"]]
    power[:, :, 0] += 4 * standing * 10**-1.4
    spread = np.array([BETWEEN_DB.get(name, USUAL_BETWEEN_DB) for name in COVERS])
    life = np.random.default_rng([ground.world.seed, 131])
    now = np.random.default_rng([ground.world.seed, 132, day.toordinal()])
    drawn = life.standard_normal(power.shape) + 0.35 * now.standard_normal(power.shape)
    power *= 10 ** (spread[:, None, None] * drawn / 10)
    return np.ascontiguousarray(power.reshape(-1, 2), dtype=np.float32)


def speckle(
    generator: np.random.Generator, shape: tuple[int, int], looks: float = LOOKS
) -> np.ndarray:
    """Draw speckle with mean 1, gamma-like, correlated over about a pixel.

    Parameters
    ----------
    generator
        Where the numbers come from.
    shape
        Rows and columns.
    looks
        Equivalent number of looks: mean² / variance over homogeneous ground.

    Returns
    -------
    ndarray
        ``(y, x)`` float32. [power]

    Notes
    -----
    Whole looks weigh 1, one more weighs w so that (n + w)² / (n + w²) is the wanted number.
    """
    whole = int(np.floor(looks))
    extra = looks - whole
    weights = [1.0] * whole
    if extra > 0:
        a, b, c = looks - 1, -2.0 * whole, whole * (looks - whole)
        weights.append(float((-b - np.sqrt(b * b - 4 * a * c)) / (2 * a)))
    total = np.zeros(shape, dtype=np.float32)
    for weight in weights:
        field = generator.standard_normal((2, *shape), dtype=np.float32)
        field = ndimage.gaussian_filter(field, (0, 0.55, 0.55), mode="wrap", truncate=3.0)
        power = (field**2).sum(axis=0)
        total += np.float32(weight) * power / power.mean(dtype=np.float64).astype(np.float32)
    averaged: np.ndarray = total / np.float32(sum(weights))
    return averaged


def radar_image(
    ground: Ground,
    day: date,
    shares: sparse.csr_array,
    factor: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """Return a radar image of a day.

    Parameters
    ----------
    ground
        The ground of the world.
    day
        Day of the image.
    shares
        ``(block, cover * parcel)`` on blocks of half a pixel (`Ground.area_shares`).
    factor
        Cells along a block.
    generator
        Where shift and speckle come from.

    Returns
    -------
    ndarray
        ``(2, y, x)`` int16, VV and VH, decibel × `DB_SCALE`.
    """
    height_m = block_mean(ground.state(day).height_m, factor)
    power = (shares @ backscatter_table(ground, day)).T.reshape(2, *height_m.shape)
    wall = np.maximum(np.diff(height_m, axis=1, prepend=height_m[:, :1]), 0.0)
    built = np.clip(power[0] - np.float32(0.16), 0.0, 0.3)
    wall = wall * built * np.float32(0.9)
    power = power + np.stack([wall, wall * np.float32(0.2)])
    moved = displacement(generator, RADAR, (height_m.shape[0] // 2, height_m.shape[1] // 2))
    seen = see(power.astype(np.float32), RADAR, moved, 2)
    grains = np.stack([speckle(generator, seen.shape[1:]) for _ in range(2)])
    decibel = 10 * np.log10(np.maximum(seen * grains, np.float32(1e-4)))
    steps = np.rint(decibel / STEP_DB)
    numbers: np.ndarray = np.rint(steps * (STEP_DB * DB_SCALE)).astype(np.int16)
    return numbers
