"""Images of a toy world: form, determinism, and the physics that detectors must live with."""

import sys
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from changedetect.grid import Window
from changedetect.schema import CLEAR, CLOUD, SHADOW
from changedetect.simulate import images as taken
from changedetect.simulate.acquisition import Shot, month_start, schedule
from changedetect.simulate.world import COVERS, cover_index

sys.path.insert(0, str(Path(__file__).parent))
from toy_world import FIRST, LAST, block_change, toy_world

CHANGE_DAY = date(2025, 6, 3)
CHANGE = Window(60, 40, 80, 100)


def moment(year, month, day, hour=3):
    return datetime(year, month, day, hour, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def world():
    change = block_change("t1", CHANGE_DAY, CHANGE, "roof_blue", height_m=8.0)
    return toy_world(3, size=300, changes=(change,))


@pytest.fixture(scope="module")
def studio(world):
    return taken.Studio(world)


@pytest.fixture(scope="module")
def album(world):
    return list(taken.images(world))


def test_images__form_of_every_sensor(album):
    sizes = {"pms2m": (4, 150, 150), "msi10m": (7, 30, 30), "sar10m": (2, 30, 30)}
    sizes["rgb05m"] = (3, 400, 400)
    types = {"pms2m": np.uint16, "msi10m": np.uint16, "sar10m": np.int16, "rgb05m": np.uint8}
    assert {image.sensor for image in album} == set(sizes)
    for image in album:
        assert image.values.shape == sizes[image.sensor], image.scene_id
        assert image.values.dtype == types[image.sensor]
        assert len(image.roles) == image.values.shape[0]
        assert (image.grid.height, image.grid.width) == image.values.shape[1:]
        assert image.nodata not in image.values
        assert image.time.utcoffset().total_seconds() == 0
        assert image.scene_id == f"{image.sensor.upper()}_{image.time:%Y%m%d}"
        assert image.tags["DATETIME"] == image.time.isoformat()


def test_images__in_order_of_time_and_named_once(album):
    times = [image.time for image in album]
    assert times == sorted(times)
    assert len({image.scene_id for image in album}) == len(album)


def test_images__cloud_masks_belong_to_optical_images(album):
    for image in album:
        if image.sensor in ("pms2m", "msi10m"):
            assert image.cloud.shape == image.values.shape[1:]
            assert set(np.unique(image.cloud)) <= {CLEAR, CLOUD, SHADOW}
        else:
            assert image.cloud is None


def test_images__same_world_same_bytes_in_any_order(world, album):
    again = taken.Studio(toy_world(3, size=300, changes=world.changes))
    shots = schedule(world.seed, FIRST, LAST)
    chip = taken.chip_window(world, *[s.time.date() for s in shots if s.sensor == "rgb05m"])
    for number in (len(shots) - 1, 0, 20, len(shots) - 3, 7):
        image = again.take(shots[number], chip=chip)
        assert image.values.tobytes() == album[number].values.tobytes(), image.scene_id


def test_images__other_seed_other_bytes(album):
    other = next(iter(taken.images(toy_world(4, size=300))))
    assert other.values.tobytes() != album[0].values.tobytes()


def test_chip__covers_the_planted_change(world):
    window = taken.chip_window(world, date(2025, 5, 28))
    assert window.row <= CHANGE.row
    assert window.row + window.height >= CHANGE.row + CHANGE.height
    assert window.col <= CHANGE.col
    assert window.col + window.width >= CHANGE.col + CHANGE.width


def test_schedule__one_usable_fine_image_a_month():
    shots = schedule(9, date(2024, 3, 1), date(2025, 8, 31))
    fine = [shot for shot in shots if shot.sensor == "pms2m"]
    assert [shot.time.month for shot in fine] == [5, 6, 7, 8]
    assert 15 <= fine[0].time.day <= 25
    assert all(16 <= shot.time.day <= 26 for shot in fine[1:])
    assert all(shot.cloud_share <= 0.05 for shot in fine)


@pytest.mark.parametrize("months", [1, 14])
def test_schedule__last_year_adds_images_and_changes_none(months):
    first, last = date(2024, 3, 1), month_start(date(2025, 6, 1), months) - timedelta(days=1)
    plain, with_it = schedule(9, first, last), schedule(9, first, last, last_year=True)
    added = [shot for shot in with_it if shot not in plain]
    assert [shot for shot in with_it if shot in plain] == list(plain)
    assert {shot.sensor for shot in added} == {"pms2m"}
    wanted = [month_start(date(2024, 6, 1), k) for k in range(min(months, 11))]
    assert [shot.time.date().replace(day=1) for shot in added] == wanted


@pytest.mark.parametrize("seed", range(5))
def test_schedule__clouds_and_number_of_dates_as_in_hunan(seed):
    shots = [shot for shot in schedule(seed, FIRST, LAST) if shot.sensor == "msi10m"]
    assert 28 <= len(shots) <= 52
    cloudy = np.mean([shot.cloud_share >= 0.5 for shot in shots])
    assert 0.25 <= cloudy <= 0.7
    assert sum(shot.cloud_share < 0.2 for shot in shots) >= 8


def test_schedule__radar_repeats_every_twelve_days():
    days = [shot.time.date() for shot in schedule(1, FIRST, LAST) if shot.sensor == "sar10m"]
    assert {(after - before).days for before, after in pairwise(days)} == {12}
    assert 0 <= (days[0] - FIRST).days < 12
    assert 0 <= (LAST - days[-1]).days < 12


def test_change__is_seen_by_every_sensor_and_only_from_its_day(studio):
    cases = (("pms2m", 2, 3), ("msi10m", 10, 2))
    for sensor, pixel, band in cases:
        inside = np.s_[
            CHANGE.row // pixel + 2 : (CHANGE.row + CHANGE.height) // pixel - 2,
            CHANGE.col // pixel + 2 : (CHANGE.col + CHANGE.width) // pixel - 2,
        ]
        blue = [
            studio.take(Shot(sensor, moment(2025, month, day))).values[0][inside].mean()
            for month, day in ((5, 30), (6, 2), (6, 3))
        ]
        assert abs(blue[1] - blue[0]) < 0.35 * blue[0], (sensor, band)
        assert blue[2] > 1.5 * blue[1], sensor


def test_change__walls_and_roofs_brighten_the_radar(studio):
    inside = np.s_[CHANGE.row // 10 + 1 : 13, CHANGE.col // 10 + 1 : 13]
    before, after = (
        10
        * np.log10(
            np.mean(
                10 ** (studio.take(Shot("sar10m", moment(2025, 6, day))).values[1][inside] / 1000)
            )
        )
        for day in (2, 4)
    )
    assert after - before > 1.5


def test_unchanged_ground__spectra_vary_but_the_mean_follows_the_season():
    fields = toy_world(5, size=300, fields=("paddy_single",), wild=False)
    studio = taken.Studio(fields)
    ndvi = {}
    for month in (6, 8, 10):
        image = studio.take(Shot("msi10m", moment(2024, month, 12)))
        red, nir = (image.values[image.roles.index(role)].astype(float) for role in ("red", "nir"))
        ndvi[month] = (nir - red) / (nir + red)
        assert red.std() / red.mean() > 0.05
    assert ndvi[8].mean() > 0.6
    assert ndvi[6].mean() < ndvi[8].mean() - 0.25
    assert ndvi[10].mean() < ndvi[8].mean() - 0.25


def test_paddies__are_under_water_when_rice_is_transplanted():
    fields = toy_world(5, size=300, fields=("paddy_double",), wild=False)
    image = taken.Studio(fields).take(Shot("msi10m", moment(2025, 4, 24)))
    swir, green = (image.values[image.roles.index(role)].mean() for role in ("swir1", "green"))
    assert swir < green


def test_tags__sun_is_higher_in_june_than_in_december(studio):
    june = studio.take(Shot("msi10m", moment(2024, 6, 21))).tags
    december = studio.take(Shot("msi10m", moment(2024, 12, 21))).tags
    assert float(june["SUN_ELEVATION"]) > 65
    assert 30 < float(december["SUN_ELEVATION"]) < 42
    assert 90 < float(december["SUN_AZIMUTH"]) < 180


def test_small_world_of_wood_and_water__keeps_its_colours(studio, world):
    image = studio.take(Shot("msi10m", moment(2024, 8, 3)))
    cover = world.cover[5::10, 5::10]
    nir = image.values[image.roles.index("nir")]
    red = image.values[image.roles.index("red")]
    wood = cover == cover_index("broadleaf")
    assert nir[wood].mean() > 4 * red[wood].mean()
    water = cover == cover_index("pond")
    assert nir[water].min() < 1200
    assert len(COVERS) < 256
