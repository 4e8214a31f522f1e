"""The cross-check county by county: of records, patches and units only one county is in memory.

What crosses a county border is small: a cluster is joined from pairs of numbers, a patch on a
border is split alike from either side, and each county keeps the parts that are its own.
"""

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from changedetect.casepackage.charges import Charge
from changedetect.config.crosscheck import CrosscheckSection
from changedetect.config.themes import Theme
from changedetect.io import record_files
from changedetect.io.block_store import BlockStore, Bounds
from changedetect.pipeline.runs.job import Job
from changedetect.pipeline.runs.territory import Territory
from changedetect.pipeline.steps.classified import walk_classified
from changedetect.pipeline.steps.references import Shelf
from changedetect.records import Unit, Verdict
from changedetect.stages import crosscheck

_SHELF = ".shelf-"

MARGIN_M = 1000.0
"""How far beyond a county's box is read: watched ground may stand out over a border by less than a
border sliver, which is not as long as that. [m]"""


@contextmanager
def shelf_folder(run: Path) -> Iterator[Path]:
    """Give a folder under a run that is gone afterwards; one of a killed run is removed."""
    for left in run.glob(f"{_SHELF}*"):
        shutil.rmtree(left, ignore_errors=True)
    with TemporaryDirectory(prefix=_SHELF, dir=run) as folder:
        yield Path(folder)


class PatchShelf:
    """The classified patches of a month on disk, read again by county.

    Parameters
    ----------
    path
        Classified patches, in the grid's CRS.
    territory
        Counties.
    folder
        Where they are kept.
    """

    __slots__ = ("_codes", "_crs", "_home", "_store", "_stray_box", "_strays", "_territory")

    def __init__(self, path: Path, territory: Territory, folder: Path) -> None:
        order = territory.districts.sort_values("code", kind="stable")
        self._territory = territory
        self._codes = order["code"].astype(str).to_numpy()
        tree = shapely.STRtree(order.geometry.to_numpy())
        homes, store, stray = [], None, np.full(4, np.nan)
        for part in walk_classified(path):
            store = store or BlockStore(folder / "patches.blocks", part)
            shapes = part.geometry.to_numpy()
            homes.append(_homes(shapes, tree))
            boxes = shapely.bounds(shapes[homes[-1] < 0])
            stray[:2] = np.fmin(stray[:2], np.fmin.reduce(boxes[:, :2], initial=np.nan))
            stray[2:] = np.fmax(stray[2:], np.fmax.reduce(boxes[:, 2:], initial=np.nan))
            store.add(part)
        assert store is not None
        self._store = store
        home = np.concatenate([*homes, np.empty(0, np.int32)])
        self._home = np.where(home < 0, ~home, home)
        self._strays = np.flatnonzero(home < 0)
        self._stray_box = _bounds_of(stray)

    @property
    def count(self) -> int:
        """Patches in all counties."""
        return self._store.rows

    def near(self, bounds: Bounds) -> gpd.GeoDataFrame:
        """Read the patches whose box meets another, by their number."""
        return self._store.near(bounds)

    def of_county(self, code: str, bounds: Bounds) -> tuple[gpd.GeoDataFrame, frozenset[str]]:
        """Read the patches of a county and of its neighbourhood.

        Returns
        -------
        tuple
            Patches around the county, and the ids of those whose ground outside every county is
            looked at together with it: of patches in several counties the first by code, of
            patches in none the nearest.
        """
        found = self.near(bounds)
        mine = [
            number for number in self._strays.tolist() if self._codes[self._home[number]] == code
        ]
        if mine:
            far = self._store.numbered(np.array(mine))
            found = gpd.GeoDataFrame(pd.concat([found, far[~far.index.isin(found.index)]]))
            found = found.sort_index()
        home = self._codes[self._home[found.index.to_numpy()]] == code
        return found, frozenset(found["patch_id"][home])

    def clusters(self, themes: Sequence[Theme], cfg: CrosscheckSection) -> "Clusters":
        """Count, for each theme that asks, the patches in the cluster of each patch."""
        sizes = {}
        for theme in themes:
            if theme.cluster is None or not theme.sees_patches:
                continue
            pairs = [
                crosscheck.links(self.near(_grown(box, theme.cluster.within_m)), theme, cfg)
                for box in self._boxes()
            ]
            left, right = (np.concatenate([pair[k] for pair in pairs]) for k in (0, 1))
            counts = crosscheck.group_sizes(left, right, self.count).astype(np.int32)
            counts[~np.isin(np.arange(self.count), right)] = 0
            sizes[theme.code] = counts
        return Clusters(sizes)

    def _boxes(self) -> list[Bounds]:
        """Return boxes that hold every patch: those of the counties, and of what lies in none."""
        boxes = [tuple(shape.bounds) for shape in self._territory.districts.geometry]
        if len(self._strays):
            boxes.append(self._stray_box)
        return boxes


@dataclass(frozen=True, slots=True)
class Clusters:
    """Theme code -> patches in the cluster of each patch, by its number; 0 = it does not count."""

    sizes: dict[str, np.ndarray]

    def of(self, patches: gpd.GeoDataFrame) -> dict[str, dict[str, int]]:
        """Return patch id -> theme code -> size, of patches with their number as index."""
        found: dict[str, dict[str, int]] = {}
        for code, sizes in self.sizes.items():
            mine = sizes[patches.index.to_numpy()]
            for patch, size in zip(patches["patch_id"], mine.tolist(), strict=True):
                if size:
                    found.setdefault(str(patch), {})[code] = size
        return found


