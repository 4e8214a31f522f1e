"""Images that can not be used: a named problem, nothing lost, and never "no change"."""

import shutil
from dataclasses import dataclass

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from changedetect.io import record_files
from changedetect.io.raster_writer import RasterForm
from changedetect.pipeline.steps import detection
from changedetect.records import Scene, UnobservedArea
from tests.pipeline import tiny_job

EVERYTHING_M2 = tiny_job.GRID.width * tiny_job.GRID.height * 4.0


def after_path(config):
    return config.parent / "scenes" / tiny_job.AFTER


def plain(path, values, **options):
    """Write a plain tiled GeoTIFF with what is wrong with it."""
    settings = {
        "driver": "GTiff", "crs": tiny_job.CRS, "transform": Affine(*tiny_job.GRID.transform),
        "nodata": 0, "count": values.shape[0], "height": values.shape[1],
        "width": values.shape[2], "dtype": values.dtype, "tiled": True, "blockxsize": 64,
        "blockysize": 64, "compress": "deflate",
    } | options  # fmt: skip
    with rasterio.open(path, "w", **settings) as image:
        image.write(values)


def remove(path):
    path.unlink()
    path.with_name(path.name.replace(".tif", "_cloud.tif")).unlink()


def cut_short(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def no_pixels_left(path):
    path.write_bytes(path.read_bytes()[:3])


def no_crs(path):
    plain(path, tiny_job.ground()[1], crs=None)


def rotated(path):
    plain(path, tiny_job.ground()[1], transform=Affine(2, 0.1, 500000, 0.1, -2, 3100000))


def bands_missing(path):
    plain(path, tiny_job.ground()[1][:3])


def wrong_dtype(path):
    plain(path, tiny_job.ground()[1].astype(np.float32))


def same_image(path):
    shutil.copy(path.with_name(tiny_job.BEFORE), path)


def disguised(path):
    path.write_text('<VRTDataset rasterXSize="2" rasterYSize="2"></VRTDataset>')


def unknown_sensor(path):
    path.rename(path.with_name("GF7_20250618.tif"))
    path.with_name(path.name.replace(".tif", "_cloud.tif")).unlink()


def impossible_day(path):
    path.rename(path.with_name("PMS2M_20250631.tif"))
    path.with_name(path.name.replace(".tif", "_cloud.tif")).unlink()


def wrong_nodata(path):
    plain(path, tiny_job.ground()[1], nodata=65535)


def other_zone(path):
    """Zone-prefixed eastings under a system without the prefix."""
    plain(path, tiny_job.ground()[1], transform=Affine(2, 0, 38500000, 0, -2, 3100000))


@dataclass(frozen=True)
class Row:
    """What is broken, and what the message says."""

    breaks: object
    says: tuple[str, ...]


REFUSED = (
    Row(cut_short, (tiny_job.AFTER, "cut short", "fetch it again")),
    Row(no_pixels_left, (tiny_job.AFTER, "starts with", "GTiff", "fetch it again")),
    Row(no_crs, (tiny_job.AFTER, "no coordinate system", "gdal_edit.py")),
    Row(rotated, (tiny_job.AFTER, "rotated", "gdalwarp")),
    Row(bands_missing, (tiny_job.AFTER, "3 bands found, 4 expected", "pms2m")),
    Row(wrong_dtype, (tiny_job.AFTER, "float32 found", "uint16 expected", "pms2m")),
    Row(same_image, (tiny_job.AFTER, "the same image as", "remove one")),
    Row(disguised, (tiny_job.AFTER, "starts with", "expected one of the formats", "convert it")),
    Row(unknown_sensor, ("GF7_20250618.tif", "no sensor profile", "pms2m", "configs/sensors/")),
    Row(impossible_day, ("PMS2M_20250631.tif", "20250631", "not a day of the calendar")),
    Row(wrong_nodata, (tiny_job.AFTER, "65535", "profile pms2m", "correct one of them")),
    Row(other_zone, (tiny_job.AFTER, "38500000", "EPSG:4547")),
)


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.breaks.__name__)
def test_bad_image__is_named_and_the_month_says_not_observed(tiny, row):
    row.breaks(after_path(tiny))
    report = tiny_job.run(tiny, only="scenes")
    assert report.exit_code == 3
    text = "\n".join(report.problems)
    for phrase in row.says:
        assert phrase in text
    assert "nothing was observed this month" in text
    assert report.facts()["steps"]["scenes"]["pairs"] == 0


