"""A folder of images: every file a scene or a named problem."""

import errno
import json
import shutil
from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from changedetect.config import yaml_text
from changedetect.config.sensors import SensorProfile
from changedetect.errors import ConfigError, InputError, SceneError
from changedetect.io import opening
from changedetect.io.catalogue import scan
from changedetect.io.describe import describe
from changedetect.io.digest import sha256_file
from changedetect.io.stac import to_stac
from tests.io.drawn_images import GRID, digital_numbers, draw, profile, profiles


def test_describe__hand_answer(tmp_path):
    path = draw(
        tmp_path / "PMS2M_20250601T031500.tif",
        digital_numbers(1),
        tags={"SUN_ELEVATION": "61.5", "OFF_NADIR": "4.0"},
    )
    scene = describe(path, profile("pms2m"))
    assert scene.scene_id == "PMS2M_20250601T031500"
    assert scene.time == datetime(2025, 6, 1, 3, 15, tzinfo=UTC)
    assert scene.grid == GRID
    assert scene.roles == ("blue", "green", "red", "nir")
    assert (scene.bands[3].index, scene.bands[3].scale) == (4, 0.0001)
    assert (scene.nodata, scene.dtype, scene.gsd_m) == (0.0, "uint16", 2.0)
    assert (scene.sun_elevation_deg, scene.off_nadir_deg) == (61.5, 4.0)
    assert scene.sha256 == sha256_file(path)


def test_describe__a_mask_beside_is_part_of_the_scene(tmp_path):
    path = draw(tmp_path / "PMS2M_20250601.tif", digital_numbers(1))
    mask = draw(tmp_path / "PMS2M_20250601_cloud.tif", np.zeros((1, 50, 60), "uint8"), nodata=255)
    scene = describe(path, profile("pms2m"))
    assert scene.cloud_href == "PMS2M_20250601_cloud.tif"
    assert scene.sha256 == f"{sha256_file(path)}:{sha256_file(mask)}"


def test_describe__a_tag_wins_over_the_name_and_must_agree_with_it(tmp_path):
    tags = {"ACQUISITION_TIME": "2025-06-01T11:02:03+08:00"}
    path = draw(tmp_path / "PMS2M_20250601.tif", digital_numbers(1), tags=tags)
    assert describe(path, profile("pms2m")).time == datetime(2025, 6, 1, 3, 2, 3, tzinfo=UTC)
    wrong = draw(tmp_path / "PMS2M_20250701.tif", digital_numbers(1), tags=tags)
    with pytest.raises(
        SceneError, match="tag ACQUISITION_TIME says 2025-06-01, the name says 2025-07-01"
    ):
        describe(wrong, profile("pms2m"))


ROTATED = Affine(1.9, 0.5, 500000.0, 0.5, -1.9, 3100000.0)

REFUSALS = {
    "no coordinate system": {"crs": None},
    "rotated, mirrored or south-up": {"transform": ROTATED},
    "zone prefix 38": {"transform": Affine(2.0, 0, 38500000.0, 0, -2.0, 3100000.0)},
    "no-data value 9.0 declared by the file, 0.0": {"nodata": 9},
    "south-up": {"transform": Affine(2.0, 0, 500000.0, 0, 2.0, 3100000.0)},
}


@pytest.mark.parametrize("message", REFUSALS)
def test_describe__refuses(tmp_path, message):
    path = draw(tmp_path / "PMS2M_20250601.tif", digital_numbers(1), **REFUSALS[message])
    with pytest.raises(SceneError, match=message) as caught:
        describe(path, profile("pms2m"))
    assert "PMS2M_20250601.tif" in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (digital_numbers(1, bands=3), "3 bands found, 4 expected by profile pms2m"),
        (digital_numbers(1).astype("float32"), "float32 found, uint16 expected"),
        (digital_numbers(1).astype("complex64"), "complex numbers"),
    ],
)
def test_describe__refuses_bands(tmp_path, values, message):
    path = draw(tmp_path / "PMS2M_20250601.tif", values)
    with pytest.raises(SceneError, match=message):
        describe(path, profile("pms2m"))


