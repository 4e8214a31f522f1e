"""``detect pair`` of two radar images, and of radar against optical, from files to files."""

import hashlib

import numpy as np
import pytest
import rasterio

from changedetect.errors import SceneError
from changedetect.io.describe_plain import describe_plain
from changedetect.io.vector_writer import read_geopackage
from changedetect.pipeline.looks.look import LookOptions
from changedetect.pipeline.looks.quicklook import look_at_pair
from changedetect.pipeline.looks.radarlook import stored_as
from changedetect.pipeline.runs.progress import Silent
from tests.pipeline.test_quicklook import draw

SHAPE = (240, 260)
CHANGED = (slice(80, 130), slice(100, 160))
LOOKS = 5


def backscatter(seed, *, changed=False, to=1.2):
    """Intensities of three kinds of ground under speckle of five looks, ``(y, x)``.

    What changed returns ``to``; against another sensor only a return that other ground has is a
    surprise, since a kind of its own would be usual in itself.
    """
    rng = np.random.default_rng(7)
    kinds = np.kron(rng.integers(0, 3, (12, 13)), np.ones((20, 20), int))
    ground = np.array([0.03, 0.08, 0.2])[kinds]
    if changed:
        ground[CHANGED] = to
    return ground * np.random.default_rng(seed).gamma(LOOKS, 1 / LOOKS, SHAPE), kinds


def colours(*, changed=False):
    """Reflectance × 10,000 of the same kinds of ground, ``(4, y, x)`` uint16."""
    _, kinds = backscatter(0)
    means = np.array([[300, 400, 300, 200], [500, 800, 600, 3500], [1200, 1300, 1500, 2200]])
    image = means[kinds].transpose(2, 0, 1).astype(float)
    if changed:
        image[:, *CHANGED] = np.array([900, 300, 2500, 600])[:, None, None]
    return (image + np.random.default_rng(5).normal(0, 40, image.shape)).astype(np.uint16)


STORED = {
    "amplitude": lambda i: np.clip(np.sqrt(i) * 200, 0, 255).astype(np.uint8)[None],
    "intensity": lambda i: i.astype(np.float32)[None],
    "decibel": lambda i: (10 * np.log10(i)).astype(np.float32)[None],
}


def images(folder, stored):
    write = STORED[stored]
    draw(folder / "R_20250501.tif", write(backscatter(1)[0]))
    draw(folder / "R_20250601.tif", write(backscatter(2, changed=True)[0]))
    draw(folder / "R_20250602.tif", write(backscatter(3)[0]))
    return folder


def look(folder, before="R_20250501.tif", after="R_20250601.tif", *, out="out", **chosen):
    options = LookOptions(folder / out, **({"workers": 1} | chosen))
    return look_at_pair(folder / before, folder / after, options, progress=Silent())


def found(folder, out="out"):
    with rasterio.open(folder / out / "change.tif") as dataset:
        return dataset.read(1) == 1


def planted():
    mask = np.zeros(SHAPE, bool)
    mask[CHANGED] = True
    return mask


@pytest.mark.parametrize("stored", sorted(STORED))
def test_two_radar_images__the_planted_change_however_numbers_are_stored(tmp_path, stored):
    report = look(images(tmp_path, stored))
    truth, change = planted(), found(tmp_path)
    assert change[truth].mean() > 0.9
    assert change[~truth].mean() < 0.01
    assert any(f"its numbers are taken for {stored}" in line for line in report.notices)
    table = read_geopackage(tmp_path / "out" / "patches.gpkg", "patches")
    assert set(table["sources"]) == {"radar"}
    assert set(table["after_scene"]) == {"R_20250601"}
    assert report.figures["looks"][0] == pytest.approx(LOOKS, rel=0.4)


@pytest.mark.parametrize("stored", sorted(STORED))
def test_two_radar_images__where_nothing_changed_hardly_anything_alarms(tmp_path, stored):
    report = look(images(tmp_path, stored), after="R_20250602.tif")
    assert found(tmp_path).mean() < 0.002
    assert report.figures["patches"] <= 3


