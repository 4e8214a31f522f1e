"""What is filled in while the land of a world is drawn, and the classes it is drawn with."""

from dataclasses import dataclass

import numpy as np

from changedetect.grid import Window
from changedetect.simulate.world import COVERS, cover_index

COVER_HEIGHT_M: dict[str, float] = {
    "paddy_single": 0.6, "paddy_double": 0.6, "dryland": 0.8, "vegetables": 0.4, "orchard": 3.0,
    "tea": 0.9, "broadleaf": 10.0, "conifer": 12.0, "bamboo": 9.0, "shrub": 2.0, "grass": 0.3,
    "roof_grey": 7.5, "roof_red": 8.5, "roof_blue": 9.0, "roof_white": 8.0, "greenhouse": 3.0,
    "pv_panel": 1.8, "spoil": 3.0, "rubble": 0.8, "sapling_orchard": 0.9, "sapling_forest": 1.1,
}  # fmt: skip
"""Usual height of what covers the ground; covers not named lie flat. [m] (our choice)"""

HEIGHT_M = np.array([COVER_HEIGHT_M.get(name, 0.0) for name in COVERS], np.float32)

LAND_CODES: tuple[str, ...] = (
    "0101", "0103", "0201", "0202", "0301", "0302", "0305", "0404", "0601", "0602", "0702",
    "1003", "1006", "1101", "1104", "1202", "1206",
)  # fmt: skip
"""DLBM of the world's survey; the code raster holds the index into this tuple (uint8)."""

COVER_CODE: dict[str, str] = {
    "paddy_single": "0101", "paddy_double": "0101", "dryland": "0103", "vegetables": "0103",
    "orchard": "0201", "tea": "0202", "broadleaf": "0301", "conifer": "0301", "bamboo": "0302",
    "shrub": "0305", "grass": "0404", "pond": "1104", "bare_soil": "1206",
}  # fmt: skip
"""DLBM that the survey gives to land of a cover."""


def code_index(code: str) -> int:
    """Return the number of a DLBM code in the code raster."""
    return LAND_CODES.index(code)


@dataclass(frozen=True, slots=True)
class House:
    """A building that stands on the first day and may be pulled down.

    ``mask`` (bool, of ``window``) holds building and yard; ``kind`` is house, shed or greenhouse.
    """

    window: Window
    mask: np.ndarray
    kind: str


@dataclass(frozen=True, slots=True)
class Canvas:
    """Rasters of the first day, filled in by the drawing functions.

    Attributes
    ----------
    cover
        ``(y, x)`` uint8, index into `COVERS`.
    height_m
        ``(y, x)`` float32. [m]
    code
        ``(y, x)`` uint8, index into `LAND_CODES`.
    unit
        ``(y, x)`` int32; survey unit, not yet cut into connected pieces.
    thing
        ``(y, x)`` int32; house, tunnel or other single object on a unit, 0 = the unit itself.
    village
        ``(y, x)`` bool; village land (203).
    """

    cover: np.ndarray
    height_m: np.ndarray
    code: np.ndarray
    unit: np.ndarray
    thing: np.ndarray
    village: np.ndarray

    @property
    def size(self) -> int:
        """Side of the world. [cells]"""
        return int(self.cover.shape[0])

    def lay(self, window: Window, mask: np.ndarray, cover: str, *, height_m: float = -1.0) -> None:
        """Cover the cells of a mask; a negative height stands for the usual one."""
        number = cover_index(cover)
        self.cover[window.slices][mask] = number
        self.height_m[window.slices][mask] = HEIGHT_M[number] if height_m < 0 else height_m

    def survey(self, window: Window, mask: np.ndarray, code: str) -> None:
        """Give the cells of a mask to one new survey unit of a class."""
        self.unit[window.slices][mask] = int(self.unit.max()) + 1
        self.code[window.slices][mask] = code_index(code)
        self.thing[window.slices][mask] = 0
        self.village[window.slices][mask] = False

    def stand(self, window: Window, mask: np.ndarray) -> None:
        """Give the cells of a mask to one new single object."""
        self.thing[window.slices][mask] = int(self.thing.max()) + 1

    def is_code(self, *codes: str) -> np.ndarray:
        """Return ``(y, x)`` bool: cells surveyed as one of the classes."""
        return np.isin(self.code, [code_index(code) for code in codes])

    def is_cover(self, *covers: str) -> np.ndarray:
        """Return ``(y, x)`` bool: cells covered by one of the covers."""
        return np.isin(self.cover, [cover_index(cover) for cover in covers])


def blank(size: int) -> Canvas:
    """Return a canvas of grass that nobody surveyed."""
    shape = (size, size)
    return Canvas(
        cover=np.full(shape, cover_index("grass"), np.uint8),
        height_m=np.zeros(shape, np.float32),
        code=np.full(shape, code_index("0404"), np.uint8),
        unit=np.zeros(shape, np.int32),
        thing=np.zeros(shape, np.int32),
        village=np.zeros(shape, bool),
    )
