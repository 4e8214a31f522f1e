"""From sunlit ground to numbers in a file: point spread, shift, noise, quantisation."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from changedetect.simulate.ground import block_mean, correlated_noise

DN_PER_REFLECTANCE = 10_000
"""Stored number of reflectance 1; 0 is no data. [DN]"""


@dataclass(frozen=True, slots=True)
class Camera:
    """How a sensor sees.

    Attributes
    ----------
    blur_px
        Standard deviation of the Gaussian part of the point spread. [px of the image]
    shift_px
        Typical length of the residual shift of a date. [px]
    bend_px
        Typical residual distortion inside an image, smooth over about a third of it. [px]
    read_noise, shot_noise
        Standard deviation at zero, and factor on the square root of reflectance. [reflectance]
    step_dn
        Distance of stored levels, like a 10- to 12-bit instrument's. [DN]
    gain_sd, offset_sd
        Spread of gain and offset left after calibration, per band and date. [1, reflectance]
    """

    blur_px: float
    shift_px: float
    bend_px: float
    read_noise: float
    shot_noise: float
    step_dn: int
    gain_sd: float
    offset_sd: float


def displacement(
    generator: np.random.Generator, camera: Camera, shape: tuple[int, int]
) -> np.ndarray:
    """Draw where an image was laid wrongly.

    Returns
    -------
    ndarray
        ``(2, y, x)`` float32, rows then columns: constant shift plus a smooth bend. [px]
    """
    angle = generator.uniform(0.0, 2 * np.pi)
    length = camera.shift_px * generator.uniform(0.3, 1.7)
    shift = np.array([np.sin(angle), np.cos(angle)], dtype=np.float32) * np.float32(length)
    scale = max(shape) / 5.0
    bend = np.stack([correlated_noise(generator, shape, scale) for _ in range(2)])
    moved: np.ndarray = shift[:, None, None] + np.float32(camera.bend_px) * bend
    return moved


def see(values: np.ndarray, camera: Camera, moved: np.ndarray, factor: int) -> np.ndarray:
    """Blur, move and average fine cells to pixels.

    Parameters
    ----------
    values
        ``(band, y, x)`` float32 on fine cells. [reflectance]
    camera
        How the sensor sees.
    moved
        ``(2, y, x)`` displacement on the pixels of the image. [px]
    factor
        Fine cells along a pixel.

    Returns
    -------
    ndarray
        ``(band, y // factor, x // factor)`` float32; the mean over the image is kept but for the
        edges. [reflectance]
    """
    sigma = camera.blur_px * factor
    still = not moved.any()
    places: np.ndarray = np.indices(values.shape[1:], dtype=np.float32)
    if not still:
        for axis in range(2):
            grown = np.repeat(np.repeat(moved[axis], factor, axis=0), factor, axis=1)
            part = places[axis][: grown.shape[0], : grown.shape[1]]
            part += grown * np.float32(factor)
    seen: list[np.ndarray] = []
    for band in values:
        blurred = ndimage.gaussian_filter(band, sigma, mode="nearest", truncate=3.0)
        if not still:
            blurred = ndimage.map_coordinates(blurred, places, order=1, mode="nearest")
        seen.append(block_mean(blurred, factor))
    return np.stack(seen).astype(np.float32)


def record(values: np.ndarray, camera: Camera, generator: np.random.Generator) -> np.ndarray:
    """Turn light into stored numbers: gain, offset, shot and read noise, levels.

    Parameters
    ----------
    values
        ``(band, y, x)`` float32. [reflectance, 0-1]
    camera
        How the sensor sees.
    generator
        Where the noise comes from.

    Returns
    -------
    ndarray
        ``(band, y, x)`` uint16 = reflectance × 10000, at least one level; 0 never occurs. [DN]
    """
    bands = values.shape[0]
    gain: np.ndarray = generator.standard_normal((bands, 1, 1)) * camera.gain_sd + 1
    offset: np.ndarray = generator.standard_normal((bands, 1, 1)) * camera.offset_sd
    sent = values * gain + offset
    spread = np.sqrt(camera.read_noise**2 + camera.shot_noise**2 * np.maximum(values, 0.0))
    noisy = sent + spread * generator.standard_normal(values.shape, dtype=np.float32)
    levels = np.rint(noisy * (DN_PER_REFLECTANCE / camera.step_dn))
    top = 20_000 // camera.step_dn
    numbers: np.ndarray = (np.clip(levels, 1, top) * camera.step_dn).astype(np.uint16)
    return numbers
