"""Photos made in code: ground with structure, the same re-shot from a screen, and EXIF as phones write it."""

import io

import numpy as np
from PIL import Image, TiffImagePlugin

Rational = TiffImagePlugin.IFDRational


def ground(seed, side=720):
    """Ground with structure at every scale: brightness whose spectrum falls as natural pictures' does."""
    random = np.random.default_rng(seed)
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None, :]
    fall = 1 / np.maximum(np.hypot(fy, fx), 1 / side) ** 1.2
    picture = np.fft.ifft2(np.fft.fft2(random.normal(size=(side, side))) * fall).real
    picture = (picture - picture.mean()) / picture.std()
    picture += random.normal(0, 0.05, picture.shape)
    return np.clip(128 + 45 * picture, 0, 255)


def reshot(picture, pitch=2.31, turn_deg=7.0, depth=0.25):
    """The picture as a camera sees it on a screen: the screen's grid of pixels, turned, on top of it."""
    rows, columns = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(float)
    turn = np.radians(turn_deg)
    along = columns * np.cos(turn) + rows * np.sin(turn)
    across = rows * np.cos(turn) - columns * np.sin(turn)
    grid = (
        1
        + depth * np.cos(2 * np.pi * along / pitch)
        + depth / 2 * np.cos(2 * np.pi * across / pitch)
    )
    return np.clip(picture * grid, 0, 255)


def rows_of_crops(picture, period=17.0, turn_deg=31.0, depth=0.12):
    """Broad rows that waver, as crops and tiles do."""
    rows, columns = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(float)
    turn = np.radians(turn_deg)
    along = columns * np.cos(turn) + rows * np.sin(turn)
    waver = 3 * np.sin(rows / 41) + 2 * np.cos(columns / 67)
    return np.clip(picture * (1 + depth * np.cos(2 * np.pi * (along + waver) / period)), 0, 255)


def jpeg(picture, *, lon=None, lat=None, bearing=None, taken="2025:07:10 09:30:00", quality=88):
    """JPEG bytes with EXIF; what is None is not written."""
    image = Image.fromarray(picture.astype(np.uint8)).convert("RGB")
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", "Phone 1"
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    gps = exif.get_ifd(0x8825)
    if lon is not None:
        gps[1], gps[2], gps[3], gps[4] = "N", _parts(lat), "E", _parts(lon)
    if bearing is not None:
        gps[17] = Rational(int(bearing * 10), 10)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality, exif=exif)
    return stream.getvalue()


def _parts(degrees):
    seconds = round(degrees * 3600 * 1000)
    return (
        Rational(seconds // 3_600_000, 1),
        Rational(seconds // 60_000 % 60, 1),
        Rational(seconds % 60_000, 1000),
    )