@pytest.mark.parametrize("first", ["radar", "optical"])
def test_radar_against_optical__in_either_order(tmp_path, first):
    images(tmp_path, "amplitude")
    draw(tmp_path / "PMS2M_20250503.tif", colours(), nodata=0)
    draw(tmp_path / "PMS2M_20250605.tif", colours(changed=True), nodata=0)
    built = np.where(backscatter(0)[1][CHANGED] == 2, 0.03, 0.2)
    draw(
        tmp_path / "R_20250603.tif", STORED["amplitude"](backscatter(4, changed=True, to=built)[0])
    )
    names = {
        "radar": ("R_20250501.tif", "PMS2M_20250605.tif"),
        "optical": ("PMS2M_20250503.tif", "R_20250603.tif"),
    }[first]
    report = look(tmp_path, *names)
    truth, change = planted(), found(tmp_path)
    assert change[truth].mean() > 0.6
    assert change[~truth].mean() < 0.03
    assert set(read_geopackage(tmp_path / "out" / "patches.gpkg", "patches")["sources"]) == {
        "optical;radar"
    }
    assert any("not registered" in line for line in report.notices)


@pytest.mark.parametrize("after", ["R_20250601.tif", "PMS2M_20250605.tif"])
def test_look__same_bytes_for_any_tiles_and_threads(tmp_path, after):
    images(tmp_path, "amplitude")
    draw(tmp_path / "PMS2M_20250605.tif", colours(changed=True), nodata=0)
    digests = set()
    for place, chosen in enumerate(({}, {"tile_px": 64, "workers": 3}, {"tile_px": 96})):
        look(tmp_path, after=after, out=f"out{place}", **chosen)
        folder = tmp_path / f"out{place}"
        names = ("evidence.tif", "change.tif", "patches.gpkg", "preview.png")
        digests.add(tuple(hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in names))
    assert len(digests) == 1


def test_look__ground_that_one_image_misses_is_not_observed(tmp_path):
    images(tmp_path, "amplitude")
    image = colours()
    image[:, 10:40, 20:50] = 0
    draw(tmp_path / "PMS2M_20250605.tif", image, nodata=0)
    report = look(tmp_path, after="PMS2M_20250605.tif")
    with rasterio.open(tmp_path / "out" / "evidence.tif") as dataset:
        evidence, nodata = dataset.read(1), dataset.nodata
    assert (evidence[10:40, 20:50] == nodata).all()
    assert report.figures["unobserved_px"] == 900


def test_stored_as__polarised_bands_of_a_profile_are_decibel(tmp_path):
    images(tmp_path, "amplitude")
    scene, _ = describe_plain(tmp_path / "R_20250501.tif", None)
    assert stored_as(scene, [np.ones((1, 2, 2))]) == "amplitude"
    assert stored_as(scene, [-np.ones((1, 2, 2))]) == "decibel"
    assert stored_as(scene, [np.array([[[-0.001, 0.2, 0.1, np.nan]]])]) == "amplitude"


def test_stored_as__scaled_whole_numbers_are_no_amplitudes(tmp_path):
    """Amplitudes below 1 count as 1: intensities × 1e-4 taken for them would hide every change."""
    for day, changed in (("20250501", False), ("20250601", True)):
        stored = (backscatter(int(day[-3]), changed=changed)[0] * 1e4).astype(np.uint16)[None]
        with rasterio.open(draw(tmp_path / f"R_{day}.tif", stored), "r+") as dataset:
            dataset.scales = (1e-4,)
    look(tmp_path)
    truth, change = planted(), found(tmp_path)
    assert change[truth].mean() > 0.9
    assert change[~truth].mean() < 0.01


def test_look__optical_images_of_other_bands_are_still_refused(tmp_path):
    draw(tmp_path / "PMS2M_20250503.tif", colours(), nodata=0)
    draw(tmp_path / "RGB_20250605.tif", colours()[:3], nodata=0)
    with pytest.raises(SceneError, match="the same bands were expected"):
        look(tmp_path, "PMS2M_20250503.tif", "RGB_20250605.tif")
