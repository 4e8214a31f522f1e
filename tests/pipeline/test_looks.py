"""Quick looks, on small drawn images and on real ones."""

import shutil

import numpy as np
import pytest
import rasterio
from PIL import Image

from changedetect.errors import InputError, SceneError
from changedetect.grid import Grid
from changedetect.io import raster_writer, vector_writer
from changedetect.pipeline.looks.look import OUTPUTS, LookOptions
from changedetect.pipeline.looks.quicklook import look_at_pair
from changedetect.pipeline.looks.serieslook import look_at_series
from changedetect.pipeline.runs.progress import Silent
from tests.pipeline import tiny_job


def look(before, after, out, **chosen):
    options = LookOptions(out, **{"workers": 1, **chosen})
    return look_at_pair(before, after, options, progress=Silent())


@pytest.fixture
def scenes(tiny):
    return tiny.parent / "scenes"


def test_pair__finds_what_was_planted_and_writes_four_files(scenes, tmp_path):
    report = look(scenes / tiny_job.BEFORE, scenes / tiny_job.AFTER, tmp_path / "out")
    assert report.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("[!.]*")) == sorted(OUTPUTS)
    table = vector_writer.read_geopackage(tmp_path / "out" / "patches.gpkg", "patches")
    for one in tiny_job.PLANTED:
        shared = table.intersection(one.polygon).area.sum() / one.polygon.area
        assert shared > 0.7, one.name  # a quick look knows no cloud mask
    with rasterio.open(tmp_path / "out" / "change.tif") as image:
        assert image.dtypes == ("uint8",)
        assert set(np.unique(image.read(1))) <= {0, 1, 255}
    with rasterio.open(tmp_path / "out" / "evidence.tif") as image:
        assert image.dtypes == ("int16",)
    with Image.open(tmp_path / "out" / "preview.png") as picture:
        assert picture.size == (3 * 220 + 2 * 8, 180)


def test_pair__the_same_whatever_the_tiles(scenes, tmp_path):
    pair = scenes / tiny_job.BEFORE, scenes / tiny_job.AFTER
    look(*pair, tmp_path / "one", tile_px=64, workers=2, sensor="pms2m")
    look(*pair, tmp_path / "two", sensor="pms2m")
    assert tiny_job.digests(tmp_path / "one") == tiny_job.digests(tmp_path / "two")


def test_pair__earlier_results_are_kept_unless_overwriting_is_asked_for(scenes, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "change.tif").write_text("mine")
    pair = scenes / tiny_job.BEFORE, scenes / tiny_job.AFTER
    with pytest.raises(InputError, match=r"holds change\.tif; add --overwrite to replace"):
        look(*pair, out)
    assert (out / "change.tif").read_text() == "mine"
    look(*pair, out, overwrite=True)
    assert (out / "change.tif").stat().st_size > 1000


def test_pair__dates_reversed_are_refused(scenes, tmp_path):
    with pytest.raises(
        SceneError, match=r"2025-06-18, after .* \(2025-05-12\); give the older"
    ) as e:
        look(scenes / tiny_job.AFTER, scenes / tiny_job.BEFORE, tmp_path / "out")
    assert e.value.exit_code == 4
    assert not (tmp_path / "out").exists()


def test_pair__the_same_image_twice_is_refused(scenes, tmp_path):
    shutil.copy(scenes / tiny_job.BEFORE, tmp_path / "PMS2M_20250601.tif")
    with pytest.raises(SceneError, match=r"are the same image .*give the older and the newer"):
        look(scenes / tiny_job.BEFORE, tmp_path / "PMS2M_20250601.tif", tmp_path / "out")


def test_pair__other_bands_are_refused(scenes, tmp_path):
    form = raster_writer.RasterForm("uint16", 0, ("red", "green", "blue"))
    path = tmp_path / "RGB_20250618.tif"
    raster_writer.write_cog_array(path, tiny_job.GRID, tiny_job.ground()[1][:3], form)
    with pytest.raises(SceneError, match="the same bands were expected"):
        look(scenes / tiny_job.BEFORE, path, tmp_path / "out")


