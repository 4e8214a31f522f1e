"""Clouds and shadows found from images without a mask."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from changedetect.config.detection import PixelsSection
from changedetect.errors import ResourceError
from changedetect.grid import Window
from changedetect.schema import CLEAR, CLOUD, SHADOW
from changedetect.stages import pixels
from changedetect.stages.pixels import (
    MIN_SEEN,
    UNMASKED,
    PixelModel,
    SkyCells,
    SkyMask,
    cell_means,
    find_sky,
    sky,
)
from changedetect.stages.pixels.registration import PairAlignment
from changedetect.stages.pixels.veil import fit_veil

CFG = PixelsSection()


def compare_cells(before, after, model, cell_px):
    means = (cell_means(image, cell_px, MIN_SEEN) for image in (before, after))
    found = pixels.compare_cells(*means, model)
    cells = SkyCells(*found.shape[1:], max(found.shape[1:]))
    cells.put(0, 0, found)
    return cells


ROLES = ("blue", "green", "red", "nir")
CELL_PX, PIXEL_M = 5, 2.0
CLOUD_COLOUR = np.array([0.5, 0.51, 0.52, 0.53])
SIDE = 300
AT = (100, 110)
AZIMUTH = 150.0


def ground(seed):
    rng = np.random.default_rng(seed)
    fields = rng.integers(0, 5, (SIDE // 20, SIDE // 20)).repeat(20, 0).repeat(20, 1)
    spectra = np.array([[0.05, 0.07, 0.06, 0.3]]) * rng.uniform(0.7, 1.5, (5, 1))
    return spectra[fields].transpose(2, 0, 1)


def seen(image, seed):
    noise = np.random.default_rng(seed).normal(0, 0.006, image.shape)
    return (image + noise).astype(np.float32)


def blob(at, radius, soft):
    rows, cols = np.mgrid[:SIDE, :SIDE]
    apart = np.hypot(rows - at[0], cols - at[1])
    return np.clip((radius - apart) / soft + 0.5, 0, 1)


def clouded(image, at=AT, radius=35, soft=18.0, thick=0.95):
    share = thick * blob(at, radius, soft)
    return image * (1 - share) + CLOUD_COLOUR[:, None, None] * share


def shaded(image, at, radius=35, soft=14.0):
    return image * (1 - 0.6 * blob(at, radius, soft))


def away(at, azimuth_deg, metres):
    turn = np.radians(azimuth_deg)
    return at[0] + np.cos(turn) * metres / PIXEL_M, at[1] - np.sin(turn) * metres / PIXEL_M


def model_of(before, after, roles=ROLES):
    ones = tuple(1.0 for _ in roles)
    zeros = tuple(0.0 for _ in roles)
    both = np.isfinite(before).all(axis=0) & np.isfinite(after).all(axis=0)
    flat = [image[:, both].T for image in (before, after)]
    alignment = PairAlignment(0.0, 0.0, 0.0, 1)
    return PixelModel(roles, alignment, ones, zeros, fit_veil(*flat, roles))


def sky_of(before, after, *, which="after", azimuth=AZIMUTH, cfg=CFG):
    cells = compare_cells(before, after, model_of(before, after), CELL_PX)
    return find_sky(
        cells,
        after=which == "after",
        sun_azimuth_deg=azimuth,
        cell_m=CELL_PX * PIXEL_M,
        cfg=cfg,
    )


def cells_of(share):
    return share.reshape(SIDE // CELL_PX, CELL_PX, SIDE // CELL_PX, CELL_PX).mean((1, 3))


@pytest.fixture(scope="module")
def plain():
    land = ground(1)
    return seen(land, 2), seen(land, 3), land


def test_cloud_and_its_shadow_are_found_where_they_are(plain):
    before, _, land = plain
    place = away(AT, AZIMUTH, 260.0)
    after = seen(clouded(shaded(land, place)), 3)
    found = sky_of(before, after)
    opaque = cells_of(blob(AT, 35, 18.0)) > 0.3
    dark = cells_of(blob(place, 35, 14.0)) > 0.5
    assert (found[opaque] == CLOUD).mean() > 0.97
    assert (found[dark] != CLEAR).mean() > 0.9
    nothing = (cells_of(blob(AT, 55, 2.0)) == 0) & (cells_of(blob(place, 55, 2.0)) == 0)
    assert (found[nothing] == CLEAR).all()


def test_the_date_of_the_cloud_is_told(plain):
    _, other, land = plain
    cloudy = seen(clouded(land), 2)
    assert (sky_of(cloudy, other, which="before") == CLOUD).any()
    assert (sky_of(cloudy, other, which="after") == CLEAR).all()


def test_no_cloud_hides_nothing(plain):
    assert (sky_of(plain[0], plain[1]) == CLEAR).all()


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        ({"soft": 1.0}, "a yard or a roof ends at once"),
        ({"radius": 9, "soft": 5.0}, "too small"),
        ({"thick": 0.08}, "a brighter crop, no cloud"),
    ],
)
def test_bright_ground_is_not_taken_for_a_cloud(plain, shape, why):
    before, _, land = plain
    assert (sky_of(before, seen(clouded(land, **shape), 3)) == CLEAR).all(), why


def test_dark_ground_without_a_cloud_is_no_shadow(plain):
    before, _, land = plain
    assert (sky_of(before, seen(shaded(land, AT), 3)) == CLEAR).all()


def test_without_the_suns_azimuth_shadows_are_left_alone(plain):
    before, _, land = plain
    after = seen(clouded(shaded(land, away(AT, AZIMUTH, 260.0))), 3)
    found = sky_of(before, after, azimuth=None)
    assert (found == CLOUD).any()
    assert not (found == SHADOW).any()


def test_units_of_a_band_do_not_matter(plain):
    before, _, land = plain
    after = seen(clouded(land), 3)
    gain = np.array([300.0, 20.0, 7.0, 1000.0], np.float32)[:, None, None]
    scaled = sky_of(before * gain + 50, after * gain + 50)
    np.testing.assert_array_equal(scaled, sky_of(before, after))


def test_transposed_images_have_transposed_clouds(plain):
    before, _, land = plain
    after = seen(clouded(land), 3)
    turned = sky_of(before.transpose(0, 2, 1), after.transpose(0, 2, 1), azimuth=None)
    np.testing.assert_array_equal(turned.T, sky_of(before, after, azimuth=None))


def test_a_cloud_cut_by_missing_pixels_stays_a_cloud(plain):
    before, _, land = plain
    after = seen(clouded(land), 3)
    after[:, AT[0] :] = np.nan
    found = sky_of(before, after)
    upper = cells_of(blob(AT, 35, 18.0)) > 0.5
    upper[AT[0] // CELL_PX - 1 :] = False
    assert (found[upper] == CLOUD).mean() > 0.9


def test_dates_without_noise_have_no_clouds(plain):
    land = plain[2].astype(np.float32)
    assert (sky_of(land, clouded(land).astype(np.float32)) == CLEAR).all()


class OnDisk(dict):
    """Stands for the file beside a run: arrays come and go as bytes."""

    def put(self, key, block):
        self[key] = block.shape, block.tobytes()
        return True

    def get(self, key):
        shape, values = self[key]
        return np.frombuffer(values, np.float32).reshape(shape)


@pytest.mark.parametrize("azimuth", [AZIMUTH, None])
def test_cells_put_by_windows_and_laid_aside_are_those_of_the_whole(plain, azimuth, monkeypatch):
    """And so are the clouds in them, in strips of a few rows; memory stays below its limit."""
    before, _, land = plain
    after = seen(clouded(shaded(land, away(AT, AZIMUTH, 260.0))), 3)
    after[:, 120:130, 200:290] = np.nan
    model = model_of(before, after)
    whole = compare_cells(before, after, model, CELL_PX)
    aside, side = OnDisk(), 7
    parts = SkyCells(whole.rows, whole.cols, side, aside, limit_bytes=20_000)
    step = side * CELL_PX
    for row in range(0, SIDE, step):
        for col in range(0, SIDE, step):
            part = np.s_[:, row : row + step, col : col + step]
            means = (cell_means(image[part], CELL_PX, MIN_SEEN) for image in (before, after))
            found = pixels.compare_cells(*means, model)
            parts.put(row // CELL_PX, col // CELL_PX, found)
            assert parts.held_bytes <= 20_000
    assert len(aside) > 40
    for plane in range(4):
        np.testing.assert_array_equal(
            parts.plane(plane, parts.window), whole.plane(plane, whole.window)
        )
    sun = {"sun_azimuth_deg": azimuth, "cell_m": CELL_PX * PIXEL_M, "cfg": CFG}
    expected = [find_sky(whole, after=date, **sun) for date in (False, True)]
    assert expected[1].any()
    monkeypatch.setattr(sky, "STRIP_CELLS", 5)
    for date in (False, True):
        np.testing.assert_array_equal(find_sky(parts, after=date, **sun), expected[date])


def test_cells_that_can_not_be_read_back_are_no_clear_sky():
    class Broken(OnDisk):
        def get(self, _key):
            return None

    cells = SkyCells(4, 4, 4, Broken(), limit_bytes=0)
    cells.put(0, 0, np.zeros((4, 4, 4), np.float32))
    with pytest.raises(ResourceError, match="disk"):
        cells.unseen(cells.window)


def test_mask_is_laid_only_where_an_image_has_none():
    cells = np.array([[CLEAR, CLOUD], [SHADOW, CLEAR]], np.uint8)
    mask = SkyMask(2, None, cells)
    own = np.full((3, 3), CLEAR, np.uint8)
    before, after = mask.laid(Window(1, 1, 3, 3), own, np.full((3, 3), UNMASKED, np.uint8))
    np.testing.assert_array_equal(before, own)
    expected = [[CLEAR, CLOUD, CLOUD], [SHADOW, CLEAR, CLEAR], [SHADOW, CLEAR, CLEAR]]
    np.testing.assert_array_equal(after, expected)
    assert mask.hides
    assert "after 25.00% cloud, 25.00% shadow" in mask.note
    assert not replace(mask, after=np.zeros((2, 2), np.uint8)).hides


@pytest.mark.parametrize(("folder", "pixel_m"), [("levir_samples", 0.5), ("dsifn_samples", 2.0)])
def test_real_pictures_without_clouds_hide_nothing(real_data, folder, pixel_m):
    """New roofs, yards, cleared slopes, another season: none of it is a cloud."""
    names = sorted(path.name for path in Path(real_data, folder, "A").iterdir())
    assert len(names) >= 5
    roles = ("red", "green", "blue")
    for name in names:
        before, after = (
            np.asarray(Image.open(Path(real_data, folder, which, name)).convert("RGB"), np.float32)
            for which in "AB"
        )
        rows, cols = (min(before.shape[axis], after.shape[axis]) for axis in (0, 1))
        before, after = (image[:rows, :cols].transpose(2, 0, 1).copy() for image in (before, after))
        cell_px = round(CFG.sky_cell_m / pixel_m)
        cells = compare_cells(before, after, model_of(before, after, roles), cell_px)
        for date in (False, True):
            found = find_sky(
                cells, after=date, sun_azimuth_deg=AZIMUTH, cell_m=CFG.sky_cell_m, cfg=CFG
            )
            assert (found == CLEAR).all(), (name, date)