def test_bad_image__a_month_without_any_pair_still_delivers_what_was_not_observed(tiny):
    remove(after_path(tiny))
    report = tiny_job.run(tiny)
    assert report.exit_code == 3
    assert len(report.problems) == 1
    assert "not the same as no change" in report.problems[0]
    facts = report.facts()["steps"]
    assert facts["detect"]["observed_px"] == 0
    assert facts["deliver"]["not_observed_mu"] * 2000 / 3 == pytest.approx(EVERYTHING_M2, rel=0.01)
    assert len([name for name in report.facts()["packages"] if name.endswith("_AJ.gpkg")]) == 2
    change = report.folder / "change.tif"
    with rasterio.open(change) as image:
        assert (image.read(1) == 255).all()


def test_bad_image__a_good_pair_is_done_beside_a_bad_image(tiny, whole):
    bad = after_path(tiny).with_name("PMS2M_20250620.tif")
    shutil.copy(after_path(tiny), bad)
    cut_short(bad)
    first = tiny_job.run(tiny, only="scenes")
    assert first.exit_code == 3
    assert len(first.problems) == 1
    tiny_job.run(tiny, only="detect")
    again = tiny_job.run(tiny, only="scenes")
    assert again.repeated
    assert again.exit_code == 3, "what was left out is told again"
    mine, theirs = (
        tiny_job.digests(config.parent / "out" / tiny_job.MONTH) for config in (tiny, whole)
    )
    assert mine["evidence.tif"] == theirs["evidence.tif"]


def test_bad_image__a_missing_folder_is_named(tiny):
    shutil.rmtree(tiny.parent / "scenes")
    with pytest.raises(Exception, match=r"scenes: no such folder; images were expected there"):
        tiny_job.run(tiny, only="scenes")


def corrupt(path):
    """Overwrite one compressed block."""
    plain(path, tiny_job.ground()[1])
    with rasterio.open(path) as image:
        start = int(image.get_tag_item("BLOCK_OFFSET_0_0", dm="TIFF", bidx=1))
        length = int(image.get_tag_item("BLOCK_SIZE_0_0", dm="TIFF", bidx=1))
    data = bytearray(path.read_bytes())
    data[start : start + length] = bytes([255]) * length
    path.write_bytes(bytes(data))


def observed(config):
    folder = config.parent / "out" / tiny_job.MONTH
    areas = record_files.read_records(folder / "unobserved.json", UnobservedArea)
    return {
        reason: sum(area.area_m2 for area in areas if area.reason == reason)
        for reason in {area.reason for area in areas}
    }


def test_bad_image__a_corrupt_block_costs_its_ground_and_is_named(tiny):
    corrupt(after_path(tiny))
    with tiny.open("a", encoding="utf-8") as text:
        text.write("pixels: {sample_block_px: 64}\n")
    tiny_job.run(tiny, only="scenes")
    report = tiny_job.run(tiny, only="detect", tile_px=64)
    assert report.exit_code == 3
    text = "\n".join(report.problems)
    assert tiny_job.AFTER in text
    assert "can not be read" in text
    assert "fetch it again" in text
    failed = [line.split()[1] for line in report.problems]
    near = [f"r{row:06d}c{col:06d}" for row in (0, 64, 128) for col in (0, 64, 128)]
    assert failed == near, "tiles that read the block within their halo, and no other"
    facts = report.facts()["steps"]["detect"]
    assert observed(tiny)[detection.FAILED] == pytest.approx(192 * 180 * 4, rel=0.01)
    assert "sample blocks can not be read" in facts["models"][0]["notes"][0]
    assert facts["observed_px"] > 4_000, "the rest is observed"


