"""Quick looks: any image as a scene, with a notice for everything that had to be assumed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Literal

import numpy as np
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from changedetect.config.sensors import SensorProfile
from changedetect.errors import SceneError
from changedetect.grid import Grid
from changedetect.io.describe import (
    agreed_nodata,
    check_bands,
    check_mask,
    check_scales,
    cloud_path,
    scene_bands,
)
from changedetect.io.georeference import PLAIN, grid_of, is_georeferenced
from changedetect.io.opening import check_structure, digest_of_file, open_raster
from changedetect.io.scene_time import parse_time
from changedetect.records import Band, Scene

Kind = Literal["optical", "radar", "rgb"]

_GUESSES: Mapping[int, tuple[Kind, tuple[str, ...]]] = {
    1: ("radar", ("intensity",)),
    2: ("radar", ("vv", "vh")),
    3: ("rgb", ("red", "green", "blue")),
    4: ("optical", ("blue", "green", "red", "nir")),
    6: ("optical", ("blue", "green", "red", "nir", "swir1", "swir2")),
    7: ("optical", ("blue", "green", "red", "rededge", "nir", "swir1", "swir2")),
}
"""Number of bands -> what they probably are."""

_SCALES: Mapping[str, float] = {"uint8": 1.0 / 255.0, "uint16": 1e-4, "int16": 1e-4}
"""Number type -> usual scale of optical products."""

NO_DATE = datetime(1970, 1, 1, tzinfo=UTC)
"""Time of a scene whose date is not known (quick looks only)."""

_SAMPLE_PX = 512


def describe_plain(path: Path, profile: SensorProfile | None) -> tuple[Scene, tuple[str, ...]]:
    """Describe an image for a quick look.

    Parameters
    ----------
    path
        Image in an allowed format, with or without georeference.
    profile
        What its bands are; None to guess from their number.

    Returns
    -------
    tuple
        The scene (``href`` is the file's name; without georeference its grid has an empty CRS and
        one unit a pixel; without a date its time is `NO_DATE`) and one notice per assumption.

    Raises
    ------
    SceneError
        Unreadable, cut short, complex numbers, bands that fit no guess, or not the profile's;
        placed by control points or rotated.
    """
    notices: list[str] = []
    name = path.name
    with open_raster(path) as dataset:
        _refuse_complex(dataset, name)
        if profile is not None:
            check_bands(dataset, profile, name)
            check_scales(dataset, profile, name)
            kind: Kind = profile.kind
            bands = scene_bands(profile)
            nodata = agreed_nodata(dataset.nodatavals[0], profile, name)
        else:
            kind, bands = _guess(dataset, name, notices)
            nodata = _declared_nodata(dataset)
        unwritten = check_structure(dataset, path, nodata_known=True)
        if unwritten and nodata is None:
            nodata = 0.0
            notices.append(
                f"{name}: {unwritten} blocks were never written and no no-data value is known; 0 is "
                "taken for not observed"
            )
        if nodata is None and kind != "radar":
            _count_black(dataset, bands, name, notices)
        grid = _grid(dataset, name, notices)
        scene = Scene(
            scene_id=path.stem if path.suffix else name,
            sensor=profile.name if profile else "plain",
            kind=kind,
            time=_time(name, dataset.tags(), profile, notices),
            href=name,
            grid=grid,
            bands=bands,
            dtype=dataset.dtypes[bands[0].index - 1],
            nodata=nodata,
            gsd_m=profile.gsd_m if profile else grid.resolution,
            sha256=digest_of_file(path),
        )
    return _with_cloud(scene, path, profile, notices), tuple(notices)


def _with_cloud(
    scene: Scene, path: Path, profile: SensorProfile | None, notices: list[str]
) -> Scene:
    """Take the cloud mask beside the image; say whether there is one."""
    mask = cloud_path(path, profile) if profile else None
    if mask is None:
        if scene.kind != "radar":
            notices.append(
                f"{scene.href}: no cloud mask: only thick clouds are recognised, in fine images; "
                "others may show as change (无云掩膜，仅识别高分影像中的厚云，其余可能被当作变化)"
            )
        return scene
    check_mask(mask, scene.grid)
    notices.append(f"{scene.href}: clouds are taken from {mask.name}")
    return replace(scene, sha256=f"{scene.sha256}:{digest_of_file(mask)}", cloud_href=mask.name)


def _count_black(
    dataset: DatasetReader, bands: Sequence[Band], name: str, notices: list[str]
) -> None:
    """Say how many pixels are taken for not observed because they are 0 in all bands."""
    if len(bands) == 1 or MaskFlags.per_dataset in dataset.mask_flag_enums[0]:
        return
    indexes, black = [band.index for band in bands], 0
    for row in range(0, dataset.height, _SAMPLE_PX):
        rows = (row, min(row + _SAMPLE_PX, dataset.height))
        try:
            strip = dataset.read(indexes, window=(rows, (0, dataset.width)))
        except RasterioError:  # tiles there fail by name later
            continue
        black += int((strip == 0).all(axis=0).sum())
    if black:
        notices.append(
            f"{name}: no no-data value is declared; {black} pixels that are 0 in all bands are taken "
            "for not observed (未声明无效值，全零像元按未监测处理)"
        )


def _declared_nodata(dataset: DatasetReader) -> float | None:
    value = dataset.nodatavals[0]
    return None if value is None else float(value)


def _refuse_complex(dataset: DatasetReader, name: str) -> None:
    if any(dtype.startswith("complex") for dtype in dataset.dtypes):
        msg = (
            f"{name}: complex numbers ({dataset.dtypes[0]}); make a detected product of it first "
            "(amplitude or intensity)"
        )
        raise SceneError(msg)


def _grid(dataset: DatasetReader, name: str, notices: list[str]) -> Grid:
    if is_georeferenced(dataset) or dataset.gcps[0] or dataset.crs is not None:
        return grid_of(dataset, name)
    notices.append(
        f"{name}: no georeference; pixels are compared by their row and column, sizes are in pixels "
        "(影像无坐标, 仅供快速查看)"
    )
    return Grid("", PLAIN, dataset.width, dataset.height)


def _guess(dataset: DatasetReader, name: str, notices: list[str]) -> tuple[Kind, tuple[Band, ...]]:
    indexes = [
        index
        for index, meaning in zip(dataset.indexes, dataset.colorinterp, strict=True)
        if meaning is not ColorInterp.alpha
    ]
    if len(indexes) == 3 and _all_equal(dataset, indexes):  # noqa: PLR2004 - red, green, blue
        indexes = indexes[:1]
        notices.append(f"{name}: its three bands are the same picture; one of them is used")
    if len(indexes) not in _GUESSES:
        msg = (
            f"{name}: {len(indexes)} bands, which fit no usual sensor "
            f"({', '.join(map(str, _GUESSES))} bands do); name a sensor profile (--sensor)"
        )
        raise SceneError(msg)
    kind, roles = _GUESSES[len(indexes)]
    roles = _by_colour(dataset, indexes, roles)
    notices.append(
        f"{name}: no sensor profile given; its bands are taken for {', '.join(roles)} ({kind})"
    )
    bands = tuple(
        Band(role, index, *_scale(dataset, index, kind))
        for role, index in zip(roles, indexes, strict=True)
    )
    if any(band.scale != 1 or band.offset != 0 for band in bands):
        notices.append(
            f"{name}: stored numbers are multiplied by {bands[0].scale:.6g} and {bands[0].offset:g} "
            "is added (declared by the file, or usual for its number type)"
        )
    return kind, bands


def _by_colour(
    dataset: DatasetReader, indexes: list[int], roles: tuple[str, ...]
) -> tuple[str, ...]:
    """Take the colours that the file declares; the fourth band of such a file is infrared."""
    names = [dataset.colorinterp[index - 1].name for index in indexes]
    if set(names[:3]) != {"red", "green", "blue"} or len(names) not in {3, 4}:
        return roles
    return (*names[:3], "nir")[: len(names)]


def _scale(dataset: DatasetReader, index: int, kind: Kind) -> tuple[float, float]:
    scale, offset = float(dataset.scales[index - 1]), float(dataset.offsets[index - 1])
    if (scale, offset) != (1.0, 0.0) or kind == "radar":
        return scale, offset
    return _SCALES.get(dataset.dtypes[index - 1], 1.0), 0.0


def _all_equal(dataset: DatasetReader, indexes: list[int]) -> bool:
    rows, cols = min(dataset.height, _SAMPLE_PX), min(dataset.width, _SAMPLE_PX)
    try:
        sample = dataset.read(indexes, window=((0, rows), (0, cols)))
    except RasterioError as error:
        msg = f"{dataset.name}: its first {rows} rows can not be read ({error}); fetch it again"
        raise SceneError(msg) from error
    return bool((sample == sample[0]).all() and np.ptp(sample[0]) > 0)


def _time(
    name: str, tags: Mapping[str, str], profile: SensorProfile | None, notices: list[str]
) -> datetime:
    assumed = time.fromisoformat(profile.assumed_time_utc if profile else "03:00:00")
    wanted = profile.time_tags if profile else ("ACQUISITION_TIME",)
    found = [parse_time(tags[tag], assumed) for tag in wanted if tag in tags]
    moment = next((value for value in [*found, parse_time(name, assumed)] if value), None)
    if moment is None:
        notices.append(f"{name}: no date in its metadata or name; the order given is taken as time")
        return NO_DATE
    return moment
