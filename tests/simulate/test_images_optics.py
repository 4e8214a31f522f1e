"""Optics, sky and radar, piece by piece, against answers known beforehand."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedetect.schema import CLOUD, SHADOW
from changedetect.simulate import optics, sky, spectra
from changedetect.simulate.images import CAMERAS
from changedetect.simulate.phenology import Calendar, material_shares
from changedetect.simulate.radar import LOOKS, speckle
from changedetect.simulate.spectra import BANDS
from changedetect.simulate.world import COVERS

STILL = np.zeros((2, 30, 30), np.float32)


@pytest.mark.parametrize("sensor", sorted(CAMERAS))
def test_see__keeps_the_mean_of_inner_detail(sensor):
    scene = np.full((1, 60, 60), 0.1, np.float32)
    scene[0, 25:33, 22:30] = 0.5
    seen = optics.see(scene, CAMERAS[sensor], STILL, 2)
    assert seen.shape == (1, 30, 30)
    assert seen.mean(dtype=np.float64) == pytest.approx(scene.mean(dtype=np.float64), rel=1e-4)
    assert seen.max() < 0.5


@given(st.floats(0.01, 0.6))
def test_see__flat_ground_stays_flat_wherever_it_is_moved(level):
    scene = np.full((1, 60, 60), level, np.float32)
    moved = np.full((2, 30, 30), 0.4, np.float32)
    seen = optics.see(scene, CAMERAS["pms2m"], moved, 2)
    np.testing.assert_allclose(seen, level, rtol=1e-5)


def test_see__a_shift_of_one_pixel_moves_the_picture_by_one():
    scene = np.random.default_rng(1).random((1, 60, 60)).astype(np.float32)
    moved = np.stack([np.zeros((30, 30)), np.ones((30, 30))]).astype(np.float32)
    plain = optics.see(scene, CAMERAS["pms2m"], STILL, 2)
    shifted = optics.see(scene, CAMERAS["pms2m"], moved, 2)
    np.testing.assert_allclose(shifted[:, :, 3:-4], plain[:, :, 4:-3], atol=1e-5)


def test_displacement__is_sub_pixel():
    for seed in range(20):
        drawn = optics.displacement(np.random.default_rng(seed), CAMERAS["pms2m"], (80, 80))
        length = np.hypot(drawn[0].mean(), drawn[1].mean())
        assert 0.02 < length < 0.75


def test_record__levels_and_noise_as_stated():
    camera = CAMERAS["msi10m"]
    flat = np.full((7, 80, 80), 0.2, np.float32)
    numbers = optics.record(flat, camera, np.random.default_rng(2))
    assert numbers.dtype == np.uint16
    assert (numbers % camera.step_dn == 0).all()
    stated = np.sqrt(camera.read_noise**2 + camera.shot_noise**2 * 0.2) * 1e4
    assert numbers[3].std() == pytest.approx(stated, rel=0.1)
    assert abs(numbers.mean() / 2000 - 1) < 0.06


def test_record__black_is_not_no_data():
    numbers = optics.record(
        np.zeros((4, 9, 9), np.float32), CAMERAS["pms2m"], np.random.default_rng(2)
    )
    assert numbers.min() >= 1


def tower():
    height = np.zeros((60, 60), np.float32)
    height[28:32, 28:32] = 10.0
    return height


@pytest.mark.parametrize(
    ("azimuth", "row_side", "col_side"), [(90, 0, -1), (180, -1, 0), (270, 0, 1), (135, -1, -1)]
)
def test_shadow__lies_away_from_the_sun(azimuth, row_side, col_side):
    shade = sky.cast_shadows(tower(), sky.Sun(45.0, azimuth), 1.0)
    rows, cols = np.nonzero(shade > 0.5)
    assert np.sign(np.round(rows.mean() - 29.5, 0)) == row_side
    assert np.sign(np.round(cols.mean() - 29.5, 0)) == col_side


def test_shadow__is_as_long_as_the_sun_is_low():
    low = (sky.cast_shadows(tower(), sky.Sun(30.0, 180.0), 1.0) > 0.5).sum(axis=0).max()
    high = (sky.cast_shadows(tower(), sky.Sun(60.0, 180.0), 1.0) > 0.5).sum(axis=0).max()
    assert low == pytest.approx(10 / np.tan(np.radians(30)), abs=1.5)
    assert high == pytest.approx(10 / np.tan(np.radians(60)), abs=1.5)


def test_shadow__none_without_objects():
    assert not sky.cast_shadows(np.zeros((9, 9), np.float32), sky.Sun(30.0, 140.0), 1.0).any()


def test_relief__flat_is_one_and_slopes_to_the_sun_are_brighter():
    sun = sky.Sun(45.0, 135.0)
    flat = sky.relief_light(np.zeros((5, 5)), sun, 1.0)
    np.testing.assert_allclose(flat, 1.0, rtol=1e-6)
    y, x = np.indices((5, 5))
    to_sun = sky.relief_light(-0.1 * (x + y), sun, 1.0)
    from_sun = sky.relief_light(0.1 * (x + y), sun, 1.0)
    assert to_sun.mean() > 1.05
    assert from_sun.mean() < 0.95


def test_sun__noon_in_june_over_hunan_is_nearly_overhead():
    sun = sky.sun_at(datetime(2025, 12, 21, 4, 30, tzinfo=UTC), 28.0, 112.5)
    assert sun.elevation_deg == pytest.approx(90 - 28 - 23.4, abs=0.5)
    assert sun.azimuth_deg == pytest.approx(180, abs=1.0)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.8])
def test_clouds__share_soft_edges_and_displaced_shadow(share):
    above = sky.draw_sky(
        np.random.default_rng(5), (160, 160), 10.0, sky.Sun(50.0, 140.0),
        cloud_share=share, haze=0.01,
    )  # fmt: skip
    assert (above.cloud > 0.25).mean() == pytest.approx(share, abs=0.05)
    assert ((above.cloud > 0.02) & (above.cloud < 0.98)).any()
    assert not np.array_equal(above.cloud > 0.5, above.shade > 0.5)


def test_producer_mask__is_like_the_clouds_but_not_them():
    above = sky.draw_sky(
        np.random.default_rng(6), (160, 160), 10.0, sky.Sun(50.0, 140.0),
        cloud_share=0.35, haze=0.01,
    )  # fmt: skip
    blue = np.full((160, 160), 0.08, np.float32)
    blue[20:30, 20:140] = 0.4
    mask = sky.producer_mask(np.random.default_rng(7), above, blue, 10.0)
    true = above.cloud > 0.3
    hit = (mask == CLOUD) & true
    assert hit.sum() / true.sum() > 0.8
    missed = (above.cloud > 0.1) & (mask != CLOUD)
    assert missed.any()
    assert ((mask == CLOUD) & (above.cloud < 0.01)).any()
    assert (mask == SHADOW).any()


def test_speckle__looks_are_as_stated_and_mean_is_one():
    field = speckle(np.random.default_rng(8), (400, 400)).astype(np.float64)
    assert field.mean() == pytest.approx(1.0, abs=0.01)
    assert field.mean() ** 2 / field.var() == pytest.approx(LOOKS, rel=0.05)
    neighbour = np.corrcoef(field[:, 1:].ravel(), field[:, :-1].ravel())[0, 1]
    apart = np.corrcoef(field[:, 4:].ravel(), field[:, :-4].ravel())[0, 1]
    assert 0.02 < neighbour < 0.6
    assert abs(apart) < 0.03


def test_material_shares__sum_to_one_on_every_day_and_cover():
    calendar = Calendar(3, 40)
    for step in range(0, 370, 23):
        day = date(2024, 2, 1) + timedelta(days=step)
        shares = material_shares(calendar, day, np.linspace(0, 1, 40))
        assert shares.shape[:2] == (len(COVERS), 40)
        assert shares.min() > -1e-9
        np.testing.assert_allclose(shares.sum(axis=2), 1.0, atol=1e-9)


def test_spectra__every_cover_has_a_variety_and_vegetation_a_red_edge():
    assert set(spectra.VARIETY) == set(COVERS)
    red, nir = BANDS.index("red"), BANDS.index("nir")
    for name in ("crop", "broadleaf", "conifer", "bamboo"):
        spectrum = spectra.ENDMEMBERS[name]
        assert spectrum[nir] > 5 * spectrum[red]
    table = spectra.ENDMEMBER_TABLE
    assert ((table > 0) & (table < 0.6)).all()


def test_wet_ground_is_darker_than_dry():
    calendar = Calendar(3, 5)
    bare = COVERS.index("bare_soil")
    dry, wet = (
        spectra.mix(material_shares(calendar, date(2025, 1, 10), np.full(5, level)))[bare]
        for level in (0.0, 1.0)
    )
    assert (wet < 0.85 * dry).all()
