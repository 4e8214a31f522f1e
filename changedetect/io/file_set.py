"""Products that come as one file a band (Landsat): grouped, checked together, one scene each.

The href of such a scene holds ``{band}``, which stands for the number of a band; the mask's href
ends in ``#`` and its coding.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from changedetect.config.sensors import SensorProfile
from changedetect.errors import SceneError
from changedetect.grid import Grid
from changedetect.io.digest import sha256_file, sha256_files
from changedetect.io.georeference import grid_of
from changedetect.io.opening import check_structure, open_raster
from changedetect.io.scene_time import scene_time
from changedetect.records import Band, Scene


def group_sets(
    files: Sequence[Path], profiles: Sequence[SensorProfile]
) -> tuple[list[tuple[Path, SensorProfile]], list[Path]]:
    """Split files into sets (their path with ``{band}``) and single files.

    Returns
    -------
    tuple
        Sets with their profile, sorted, and what belongs to none.
    """
    sets: dict[Path, SensorProfile] = {}
    singles: list[Path] = []
    for path in files:
        for profile in profiles:
            match = re.match(profile.file_pattern, path.name)
            if match is None:
                continue
            if profile.is_file_set:
                start, end = match.span("band")
                sets[path.with_name(f"{path.name[:start]}{{band}}{path.name[end:]}")] = profile
            else:
                singles.append(path)
            break
        else:
            singles.append(path)
    return sorted(sets.items()), singles


def describe_set(path: Path, profile: SensorProfile, *, href: str = "") -> Scene:
    """Describe a set of files as one scene.

    Parameters
    ----------
    path
        Path with ``{band}``, or any file of the set.
    profile
        A profile whose pattern has a group ``band``.

    Raises
    ------
    SceneError
        A band is missing or differs from the others in type or place; see `describe`.
    """
    template = _template(path, profile)
    href = href or template.name
    files = [Path(str(template).replace("{band}", str(band.index))) for band in profile.bands]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        msg = f"{href}: bands missing: {', '.join(missing)}; fetch the whole product"
        raise SceneError(msg)
    grids, tags = _look_at(files, profile)
    if len(set(grids)) != 1:
        msg = f"{href}: its bands lie on {len(set(grids))} different grids; fetch the product again"
        raise SceneError(msg)
    mask = Path(str(template).replace("{band}", profile.cloud_band)) if profile.cloud_band else None
    try:
        digest = sha256_files(files)
    except OSError as error:
        msg = f"{href}: can not be read ({error}); check its permissions and the disk"
        raise SceneError(msg) from error
    cloud_href = ""
    if mask is not None and mask.is_file():
        digest = f"{digest}:{sha256_file(mask)}"
        cloud_href = f"{href.replace('{band}', profile.cloud_band)}#{profile.cloud_coding}"
    return Scene(
        scene_id=template.stem.replace("_B{band}", "").replace("{band}", ""),
        sensor=profile.name,
        kind=profile.kind,
        time=scene_time(files[0].name, tags, profile),
        href=href,
        grid=grids[0],
        bands=tuple(Band(b.role, b.index, b.scale, b.offset) for b in profile.bands),
        dtype=profile.dtypes[0],
        nodata=profile.nodata,
        gsd_m=profile.gsd_m,
        sha256=digest,
        cloud_href=cloud_href,
    )


def _look_at(files: list[Path], profile: SensorProfile) -> tuple[list[Grid], dict[str, str]]:
    """Check each file of a set; return their grids and the metadata of the last."""
    grids: list[Grid] = []
    tags: dict[str, str] = {}
    for file in files:
        with open_raster(file) as dataset:
            if dataset.count != 1 or dataset.dtypes[0] != profile.dtypes[0]:
                msg = (
                    f"{file.name}: {dataset.count} bands of {dataset.dtypes[0]} found, one of "
                    f"{profile.dtypes[0]} expected by profile {profile.name}"
                )
                raise SceneError(msg)
            check_structure(dataset, file, nodata_known=profile.nodata is not None)
            grids.append(grid_of(dataset, file.name))
            tags = dataset.tags()
    return grids, tags


def _template(path: Path, profile: SensorProfile) -> Path:
    if "{band}" in path.name:
        return path
    match = re.match(profile.file_pattern, path.name)
    if match is None:
        msg = f"{path.name}: its name does not fit profile {profile.name} ({profile.file_pattern})"
        raise SceneError(msg)
    start, end = match.span("band")
    return path.with_name(f"{path.name[:start]}{{band}}{path.name[end:]}")
