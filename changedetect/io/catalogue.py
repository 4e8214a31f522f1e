"""A folder of images -> scenes and named problems; no file is skipped without a rule.

The rule: hidden files, and files with a suffix in `SIDE_FILES` (headers, texts, tables, sidecars),
are not images. Cloud masks belong to their image. Every other file is a scene or a problem.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from changedetect.config.sensors import SensorProfile
from changedetect.errors import InputError, SceneError
from changedetect.io.describe import describe
from changedetect.io.file_set import group_sets
from changedetect.records import Scene

SIDE_FILES = frozenset(
    {
        ".hdr", ".xml", ".txt", ".md", ".json", ".geojson", ".yaml", ".yml", ".csv", ".ovr", ".msk",
        ".tfw", ".prj", ".rpb", ".rpc", ".pdf", ".html", ".gpkg", ".shp", ".shx", ".dbf", ".cpg",
        ".sha256", ".md5", ".npy", ".ang",
    }
)  # fmt: skip
"""Suffixes of files that accompany images."""

_SIDE_NAMES = frozenset({"license", "licence", "readme", "checksums", "sha256sums", "md5sums"})


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that is no scene, and why; ``href`` as in `Scene`."""

    href: str
    message: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a folder holds.

    Attributes
    ----------
    folder
        What hrefs are relative to.
    scenes
        Sorted by time, then id.
    problems
        Sorted by href.
    sizes_bytes
        href of each scene -> size of its file or files. [byte]
    """

    folder: Path
    scenes: tuple[Scene, ...]
    problems: tuple[Problem, ...]
    sizes_bytes: Mapping[str, int]


def scan(folder: Path, profiles: Sequence[SensorProfile]) -> Catalogue:
    """Read the catalogue of a folder, subfolders included.

    Parameters
    ----------
    folder
        Where the images lie.
    profiles
        Tried in order; the first whose ``file_pattern`` fits the file's name counts.

    Returns
    -------
    Catalogue
        Independent of the order in which the file system lists files.

    Raises
    ------
    InputError
        The folder is not there.
    """
    if not folder.is_dir():
        msg = (
            f"{folder}: no such folder; images were expected there (scenes.folder of the job file)"
        )
        raise InputError(msg)
    files, problems = _listed(folder)
    scenes: list[Scene] = []
    masks = {path for path in files if _mask_suffix(path, profiles)}
    claimed: set[Path] = set()
    sets, singles = group_sets([path for path in files if path not in masks], profiles)
    jobs = [*sets, *((path, _profile_of(path, profiles)) for path in singles)]
    for path, profile in jobs:
        href = path.relative_to(folder).as_posix()
        if profile is None:
            problems.append(Problem(href, _unknown_message(href, profiles)))
            continue
        try:
            scene = describe(path, profile, href=href)
        except SceneError as error:
            problems.append(Problem(href, str(error)))
            claimed.update(mask for mask in masks if mask.stem.startswith(path.stem))
            continue
        scenes.append(scene)
        claimed.add(folder / scene.cloud_href)
    problems.extend(_orphan(mask, folder) for mask in sorted(masks - claimed))
    kept, repeated = _without_repeats(sorted(scenes, key=lambda scene: scene.href))
    return Catalogue(
        folder,
        tuple(sorted(kept, key=lambda scene: (scene.time, scene.scene_id))),
        tuple(sorted([*problems, *repeated], key=lambda problem: problem.href)),
        {
            scene.href: sum(path.stat().st_size for path in scene_files(folder, scene))
            for scene in kept
        },
    )


def _listed(folder: Path) -> tuple[list[Path], list[Problem]]:
    """List what is no side file; a link that leads nowhere or to a folder is a named problem."""
    problems: list[Problem] = []

    def closed(error: OSError) -> None:
        href = Path(error.filename).relative_to(folder).as_posix()
        message = f"{href}: this folder can not be read ({error.strerror}); check its permissions"
        problems.append(Problem(href, message))

    files: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=closed):
        for path in (Path(place) / name for name in (*folders, *names)):
            if _is_side(path, folder) or (path.is_dir() and not path.is_symlink()):
                continue
            href = path.relative_to(folder).as_posix()
            if path.is_dir():
                message = (
                    f"{href}: a link to a folder; links to folders are not followed: put the "
                    "images there themselves, or link each of them"
                )
                problems.append(Problem(href, message))
            elif not path.exists():
                message = f"{href}: a link to {path.readlink()}, which is not there; restore it"
                problems.append(Problem(href, message))
            elif path.is_file():
                files.append(path)
    return sorted(files), problems


def scene_files(folder: Path, scene: Scene) -> tuple[Path, ...]:
    """Return the image files of a scene (several for a file set), without its mask."""
    if "{band}" not in scene.href:
        return (folder / scene.href,)
    return tuple(folder / scene.href.replace("{band}", str(band.index)) for band in scene.bands)


def _is_side(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return hidden or path.suffix.lower() in SIDE_FILES or path.name.lower() in _SIDE_NAMES


def _mask_suffix(path: Path, profiles: Sequence[SensorProfile]) -> bool:
    return any(
        profile.cloud_suffix and path.suffix == ".tif" and path.stem.endswith(profile.cloud_suffix)
        for profile in profiles
    )


def _profile_of(path: Path, profiles: Sequence[SensorProfile]) -> SensorProfile | None:
    for profile in profiles:
        if re.match(profile.file_pattern, path.name):
            return profile
    return None


def _unknown_message(href: str, profiles: Sequence[SensorProfile]) -> str:
    known = ", ".join(profile.name for profile in profiles) or "none was given"
    return (
        f"{href}: its name fits the file_pattern of no sensor profile ({known}); rename it, add a profile under "
        "configs/sensors/, or move it out of the folder"
    )


def _orphan(mask: Path, folder: Path) -> Problem:
    href = mask.relative_to(folder).as_posix()
    return Problem(href, f"{href}: a cloud mask without its image; fetch the image or remove it")


def _without_repeats(scenes: list[Scene]) -> tuple[list[Scene], list[Problem]]:
    kept: list[Scene] = []
    problems: list[Problem] = []
    by_digest: dict[str, str] = {}
    by_name: dict[str, str] = {}
    for scene in scenes:
        digest = scene.sha256.partition(":")[0]
        if digest in by_digest:
            message = (
                f"{scene.href}: the same image as {by_digest[digest]} (sha256 {digest[:16]}…), under "
                "another name or date; remove one of them (同一影像重复)"
            )
            problems.append(Problem(scene.href, message))
            continue
        if scene.scene_id in by_name:
            message = (
                f"{scene.href}: the name {scene.scene_id} is taken by {by_name[scene.scene_id]} with "
                "other content; names are unique in a catalogue: rename one of them"
            )
            problems.append(Problem(scene.href, message))
            continue
        by_digest[digest] = scene.href
        by_name[scene.scene_id] = scene.href
        kept.append(scene)
    return kept, problems
