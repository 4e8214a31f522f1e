"""Where changes may happen: fit ground by family, and a distance between them."""

from dataclasses import dataclass

import numpy as np

from changedetect.grid import Window
from changedetect.simulate.canvas import Canvas, House
from changedetect.simulate.rasters import coarse_distance, near
from changedetect.simulate.relief import Relief
from changedetect.simulate.shapes import Shape

APART_M = 20.0
"""Changes are at least this far from each other, edge to edge. [m]"""

_EDGE = 4
_TRIES = 60
_FIT_SHARE = 0.93
_GARDEN_SHARE = 0.985
_ALIKE_SHARE = 0.08
_CROP = ("0101", "0103")
_FIELD = ("0101", "0103", "0201", "0404", "1206")
_WOOD = ("0301", "0302", "0305", "0202")


@dataclass(frozen=True, slots=True)
class Sites:
    """The state of the search for places.

    Attributes
    ----------
    fit
        Name of a kind of ground -> ``(y, x)`` bool.
    places
        Name -> ``(n, 2)`` int32 row, col of fit cells.
    barred
        ``(y, x)`` bool; roads, rivers and buildings, which changes other than demolition spare.
    taken
        ``(y, x)`` bool, filled in: nearer than `APART_M` to a change.
    houses
        What can be pulled down.
    cover
        ``(y, x)`` uint8; the land before.
    """

    fit: dict[str, np.ndarray]
    places: dict[str, np.ndarray]
    barred: np.ndarray
    taken: np.ndarray
    houses: tuple[House, ...]
    cover: np.ndarray

    def claim(self, window: Window, mask: np.ndarray) -> None:
        """Keep others away from the cells of a mask."""
        size = self.taken.shape[0]
        margin = int(APART_M) + 3
        outer = window.grown(margin, Window(0, 0, size, size))
        inside = np.zeros((outer.height, outer.width), bool)
        inside[window.relative_to(outer).slices] = mask
        self.taken[outer.slices] |= near(inside, APART_M + 2)


def open_sites(canvas: Canvas, relief: Relief, houses: list[House], *, border: np.ndarray) -> Sites:
    """Find ground fit for every family.

    Parameters
    ----------
    canvas, relief
        The land before.
    houses
        What can be pulled down.
    border
        ``(y, x)`` bool; cells on the county border.
    """
    field, wood = canvas.is_code(*_FIELD), canvas.is_code(*_WOOD)
    hill = relief.hill
    beside = coarse_distance(canvas.village) < 90
    garden = (
        canvas.village & (canvas.thing == 0) & canvas.is_cover("grass", "vegetables", "broadleaf")
    )
    path = canvas.is_code("1006") & canvas.is_cover("bare_soil")
    crop = canvas.is_code(*_CROP)
    fit = {
        "edge": (field | path) & beside,
        "open": field | path,
        "garden": garden,
        "any": field | wood | path,
        "slope": (wood | field) & hill,
        "wood": wood & hill,
        "crop": crop | (path & crop.any()),
        "paddy": canvas.is_code("0101") | path,
        "works": field & (coarse_distance(canvas.is_code("0601")) < 140),
        "border": (field | wood | path) & border,
    }
    places = {name: np.argwhere(mask).astype(np.int32) for name, mask in fit.items()}
    fit["border"] = fit["any"]
    barred = (canvas.thing > 0) | canvas.is_cover("river", "asphalt", "concrete", "rock", "yard")
    return Sites(fit, places, barred, np.zeros_like(canvas.village), tuple(houses), canvas.cover)


def place(rng: np.random.Generator, sites: Sites, shape: Shape, kind: str) -> Window | None:
    """Find a free place of a kind for a shape; None after enough tries."""
    candidates = sites.places[kind]
    mask = shape.mask
    if not len(candidates) or not mask.any():
        return None
    size = sites.taken.shape[0]
    needed = _GARDEN_SHARE if kind == "garden" else _FIT_SHARE
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left, bottom, right = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
    core = mask[top:bottom, left:right]
    for pick in rng.integers(len(candidates), size=_TRIES):
        row = int(candidates[pick][0]) - core.shape[0] // 2
        column = int(candidates[pick][1]) - core.shape[1] // 2
        window = Window(row, column, core.shape[0], core.shape[1])
        low, high = min(row, column), max(row + core.shape[0], column + core.shape[1])
        if low < _EDGE or high > size - _EDGE or sites.taken[window.slices][core].any():
            continue
        if not _spared(sites, window, core, shape.stages[-1][top:bottom, left:right]):
            continue
        if sites.fit[kind][window.slices][core].mean() >= needed:
            return window
    return None


def _spared(sites: Sites, window: Window, core: np.ndarray, after: np.ndarray) -> bool:
    """Tell whether a shape touches nothing barred and alters nearly all of its ground."""
    if sites.barred[window.slices][core].any():
        return False
    alike = sites.cover[window.slices][core] == after[core]
    return bool(alike.mean() <= _ALIKE_SHARE)


def cropped(shape: Shape) -> Shape:
    """Cut the empty margin off a shape."""
    mask = shape.mask
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return Shape(tuple(stage[part] for stage in shape.stages), shape.height_m[part], shape.width_m)