def test_bad_image__all_nodata_is_not_observed(tiny):
    plain(after_path(tiny), np.zeros((4, 180, 220), np.uint16))
    tiny_job.run(tiny, only="scenes")
    report = tiny_job.run(tiny, only="detect")
    assert report.exit_code == 3
    assert "pair PMS2M_20250512__PMS2M_20250618 left out" in report.problems[0]
    assert observed(tiny) == {detection.CLOUDED: pytest.approx(EVERYTHING_M2, rel=0.01)}


def test_bad_image__all_cloud_is_not_observed(tiny):
    mask = np.ones((180, 220), np.uint8)
    path = after_path(tiny).with_name("PMS2M_20250618_cloud.tif")
    tiny_job.write_image(path, mask, form=tiny_job.CLOUD_FORM)
    report = tiny_job.run(tiny)
    assert report.exit_code == 3
    assert "left out" in report.problems[0]
    assert "observed" in report.problems[0]
    assert observed(tiny) == {detection.CLOUDED: pytest.approx(EVERYTHING_M2, rel=0.01)}
    facts = report.facts()["steps"]
    assert facts["deliver"]["not_observed_mu"] * 2000 / 3 == pytest.approx(EVERYTHING_M2, rel=0.01)


def test_bad_image__strange_values_in_a_cloud_mask_are_refused(tiny):
    mask = np.full((180, 220), 7, np.uint8)
    path = after_path(tiny).with_name("PMS2M_20250618_cloud.tif")
    tiny_job.write_image(path, mask, form=RasterForm("uint8", 255, ("?",)))
    tiny_job.run(tiny, only="scenes")
    report = tiny_job.run(tiny, only="detect")
    assert report.exit_code == 3
    assert "value 7 found in the cloud mask; 0 clear, 1 cloud" in "\n".join(report.problems)


def test_bad_image__another_resolution_off_the_grid_is_resampled_not_refused(tiny):
    """A 2.5 m image whose corner lies off the grid lines shows the same changes."""
    after = tiny_job.ground()[1]
    step = 2.5
    rows = ((np.arange(int(176 * 2 / step)) + 0.5) * step + 3.7) / 2.0
    cols = ((np.arange(int(216 * 2 / step)) + 0.5) * step + 2.9) / 2.0
    picked = after[:, rows.astype(int)[:, None], cols.astype(int)[None, :]]
    plain(after_path(tiny), picked, transform=Affine(step, 0, 500002.9, 0, -step, 3099996.3))
    tiny_job.run(tiny, only="scenes")
    report = tiny_job.run(tiny, only="detect")
    assert report.exit_code == 0
    assert report.facts()["steps"]["detect"]["patches"] >= 3


def test_bad_image__changed_between_catalogue_and_reading_is_noticed(tiny):
    tiny_job.run(tiny, only="scenes")
    image = tiny_job.ground()[1].copy()
    image[:, :10] += 5
    tiny_job.write_image(after_path(tiny), image)
    with pytest.raises(Exception, match=r"sha256 .* found, .* expected") as caught:
        tiny_job.run(tiny, only="detect")
    assert caught.value.exit_code == 5


def test_bad_image__months_before_and_after_are_told_apart(whole):
    """The pair is the newest image of the month against the newest before it."""
    folder = whole.parent / "out" / tiny_job.MONTH
    scenes = record_files.read_records(folder / "scenes.json", Scene)
    assert [scene.day for scene in scenes] == [tiny_job.BEFORE_DAY, tiny_job.AFTER_DAY]