def _homes(shapes: np.ndarray, tree: shapely.STRtree) -> np.ndarray:
    """Return the first county of each shape; of one in no county the complement of the nearest."""
    home = np.full(len(shapes), np.iinfo(np.int32).max, np.int32)
    shape, county = tree.query(shapes, predicate="intersects")
    np.minimum.at(home, shape, county.astype(np.int32))
    alone = np.flatnonzero(home == np.iinfo(np.int32).max)
    for number in alone.tolist():
        home[number] = ~np.int32(tree.query_nearest(shapes[number]).min())
    return home


def _grown(box: Bounds, by_m: float) -> Bounds:
    return box[0] - by_m, box[1] - by_m, box[2] + by_m, box[3] + by_m


@dataclass(frozen=True, slots=True)
class Spooled:
    """What a county gave, on disk.

    Attributes
    ----------
    kind
        ``patches`` or ``watched``: what its units rest on.
    files
        ``units`` and ``charges`` -> file.
    units, findings
        How many units, and how many findings of each verdict.
    """

    kind: str
    files: Mapping[str, Path]
    units: int
    findings: Mapping[str, int]


def spooled(
    folder: Path, code: str, kind: str, units: Sequence[Unit], charges: Sequence[Charge]
) -> Spooled:
    """Write units and charges of a county into a folder."""
    files = {}
    for what, records, of in (("units", units, Unit), ("charges", charges, Charge)):
        files[what] = folder / f"{code}-{kind}-{what}.json"
        record_files.write_records(files[what], records, of)
    findings = Counter(found.verdict.value for unit in units for found in unit.findings)
    return Spooled(kind, files, len(units), findings)


@dataclass(slots=True)
class Spool:
    """Units and charges of the counties that are done, on disk; counts of all of them."""

    units: int = 0
    watched: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    cropland_m2: dict[str, float] = field(default_factory=dict)
    _files: dict[str, list[Path]] = field(default_factory=dict)

    def add(self, part: Spooled) -> None:
        """Take over what a county gave."""
        for what, path in part.files.items():
            self._files.setdefault(f"{part.kind}-{what}", []).append(path)
        self.units += part.units
        self.watched += part.units if part.kind == "watched" else 0
        self.findings.update(part.findings)

    def publish(self, units: Path, charges: Path) -> None:
        """Write all units and charges: those of patches by id, then those of watched ground."""
        for path, what in ((units, "units"), (charges, "charges")):
            groups = [self._files.get(f"{kind}-{what}", []) for kind in ("patches", "watched")]
            record_files.merge_records(path, groups)

    def facts(self) -> dict[str, object]:
        """Return the figures of the step."""
        return {
            "units": self.units,
            "watched": self.watched,
            "findings": sum(self.findings.values()),
            **{verdict.value: self.findings[verdict.value] for verdict in Verdict},
        }


@dataclass(frozen=True, slots=True)
class County:
    """A county whose patches are being checked.

    Attributes
    ----------
    code, bounds
        Of the county; the box reaches a little beyond it.
    patches
        In it and around it, by number.
    references
        Land records around it.
    units
        Of its patches.
    """

    code: str
    bounds: Bounds
    patches: gpd.GeoDataFrame
    references: crosscheck.References
    units: tuple[Unit, ...]


def check_counties(
    job: Job, territory: Territory, shelf: Shelf, patches: PatchShelf, clusters: Clusters
) -> Iterator[County]:
    """Check county after county, in order of their codes; a code in several rows is one county."""
    for code in codes_of(territory):
        county = checked(code, job, territory, (shelf, patches, clusters))
        yield county
        del county  # before the next one is read: two would be in memory


def codes_of(territory: Territory) -> list[str]:
    """Return the codes of the counties, in order; a code in several rows is one county."""
    return sorted(set(territory.districts["code"].astype(str)))


def bounds_of(code: str, territory: Territory) -> Bounds:
    """Return the box of a county, which reaches a little beyond it."""
    districts = territory.districts
    own = districts[districts["code"].astype(str) == code]
    return _grown(_bounds_of(own.total_bounds), MARGIN_M)


def checked(
    code: str, job: Job, territory: Territory, shelves: tuple[Shelf, PatchShelf, Clusters]
) -> County:
    """Check the patches of one county."""
    shelf, patches, clusters = shelves
    cfg, crs = job.config.crosscheck, job.config.grid.crs
    districts = territory.districts
    bounds = bounds_of(code, territory)
    near, homely = patches.of_county(code, bounds)
    own = near[_meet(near, districts, code) | near["patch_id"].isin(homely).to_numpy()]
    parts = [
        part
        for part in crosscheck.parts_of(own, districts, crs, cfg)
        if part.district == code or (not part.district and part.patch_id in homely)
    ]
    reach = [shapely.box(*bounds), *(part.geometry for part in parts)]
    references = shelf.around(_bounds_of(shapely.total_bounds(reach)))
    together = clusters.of(near)
    units = crosscheck.check_parts(parts, references, job.themes, crs, cfg, together)
    return County(code, bounds, near, references, units)


def _meet(patches: gpd.GeoDataFrame, districts: gpd.GeoDataFrame, code: str) -> np.ndarray:
    """Tell which patches touch a county; no part of another can come to lie in it."""
    borders = districts.geometry[districts["code"].astype(str) == code].to_numpy()
    shapely.prepare(borders)
    met: np.ndarray = shapely.intersects(borders[:, None], patches.geometry.to_numpy()).any(axis=0)
    return met


def cropland_of(county: County) -> dict[str, float]:
    """Measure the cropland of a county by the survey; nothing where it is not covered. [m²]"""
    districts = county.references.districts
    own = districts[districts["code"].astype(str) == county.code]
    return crosscheck.cropland_m2(replace(county.references, districts=own))


def _bounds_of(box: np.ndarray) -> Bounds:
    west, south, east, north = (float(value) for value in box)
    return west, south, east, north