def test_describe__refuses_another_scale(tmp_path):
    path = draw(tmp_path / "PMS2M_20250601.tif", digital_numbers(1))
    with rasterio.open(path, "r+") as dataset:
        dataset.scales = (0.001,) * 4
    with pytest.raises(SceneError, match=r"declares scale 0\.001"):
        describe(path, profile("pms2m"))


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_describe__a_file_cut_short_is_never_a_scene(tmp_path, kept):
    path = draw(tmp_path / "PMS2M_20250601.tif", digital_numbers(1))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(SceneError, match=r"cut short|no coordinate system"):
        describe(path, profile("pms2m"))


def test_describe__unwritten_blocks_need_a_nodata_value(tmp_path):
    path = tmp_path / "SPARSE_20250601.tif"
    options = {"driver": "GTiff", "count": 1, "height": 64, "width": 64, "dtype": "uint8"}
    place = {"crs": GRID.crs, "transform": Affine(*GRID.transform)}
    with rasterio.open(path, "w", SPARSE_OK=True, tiled=True, blockxsize=16, blockysize=16,
                       **options, **place):  # fmt: skip
        pass
    with pytest.raises(SceneError, match="16 blocks were never written"):
        describe(path, profile("gray8_radar"))


def test_describe__a_reference_to_another_file_is_no_image(tmp_path):
    secret = draw(tmp_path / "other.tif", digital_numbers(1))
    fake = tmp_path / "PMS2M_20250601.tif"
    fake.write_text(
        '<VRTDataset rasterXSize="60" rasterYSize="50"><VRTRasterBand dataType="UInt16" band="1">'
        f"<SimpleSource><SourceFilename>{secret}</SourceFilename></SimpleSource>"
        "</VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(SceneError, match="expected one of the formats"):
        describe(fake, profile("pms2m"))


def test_scan__every_file_is_a_scene_or_a_problem(tmp_path):
    draw(tmp_path / "b" / "PMS2M_20250701.tif", digital_numbers(2))
    first = draw(tmp_path / "PMS2M_20250601.tif", digital_numbers(1))
    draw(tmp_path / "PMS2M_20250601_cloud.tif", np.zeros((1, 50, 60), "uint8"), nodata=255)
    draw(tmp_path / "MSI10M_20250615_cloud.tif", np.zeros((1, 50, 60), "uint8"), nodata=255)
    shutil.copy(first, tmp_path / "PMS2M_20250602.tif")
    draw(tmp_path / "PMS2M_20259901.tif", digital_numbers(3))
    (tmp_path / "SAR10M_20250601.tif").write_bytes(b"")
    (tmp_path / "mystery.xyz").write_bytes(b"\x00\x01")
    (tmp_path / "README.md").write_text("ignored by rule")
    (tmp_path / ".hidden.tif").write_bytes(b"ignored by rule")
    found = scan(tmp_path, profiles())
    assert [scene.scene_id for scene in found.scenes] == ["PMS2M_20250601", "PMS2M_20250701"]
    assert found.scenes[1].href == "b/PMS2M_20250701.tif"
    assert found.sizes_bytes["PMS2M_20250601.tif"] == first.stat().st_size
    told = {problem.href: problem.message for problem in found.problems}
    assert set(told) == {
        "MSI10M_20250615_cloud.tif", "PMS2M_20250602.tif", "PMS2M_20259901.tif",
        "SAR10M_20250601.tif", "mystery.xyz",
    }  # fmt: skip
    assert "without its image" in told["MSI10M_20250615_cloud.tif"]
    assert "the same image as PMS2M_20250601.tif" in told["PMS2M_20250602.tif"]
    assert "20259901 is not a day" in told["PMS2M_20259901.tif"]
    assert "an empty file" in told["SAR10M_20250601.tif"]
    assert "fits the file_pattern of no sensor profile" in told["mystery.xyz"]


def test_scan__the_same_name_twice_is_a_problem(tmp_path):
    draw(tmp_path / "a" / "PMS2M_20250601.tif", digital_numbers(1))
    draw(tmp_path / "b" / "PMS2M_20250601.tif", digital_numbers(2))
    found = scan(tmp_path, profiles())
    assert [scene.href for scene in found.scenes] == ["a/PMS2M_20250601.tif"]
    assert "is taken by a/PMS2M_20250601.tif" in found.problems[0].message


def test_scan__no_folder(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        scan(tmp_path / "nowhere", profiles())


def test_to_stac__is_plain_json_and_repeats(tmp_path):
    draw(tmp_path / "PMS2M_20250601.tif", digital_numbers(1))
    draw(tmp_path / "SAR10M_20250602.tif", np.full((2, 50, 60), -900, "int16"), nodata=-32768)
    first = json.dumps(to_stac(scan(tmp_path, profiles())), allow_nan=False)
    assert first == json.dumps(to_stac(scan(tmp_path, profiles())), allow_nan=False)
    items = json.loads(first)["features"]
    assert [item["id"] for item in items] == ["PMS2M_20250601", "SAR10M_20250602"]
    west, south, east, north = items[0]["bbox"]
    assert 113.9 < west < east < 114.1  # central meridian of EPSG:4547 is 114 E
    assert 28.0 < south < north < 28.1
    assert items[0]["properties"]["datetime"] == "2025-06-01T03:00:00Z"
    assert items[0]["assets"]["data"]["file:checksum"].startswith("1220")


def test_profiles__every_file_is_valid_and_named_after_itself():
    names = [found.name for found in profiles()]
    assert names == sorted(names)
    assert set(names) >= {
        "pms2m", "msi10m", "sar10m", "rgb05m", "etm30m", "rgb8", "gray8_radar", "landsat8_c1",
    }  # fmt: skip


def test_profile__without_any_date_is_refused():
    text = "name: x\nkind: rgb\ngsd_m: 1\nbands: [{role: red, index: 1}]\ndtypes: [uint8]\nfile_pattern: '.*'\n"
    with pytest.raises(ConfigError, match="would have no date"):
        yaml_text.parse(text, SensorProfile, "x.yaml")


def test_real__taizhou(real_data):
    found = scan(real_data / "landsat_taizhou", [profile("etm30m")])
    assert [(scene.scene_id, str(scene.day)) for scene in found.scenes] == [
        ("2000TM", "2000-03-17"),
        ("2003TM", "2003-02-06"),
    ]
    assert {scene.grid.crs for scene in found.scenes} == {"EPSG:32651"}
    assert {problem.href for problem in found.problems} == {"change.bmp", "unchanged.bmp"}


def test_real__landsat8_folders(real_data):
    found = scan(real_data / "landsat8_ny_2018", [profile("landsat8_c1")])
    assert len(found.scenes) == 19
    assert found.problems == ()
    first = found.scenes[0]
    assert first.scene_id == "LC08_L1TP_014031_20180106"
    assert first.roles == ("blue", "green", "red", "nir", "swir1", "swir2")
    assert first.cloud_href.endswith("_BQA.TIF#landsat_c1_bqa")
    assert [scene.time for scene in found.scenes] == sorted(scene.time for scene in found.scenes)


def test_scan__links_to_folders_or_nowhere_are_named(tmp_path):
    images, store = tmp_path / "images", tmp_path / "store"
    draw(store / "PMS2M_20250601.tif", digital_numbers(1))
    images.mkdir()
    (images / "june").symlink_to(store)
    (images / "PMS2M_20250602.tif").symlink_to(tmp_path / "nowhere.tif")
    (images / "PMS2M_20250603.tif").symlink_to(store / "PMS2M_20250601.tif")
    found = scan(images, profiles())
    assert [scene.href for scene in found.scenes] == ["PMS2M_20250603.tif"]
    said = {problem.href: problem.message for problem in found.problems}
    assert "nowhere.tif, which is not there" in said["PMS2M_20250602.tif"]
    assert "a link to a folder" in said["june"]


def test_scan__a_file_that_the_system_does_not_give_is_a_problem(tmp_path, monkeypatch):
    for day in ("20250601", "20250602"):
        draw(tmp_path / f"PMS2M_{day}.tif", digital_numbers(int(day)))
    digest = opening.sha256_file

    def failing(path):
        if path.name == "PMS2M_20250602.tif":
            raise OSError(errno.EIO, "Input/output error")
        return digest(path)

    monkeypatch.setattr(opening, "sha256_file", failing)
    found = scan(tmp_path, profiles())
    assert [scene.scene_id for scene in found.scenes] == ["PMS2M_20250601"]
    assert "can not be read (Input/output error)" in found.problems[0].message
