"""The contract between the land of a simulated county and the images taken of it."""

from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import numpy as np

from changedetect.grid import Grid, Window

COVERS: tuple[str, ...] = (
    "river", "pond", "paddy_single", "paddy_double", "dryland", "vegetables", "orchard", "tea",
    "broadleaf", "conifer", "bamboo", "shrub", "grass", "bare_soil", "earthwork", "spoil",
    "rock", "asphalt", "concrete", "roof_grey", "roof_red", "roof_blue", "roof_white",
    "greenhouse", "pv_panel", "rubble", "sapling_orchard", "sapling_forest", "yard", "sand",
)  # fmt: skip
"""What the ground can be; a cover raster holds the index into this tuple (uint8)."""

UNTOUCHED = 255
"""In a stage of a planted change: this cell keeps what it was."""


def cover_index(name: str) -> int:
    """Return the number of a cover."""
    return COVERS.index(name)


@dataclass(frozen=True, slots=True)
class Stage:
    """From a day on, a window of the world looks like this.

    Attributes
    ----------
    day
        First day on which the stage can be seen.
    window
        Cells of the world's grid.
    cover
        ``(y, x)`` uint8; index into `COVERS`, `UNTOUCHED` = as before.
    height_m
        ``(y, x)`` float32; NaN where untouched. [m]
    """

    day: date
    window: Window
    cover: np.ndarray
    height_m: np.ndarray


@dataclass(frozen=True, slots=True)
class PlantedChange:
    """One true change: its stages in order of days, and its row in the truth table."""

    truth_id: str
    family: str
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class World:
    """The land of a county from the first to the last month.

    Attributes
    ----------
    seed
        What everything was drawn from.
    grid
        1 m cells.
    cover, height_m
        ``(y, x)`` uint8 index into `COVERS`, and float32 height of objects above ground [m], on
        the first day.
    terrain_m
        ``(y, x)`` float32, ground height above the ellipsoid. [m]
    parcel
        ``(y, x)`` int32; index of the field or object a cell belongs to (0 = none); cells of one
        parcel share sowing date, crop, brightness. -1 never occurs.
    changes
        True changes, in order of their first day.
    records
        Layer name -> table: DLTB, YJJBNTBHTB, STBHHX, CZKFBJ, XZQ, XZ (towns), C (villages), and
        one per approval kind (``SP_NZY`` …); columns as they would come from an office.
    truth
        schema.TRUTH, in the grid's CRS.
    first_day, last_day
        Span of the world.
    """

    seed: int
    grid: Grid
    cover: np.ndarray
    height_m: np.ndarray
    terrain_m: np.ndarray
    parcel: np.ndarray
    changes: tuple[PlantedChange, ...]
    records: dict[str, gpd.GeoDataFrame]
    truth: gpd.GeoDataFrame
    first_day: date
    last_day: date

    def state_on(self, day: date) -> tuple[np.ndarray, np.ndarray]:
        """Return cover and height of objects on a day.

        Returns
        -------
        tuple of ndarray
            Copies of ``cover`` and ``height_m`` with every stage up to that day laid over them.
        """
        cover, height_m = self.cover.copy(), self.height_m.copy()
        stages = sorted(
            (
                (stage.day, change.truth_id, stage)
                for change in self.changes
                for stage in change.stages
            ),
            key=lambda item: item[:2],
        )
        for begins, _, stage in stages:
            if begins > day:
                break
            touched = stage.cover != UNTOUCHED
            part = stage.window.slices
            cover[part][touched] = stage.cover[touched]
            height_m[part][touched] = stage.height_m[touched]
        return cover, height_m
