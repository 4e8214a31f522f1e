"""Between sun and ground: where the sun stands, shadows, relief, haze, clouds, a producer's mask."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from scipy import ndimage

from changedetect.schema import CLEAR, CLOUD, SHADOW
from changedetect.simulate.ground import correlated_noise
from changedetect.simulate.spectra import BANDS

SKYLIGHT = dict(
    zip(BANDS, (0.34, 0.25, 0.19, 0.16, 0.13, 0.06, 0.04), strict=True)
)  # share of the light that still reaches the shade
HAZE_COLOUR = dict(zip(BANDS, (1.0, 0.66, 0.45, 0.36, 0.20, 0.04, 0.02), strict=True))
CLOUD_COLOUR = dict(zip(BANDS, (0.52, 0.53, 0.55, 0.56, 0.58, 0.42, 0.30), strict=True))


@dataclass(frozen=True, slots=True)
class Sun:
    """Where the sun stands; azimuth clockwise from north. [degree]"""

    elevation_deg: float
    azimuth_deg: float


@dataclass(frozen=True, slots=True)
class Sky:
    """What hangs over an image.

    Attributes
    ----------
    cloud
        ``(y, x)`` float32, opacity of clouds seen from above. [0-1]
    shade
        ``(y, x)`` float32, opacity of their shadows on the ground. [0-1]
    haze
        ``(y, x)`` float32, path radiance in the blue band. [reflectance]
    """

    cloud: np.ndarray
    shade: np.ndarray
    haze: np.ndarray


def sun_at(time: datetime, latitude_deg: float, longitude_deg: float) -> Sun:
    """Return the place of the sun, good to about half a degree.

    Parameters
    ----------
    time
        Moment with zone UTC.
    latitude_deg, longitude_deg
        Place. [degree]

    Returns
    -------
    Sun
        Declination and hour angle after Cooper (1969), doi:10.1016/0038-092X(69)90047-4, eq. 1;
        the equation of time is left out.

    Examples
    --------
    >>> from datetime import UTC
    >>> sun = sun_at(datetime(2025, 6, 21, 4, 30, tzinfo=UTC), 28.2, 112.5)
    >>> round(sun.elevation_deg)
    85
    """
    day = time.timetuple().tm_yday
    declination = np.radians(23.45 * np.sin(2 * np.pi * (284 + day) / 365))
    hour = time.hour + time.minute / 60 + longitude_deg / 15
    turn = np.radians(15 * (hour - 12))
    latitude = np.radians(latitude_deg)
    up = np.sin(latitude) * np.sin(declination)
    up += np.cos(latitude) * np.cos(declination) * np.cos(turn)
    east = -np.cos(declination) * np.sin(turn)
    north = np.cos(latitude) * np.sin(declination)
    north -= np.sin(latitude) * np.cos(declination) * np.cos(turn)
    azimuth = float(np.degrees(np.arctan2(east, north)) % 360)
    return Sun(float(np.degrees(np.arcsin(up))), azimuth)


def cast_shadows(height_m: np.ndarray, sun: Sun, cell_m: float) -> np.ndarray:
    """Return how much of the direct light objects take from the ground and roofs behind them.

    Parameters
    ----------
    height_m
        ``(y, x)`` float32, height of objects. [m]
    sun
        Where the sun stands.
    cell_m
        Side of a cell. [m]

    Returns
    -------
    ndarray
        ``(y, x)`` float32; 0 full sun, 1 no direct light.
    """
    top = float(height_m.max())
    drop = np.tan(np.radians(max(sun.elevation_deg, 5.0))) * cell_m
    steps = int(np.ceil(top / drop))
    azimuth = np.radians(sun.azimuth_deg)
    covered = np.zeros_like(height_m)
    for step in range(1, steps + 1):
        rows = round(float(np.cos(azimuth)) * step)
        cols = round(-float(np.sin(azimuth)) * step)
        depth = _moved(height_m, rows, cols) - np.float32(drop * step) - height_m
        np.maximum(covered, depth, out=covered)
    share: np.ndarray = np.clip(covered / np.float32(max(drop, 0.5)), 0.0, 1.0)
    return share


def _moved(values: np.ndarray, rows: int, cols: int) -> np.ndarray:
    """Copy whose content lies some rows south and columns east; empty edges are 0."""
    out = np.zeros_like(values)
    height, width = values.shape
    if abs(rows) >= height or abs(cols) >= width:
        return out
    to = (_span(rows, height), _span(cols, width))
    source = (_span(-rows, height), _span(-cols, width))
    out[to] = values[source]
    return out


def _span(offset: int, size: int) -> slice:
    return slice(max(offset, 0), size + min(offset, 0))


def relief_light(terrain_m: np.ndarray, sun: Sun, cell_m: float) -> np.ndarray:
    """Return how much more or less direct light a slope gets than flat ground.

    Parameters
    ----------
    terrain_m
        ``(y, x)`` ground height. [m]
    sun
        Where the sun stands.
    cell_m
        Side of a cell. [m]

    Returns
    -------
    ndarray
        ``(y, x)`` float32, cosine of incidence over sine of sun elevation, 0.2 to 1.8.
    """
    south, east = np.gradient(terrain_m.astype(np.float32), cell_m)
    elevation, azimuth = np.radians(sun.elevation_deg), np.radians(sun.azimuth_deg)
    light = np.sin(elevation) - np.cos(elevation) * (
        np.sin(azimuth) * east - np.cos(azimuth) * south
    )
    light /= np.sqrt(1 + south**2 + east**2) * np.sin(elevation)
    bounded: np.ndarray = np.clip(light, 0.2, 1.8).astype(np.float32)
    return bounded


def illuminate(
    values: np.ndarray, names: tuple[str, ...], covered: np.ndarray, relief: np.ndarray
) -> np.ndarray:
    """Return reflectance as seen with shadows and slopes.

    Parameters
    ----------
    values
        ``(band, y, x)`` float32, sunlit reflectance. [0-1]
    names
        Bands, of `spectra.BANDS`.
    covered
        ``(y, x)`` from `cast_shadows`.
    relief
        ``(y, x)`` from `relief_light`.

    Returns
    -------
    ndarray
        ``(band, y, x)`` float32. [0-1]
    """
    direct = (1 - covered) * relief
    out = np.empty_like(values)
    for index, name in enumerate(names):
        skylight = np.float32(SKYLIGHT[name])
        out[index] = values[index] * (skylight + (1 - skylight) * direct)
    return out


def draw_sky(
    generator: np.random.Generator,
    shape: tuple[int, int],
    pixel_m: float,
    sun: Sun,
    *,
    cloud_share: float,
    haze: float,
) -> Sky:
    """Draw clouds of a wanted share with soft edges, their displaced shadows, and haze.

    Parameters
    ----------
    generator
        Where the numbers come from.
    shape
        Rows and columns of the image.
    pixel_m
        Size of a pixel. [m]
    sun
        Decides where shadows fall.
    cloud_share
        Wanted share of the image under cloud; 0 = none. [1]
    haze
        Mean path radiance in blue. [reflectance]

    Returns
    -------
    Sky
    """
    waves = correlated_noise(generator, shape, 350.0 / pixel_m)
    smooth = np.float32(haze) * np.clip(1 + np.float32(0.45) * waves, 0.0, 3.0)
    if cloud_share <= 0:
        empty = np.zeros(shape, dtype=np.float32)
        return Sky(empty, empty.copy(), smooth)
    base_m = generator.uniform(600.0, 1600.0)
    reach = base_m / np.tan(np.radians(max(sun.elevation_deg, 20.0))) / pixel_m
    azimuth = np.radians(sun.azimuth_deg)
    rows, cols = round(float(np.cos(azimuth) * reach)), round(float(-np.sin(azimuth) * reach))
    pad = max(abs(rows), abs(cols))
    big = (shape[0] + 2 * pad, shape[1] + 2 * pad)
    field = np.zeros(big, dtype=np.float32)
    for length_m, weight in ((260.0, 1.0), (110.0, 0.55), (45.0, 0.3), (18.0, 0.14)):
        field += np.float32(weight) * correlated_noise(generator, big, length_m / pixel_m)
    inside = (slice(pad, pad + shape[0]), slice(pad, pad + shape[1]))
    edge = np.quantile(field[inside], 1 - cloud_share)
    opacity = np.clip((field - edge) / np.float32(0.55) + np.float32(0.25), 0.0, 1.0)
    lit = (
        slice(pad - rows, pad - rows + shape[0]),
        slice(pad - cols, pad - cols + shape[1]),
    )
    shade = ndimage.gaussian_filter(opacity[lit], 12.0 / pixel_m)
    return Sky(opacity[inside].copy(), shade, smooth)


def veil(values: np.ndarray, names: tuple[str, ...], sky: Sky) -> np.ndarray:
    """Lay shadows of clouds, haze and clouds over an image.

    Parameters
    ----------
    values
        ``(band, y, x)`` float32. [reflectance, 0-1]
    names
        Bands, of `spectra.BANDS`.
    sky
        What hangs over the image.

    Returns
    -------
    ndarray
        ``(band, y, x)`` float32. [reflectance, 0-1]
    """
    out = np.empty_like(values)
    for index, name in enumerate(names):
        lit = 1 - np.float32(0.85 * (1 - SKYLIGHT[name])) * sky.shade
        hazy = values[index] * lit * (1 - 2 * sky.haze * np.float32(HAZE_COLOUR[name]))
        hazy += sky.haze * np.float32(HAZE_COLOUR[name])
        out[index] = hazy * (1 - sky.cloud) + sky.cloud * np.float32(CLOUD_COLOUR[name])
    return out


def producer_mask(
    generator: np.random.Generator, sky: Sky, blue: np.ndarray, pixel_m: float
) -> np.ndarray:
    """Return the cloud mask that would be delivered: edges and thin cloud missed, roofs flagged.

    Parameters
    ----------
    generator
        Where its mistakes come from.
    sky
        The true clouds.
    blue
        ``(y, x)`` blue band as seen. [reflectance, 0-1]
    pixel_m
        Size of a pixel. [m]

    Returns
    -------
    ndarray
        ``(y, x)`` uint8; CLEAR, CLOUD or SHADOW.
    """
    shape = sky.cloud.shape
    doubt = correlated_noise(generator, shape, 60.0 / pixel_m)
    mask = np.full(shape, CLEAR, dtype=np.uint8)
    mask[(sky.shade > 0.45 + 0.22 * doubt) & (sky.shade > 0.1)] = SHADOW
    mask[(sky.cloud > 0.42 + 0.14 * doubt) & (sky.cloud > 0.05)] = CLOUD
    fooled = (blue > 0.27) & (doubt > 0.4)
    mask[fooled] = CLOUD
    return mask