def test_pair__images_of_other_ground_are_refused(scenes, tmp_path):
    far = Grid(tiny_job.CRS, (2.0, 0.0, 520000.0, 0.0, -2.0, 3100000.0), 220, 180)
    path = tmp_path / tiny_job.AFTER
    raster_writer.write_cog_array(path, far, tiny_job.ground()[1], tiny_job.FORM)
    with pytest.raises(SceneError, match="lies under both images"):
        look(scenes / tiny_job.BEFORE, path, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.tif"))


SERIES_GRID = Grid(tiny_job.CRS, (10.0, 0.0, 500000.0, 0.0, -10.0, 3100000.0), 40, 32)
SERIES_FORM = raster_writer.RasterForm(
    "uint16", 0, ("blue", "green", "red", "rededge", "nir", "swir1", "swir2")
)
BREAK = (slice(10, 22), slice(12, 26))


def write_series(folder, sensor_profile, dates=37):
    """Meadow over 14 months, every 12 days; part of it is built on after a year.

    Of 37 dates six show it, of 40 nine: so many the series needs where a year has thirty.
    """
    folder.mkdir()
    rng = np.random.default_rng(14)
    bands = len(sensor_profile.bands)
    start = np.datetime64("2024-01-05")
    green = np.array([500, 800, 600, 1800, 3400, 2200, 1200], float)[:bands]
    built = np.array([1500, 1800, 2100, 2200, 2400, 2700, 2600], float)[:bands]
    for number in range(dates):
        day = start + np.timedelta64(12 * number, "D")
        phase = 2 * np.pi * (12 * number) / 365.25
        season = 1 + 0.15 * np.sin(phase) * np.linspace(-0.4, 1, bands)
        values = np.empty((bands, 32, 40))
        values[:] = (green * season)[:, None, None]
        if day >= np.datetime64("2025-01-10"):
            values[(slice(None), *BREAK)] = built[:, None, None]
        values += rng.normal(0, 40, values.shape)
        name = f"MSI10M_{str(day).replace('-', '')}.tif"
        form = raster_writer.RasterForm("uint16", 0, tuple(f"b{i}" for i in range(bands)))
        raster_writer.write_cog_array(
            folder / name, SERIES_GRID, np.clip(values, 1, 10000).astype(np.uint16), form
        )


def test_series__finds_a_planted_break_and_when(tmp_path):
    from changedetect.pipeline.runs.job import read_profile

    profile = read_profile(tmp_path, "msi10m")
    write_series(tmp_path / "images", profile, dates=40)
    options = LookOptions(tmp_path / "out", "msi10m", workers=1)
    report = look_at_series(tmp_path / "images", options, since=None, progress=Silent())
    assert report.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").glob("[!.]*")) == sorted(OUTPUTS)
    with rasterio.open(tmp_path / "out" / "change.tif") as image:
        change = image.read(1)
    truth = np.zeros(change.shape, bool)
    truth[BREAK] = True
    assert (change[truth] == 1).mean() > 0.9
    assert (change[~truth] == 1).mean() < 0.02
    table = vector_writer.read_geopackage(tmp_path / "out" / "patches.gpkg", "patches")
    largest = table.loc[table["pixels"].idxmax()]
    assert str(largest["before_date"]) < "2025-01-11" <= str(largest["after_date"])
    assert largest["sources"] == "series"


def test_series__too_short_is_not_judged(tmp_path):
    from changedetect.pipeline.runs.job import read_profile

    write_series(tmp_path / "images", read_profile(tmp_path, "msi10m"))
    for path in sorted((tmp_path / "images").iterdir())[10:]:
        path.unlink()
    options = LookOptions(tmp_path / "out", "msi10m", workers=1)
    with pytest.raises(SceneError, match="not the same as no change"):
        look_at_series(tmp_path / "images", options, since=None, progress=Silent())


def test_pair__real_taizhou(real_data, tmp_path):
    """Landsat 2000 and 2003, ENVI files: most labelled pixels come out right."""
    folder = real_data / "landsat_taizhou"
    report = look(folder / "2000TM", folder / "2003TM", tmp_path / "out", sensor="etm30m")
    assert report.exit_code == 0
    with rasterio.open(tmp_path / "out" / "change.tif") as image:
        change = image.read(1)
    labels = [
        np.asarray(Image.open(folder / name).convert("L")) > 0
        for name in ("change.bmp", "unchanged.bmp")
    ]
    found = (change[labels[0]] == 1).mean()
    false = (change[labels[1]] == 1).mean()
    assert found > 0.85
    assert false < 0.05
    assert report.figures["patches"] > 100


def levir(real_data):
    names = sorted(path.name for path in (real_data / "levir_samples" / "A").iterdir())
    sizes = {}
    for name in names:
        with Image.open(real_data / "levir_samples" / "A" / name) as picture:
            sizes.setdefault(picture.size, name)
    return real_data / "levir_samples", names, sizes


def test_pair__real_images_without_georeference_are_taken_with_a_notice(real_data, tmp_path):
    folder, names, _ = levir(real_data)
    report = look(folder / "A" / names[0], folder / "B" / names[0], tmp_path / "out")
    text = "\n".join(report.notices)
    assert "no georeference; pixels are compared by their row and column" in text
    assert "no date in its metadata or name; the order given is taken as time" in text
    assert "area_px" in report.figures
    table = vector_writer.read_geopackage(tmp_path / "out" / "patches.gpkg", "patches")
    assert len(table) == report.figures["patches"]


def test_pair__real_images_of_different_sizes_are_refused(real_data, tmp_path):
    folder, names, _ = levir(real_data)
    with Image.open(folder / "B" / names[0]) as picture:
        picture.crop((0, 0, picture.width - 10, picture.height)).save(tmp_path / "cut.png")
    says = r"without georeference equal sizes were expected; cut them alike"
    with pytest.raises(SceneError, match=says):
        look(folder / "A" / names[0], tmp_path / "cut.png", tmp_path / "out")
