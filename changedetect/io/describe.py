"""One file and a sensor profile -> a scene, or a named reason why not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from rasterio.io import DatasetReader

from changedetect.config.sensors import SensorProfile
from changedetect.errors import SceneError
from changedetect.grid import Grid
from changedetect.io.georeference import PLAIN, grid_of
from changedetect.io.opening import check_structure, digest_of_file, open_raster
from changedetect.io.scene_time import scene_time
from changedetect.records import Band, Scene

_SUN_ELEVATION = ("SUN_ELEVATION", "SolarElevation")
_SUN_AZIMUTH = ("SUN_AZIMUTH", "SolarAzimuth")
_OFF_NADIR = ("OFF_NADIR", "OffNadir", "ROLL_ANGLE")


def describe(path: Path, profile: SensorProfile, *, href: str = "") -> Scene:
    """Describe one image by its profile; everything that would make it useless is refused here.

    Parameters
    ----------
    path
        The image; a cloud mask is looked for beside it.
    profile
        What the file must hold.
    href
        Path for the record; by default the file's name.

    Returns
    -------
    Scene
        With the SHA-256 of the file (and of its mask).

    Raises
    ------
    SceneError
        Unreadable, cut short, bands missing, wrong number type, complex numbers, no or rotated
        georeference, no date, scale or no-data that contradict the profile.
    """
    if profile.is_file_set:
        from changedetect.io.file_set import describe_set  # noqa: PLC0415 - the two know one another

        return describe_set(path, profile, href=href)
    href = href or path.name
    with open_raster(path) as dataset:
        check_bands(dataset, profile, href)
        nodata = agreed_nodata(dataset.nodatavals[0], profile, href)
        check_structure(dataset, path, nodata_known=nodata is not None)
        check_scales(dataset, profile, href)
        tags = dataset.tags()
        scene = Scene(
            scene_id=path.stem if path.suffix else path.name,
            sensor=profile.name,
            kind=profile.kind,
            time=scene_time(path.name, tags, profile),
            href=href,
            grid=grid_of(dataset, href),
            bands=scene_bands(profile),
            dtype=dataset.dtypes[profile.bands[0].index - 1],
            nodata=nodata,
            gsd_m=profile.gsd_m,
            sha256="",
            off_nadir_deg=_number(tags, _OFF_NADIR),
            sun_elevation_deg=_number(tags, _SUN_ELEVATION),
            sun_azimuth_deg=_number(tags, _SUN_AZIMUTH),
        )
    return _with_digest(scene, path, profile)


def scene_bands(profile: SensorProfile) -> tuple[Band, ...]:
    """Return the bands of a profile as records."""
    return tuple(Band(band.role, band.index, band.scale, band.offset) for band in profile.bands)


def cloud_path(path: Path, profile: SensorProfile) -> Path | None:
    """Return the cloud mask beside an image, or None where there is none."""
    if not profile.cloud_suffix:
        return None
    mask = path.with_name(f"{path.stem}{profile.cloud_suffix}.tif")
    return mask if mask.is_file() else None


def check_bands(dataset: DatasetReader, profile: SensorProfile, name: str) -> None:
    """Refuse a file whose bands or number types are not those of its profile.

    Raises
    ------
    SceneError
        The message names what was found and what was expected.
    """
    if any(np.dtype(dtype).kind == "c" for dtype in dataset.dtypes if "complex" in dtype):
        msg = (
            f"{name}: complex numbers ({dataset.dtypes[0]}); single-look complex radar can not be "
            "used: make a detected, terrain-corrected product first"
        )
        raise SceneError(msg)
    needed = max(band.index for band in profile.bands)
    if dataset.count < needed:
        roles = ", ".join(band.role for band in profile.bands)
        msg = (
            f"{name}: {dataset.count} bands found, {needed} expected by profile {profile.name} "
            f"({roles}); fetch the whole product or choose another profile"
        )
        raise SceneError(msg)
    found = {dataset.dtypes[band.index - 1] for band in profile.bands}
    if not found <= set(profile.dtypes):
        msg = (
            f"{name}: numbers of type {', '.join(sorted(found))} found, "
            f"{' or '.join(profile.dtypes)} expected by profile {profile.name}"
        )
        raise SceneError(msg)


def check_scales(dataset: DatasetReader, profile: SensorProfile, name: str) -> None:
    """Refuse a file that declares another scale or offset than its profile.

    Raises
    ------
    SceneError
        One of the two is wrong, and using either would give wrong reflectances.
    """
    for band in profile.bands:
        scale, offset = dataset.scales[band.index - 1], dataset.offsets[band.index - 1]
        if (scale, offset) == (1.0, 0.0):
            continue
        if not (np.isclose(scale, band.scale) and np.isclose(offset, band.offset)):
            msg = (
                f"{name}: band {band.index} declares scale {scale} and offset {offset}, profile "
                f"{profile.name} says {band.scale} and {band.offset}; correct the profile"
            )
            raise SceneError(msg)


def agreed_nodata(found: float | None, profile: SensorProfile, name: str) -> float | None:
    """Return the no-data value on which the file and its profile agree.

    Raises
    ------
    SceneError
        Both declare one, and they differ.
    """
    if found is None or profile.nodata is None:
        return profile.nodata if found is None else float(found)
    if found != profile.nodata and not (np.isnan(found) and np.isnan(profile.nodata)):
        msg = (
            f"{name}: no-data value {found} declared by the file, {profile.nodata} by profile "
            f"{profile.name}; correct one of them"
        )
        raise SceneError(msg)
    return float(found)


def _with_digest(scene: Scene, path: Path, profile: SensorProfile) -> Scene:
    mask = cloud_path(path, profile)
    digest = digest_of_file(path)
    if mask is None:
        return replace(scene, sha256=digest)
    check_mask(mask, scene.grid)
    cloud_href = (Path(scene.href).parent / mask.name).as_posix()
    return replace(scene, sha256=f"{digest}:{digest_of_file(mask)}", cloud_href=cloud_href)


def check_mask(mask: Path, grid: Grid) -> None:
    """Refuse a cloud mask that is none, or that does not cover its image.

    Parameters
    ----------
    mask
        The file.
    grid
        Of the image.

    Raises
    ------
    SceneError
        The message names what was found and what was expected.
    """
    with open_raster(mask) as dataset:
        if dataset.count != 1 or dataset.dtypes[0] != "uint8":
            msg = (
                f"{mask.name}: {dataset.count} bands of {dataset.dtypes[0]} found; a cloud mask of one "
                "uint8 band was expected (0 clear, 1 cloud, 2 shadow)"
            )
            raise SceneError(msg)
        check_structure(dataset, mask, nodata_known=True)
        size = Grid("", PLAIN, dataset.width, dataset.height)
        found = grid_of(dataset, mask.name) if grid.crs else size
    if found.crs != grid.crs:
        msg = (
            f"{mask.name}: a cloud mask in {found.crs}, its image is in {grid.crs}; make the mask "
            "from this image"
        )
        raise SceneError(msg)
    slack = max(found.resolution, grid.resolution)  # a coarser mask may end within its last pixel
    (west, south, east, north), (w, s, e, n) = found.bounds, grid.bounds
    if max(west - w, south - s, e - east, n - north) > slack:
        msg = (
            f"{mask.name}: the cloud mask covers {found.bounds}, its image {grid.bounds} (west, "
            "south, east, north); ground without mask would be taken for clear: make the mask "
            "from this image (云掩膜未覆盖影像)"
        )
        raise SceneError(msg)


def _number(tags: dict[str, str], names: tuple[str, ...]) -> float | None:
    for name in names:
        if name in tags:
            try:
                value = float(tags[name])
            except ValueError:
                return None
            return value if np.isfinite(value) else None
    return None
