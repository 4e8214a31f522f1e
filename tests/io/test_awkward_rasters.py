"""Awkward real images: each gives a right reading or a clear refusal; expectations by hand."""

import numpy as np
import pytest

from changedetect.errors import SceneError
from changedetect.io.describe import describe
from changedetect.io.describe_plain import NO_DATE, describe_plain
from changedetect.io.rasters import RasterReader
from tests.io.drawn_images import profile

REFUSED = {
    "RSAT_imageryC_HH.tif": "complex numbers",
    "cog_gcps.tif": "control points only",
    "cog_scale.tif": "coordinate system .* has no EPSG code",
    "cog_tags.tif": "coordinate system .* has no EPSG code",
    "float_raster_with_extra_nodata.tif": "has no EPSG code",
    "inverted_lat.tif": "south-up",
    "odc/au-3577-rotated.tif": "rotated",
    "odc/au-gcp.tif": "control points only",
    "spot5SubWithGcps.tif": "control points only",
}

# name -> CRS, bands used, share of pixels observed in the first band
READ = {
    "RGBA.uint16.tif": ("EPSG:32612", ("blue", "green", "red"), (0.2, 0.9)),
    "all-nodata.tif": ("EPSG:32628", ("blue", "green", "red", "nir"), (0.0, 0.0)),
    "cog_dateline.tif": ("EPSG:32660", ("intensity",), (0.99, 1.0)),
    "cog_nodata_nan.tif": ("EPSG:32610", ("intensity",), (0.45, 0.55)),
    "cog_rgb_mask.tif": ("EPSG:26913", ("red", "green", "blue"), (0.3, 0.999)),
    "hro_sources/colorado/201404_13SED190110_201404_0x1500m_CL_1.tif": (
        "EPSG:26913", ("red", "green", "blue"), (0.99, 1.0),
    ),
    "noweb.tif": ("EPSG:3857", ("intensity",), (1.0, 1.0)),
    # no coordinate system: quick looks by row and column, with a notice; never in a catalogue
    "CloudsOnReunion.tif": ("", ("blue", "green", "red", "nir"), (1.0, 1.0)),
    "ExtrZoneNuageuse.tif": ("", ("blue", "green", "red", "nir"), (1.0, 1.0)),
    "phr_pan.tif": ("", ("intensity",), (1.0, 1.0)),
    "phr_xs.tif": ("", ("blue", "green", "red", "nir"), (1.0, 1.0)),
    "rotated.tif": ("", ("intensity",), (1.0, 1.0)),
    "odc/au-3577.tif": ("EPSG:3577", ("intensity",), (0.3, 0.9)),
    "pix4d/pix4d_alpha_nodata.tif": ("EPSG:32750", ("red", "green", "blue"), (0.3, 0.9)),
    "rgbn.tif": ("EPSG:32618", ("red", "green", "blue", "nir"), (1.0, 1.0)),
    "rgbn_suba.tif": ("EPSG:32618", ("red", "green", "blue", "nir"), (0.3, 0.999)),
    "rgbn_subb.tif": ("EPSG:32618", ("red", "green", "blue", "nir"), (1.0, 1.0)),
    # ESRI's text of EPSG:5070 is recognised
    "test_esri_wkt.tif": ("EPSG:5070", ("intensity",), (1.0, 1.0)),
    "s1a-iw1-slc-vv-20170111_Burst0_amp.tif": ("", ("intensity",), (1.0, 1.0)),
}  # fmt: skip

DAMAGED = {"corrupt.tif": r"block 1,1 of band 1 ends at byte 307086, but the file has 298232"}


def test_every_file_has_an_expectation(real_data):
    folder = real_data / "awkward_rasters"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.tif")}
    assert names == set(REFUSED) | set(READ) | set(DAMAGED)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(real_data, name):
    with pytest.raises(SceneError, match=REFUSED[name]) as caught:
        describe_plain(real_data / "awkward_rasters" / name, None)
    assert name.rpartition("/")[2] in str(caught.value)


@pytest.mark.parametrize("name", READ)
def test_read(real_data, name):
    crs, roles, (low, high) = READ[name]
    path = real_data / "awkward_rasters" / name
    scene, notices = describe_plain(path, None)
    assert (scene.grid.crs, scene.roles) == (crs, roles)
    assert any("no sensor profile given" in notice for notice in notices)
    found = RasterReader(path.parent).read(scene, scene.grid, scene.grid.window)
    observed = float((~np.isnan(found[0])).mean())
    assert low <= observed <= high


@pytest.mark.parametrize("name", [name for name, (crs, _, _) in READ.items() if not crs])
def test_catalogue__refuses_what_has_no_coordinate_system(real_data, name):
    path = real_data / "awkward_rasters" / name
    scene, _ = describe_plain(path, None)
    wanted = profile("rgb8").model_copy(
        update={
            "bands": profile("rgb8").bands[:1],
            "dtypes": (scene.dtype,),
            "file_pattern": r"^.*?(?P<date>\d{8})?",
        }
    )
    with pytest.raises(SceneError, match=r"no coordinate system|no date"):
        describe(path, wanted)


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged(real_data, name):
    path = real_data / "awkward_rasters" / name
    with pytest.raises(SceneError, match=DAMAGED[name]):
        describe_plain(path, None)


def test_plain__levir_has_no_georeference(real_data):
    scene, notices = describe_plain(
        real_data / "levir_samples" / "A" / "test_102_0512_0000.png",
        profile("rgb8").model_copy(update={"file_pattern": r"^.*(?P<date>x)?\.png$"}),
    )
    assert (scene.grid.crs, scene.grid.width, scene.time) == ("", 256, NO_DATE)
    wanted = ("no georeference", "no date", "no cloud mask")
    assert [next(w for w in wanted if w in notice) for notice in notices] == list(wanted)
    reader = RasterReader(real_data / "levir_samples" / "A")
    found = reader.read(scene, scene.grid, scene.grid.window)
    assert found.shape == (3, 256, 256)
    assert 0.0 <= found.min() < found.max() <= 1.0


def test_plain__grey_pictures_in_three_bands_are_one(real_data):
    scene, notices = describe_plain(real_data / "sar_pairs" / "bern_1.bmp", None)
    assert (scene.kind, scene.roles) == ("radar", ("intensity",))
    assert any("the same picture" in notice for notice in notices)


def test_describe__the_catalogue_wants_a_georeference(real_data):
    path = real_data / "levir_samples" / "A" / "test_102_0512_0000.png"
    wanted = profile("rgb8").model_copy(update={"time_tags": ("ACQUISITION_TIME",)})
    with pytest.raises(SceneError, match=r"no date|no coordinate system"):
        describe(path, wanted)
