"""What changes look like on the ground: covers and heights of each family, cell by cell.

Every builder takes a source of chance and a wanted area, and returns a `Shape`: the stages that
the ground goes through, the last one being what stands at the end. Nothing here knows where.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.ndimage as ndi
from shapely.geometry import LineString

from changedetect.simulate.canvas import HEIGHT_M
from changedetect.simulate.rasters import burn, smooth_noise, turned_axes
from changedetect.simulate.world import UNTOUCHED, cover_index

_MARGIN = 6


@dataclass(frozen=True, slots=True)
class Shape:
    """A change on its own little square of cells.

    Attributes
    ----------
    stages
        Cover rasters ``(y, x)`` uint8, `UNTOUCHED` outside, in order of time.
    height_m
        ``(y, x)`` float32 of the last stage; NaN outside. [m]
    width_m
        Width of a road; 0 for everything else. [m]
    """

    stages: tuple[np.ndarray, ...]
    height_m: np.ndarray
    width_m: float = 0.0

    @property
    def mask(self) -> np.ndarray:
        """``(y, x)`` bool: ground touched by the last stage."""
        return np.asarray(self.stages[-1] != UNTOUCHED)


def _shape(cover: np.ndarray, *before: np.ndarray, width_m: float = 0.0) -> Shape:
    """Put a shape together; heights are the usual ones of the covers."""
    height = np.where(cover == UNTOUCHED, np.nan, HEIGHT_M[np.minimum(cover, len(HEIGHT_M) - 1)])
    return Shape((*before, cover), height.astype(np.float32), width_m)


def _empty(side: int) -> np.ndarray:
    return np.full((side, side), UNTOUCHED, np.uint8)


def _filled(mask: np.ndarray, cover: str) -> np.ndarray:
    """Return a stage where the whole ground has one cover."""
    return np.where(mask, np.uint8(cover_index(cover)), np.uint8(UNTOUCHED)).astype(np.uint8)


def _box(rng: np.random.Generator, area: float, aspect: tuple[float, float]) -> tuple[float, float]:
    """Draw length and width of a rectangle of an area. [m]"""
    ratio = rng.uniform(*aspect)
    return float(np.sqrt(area * ratio)), float(np.sqrt(area / ratio))


def _side(length: float, width: float) -> int:
    """Return the side of a square that holds a turned rectangle."""
    return int(np.ceil(np.hypot(length, width))) + _MARGIN


def _blob(rng: np.random.Generator, area: float, rough: float) -> np.ndarray:
    """Return ``(y, x)`` float: 1 on the edge of an irregular blob, 0 in its middle."""
    stretch = rng.uniform(1.0, 1.7)
    radius = np.sqrt(area / np.pi)
    side = int(2 * radius * stretch * (1 + 2.2 * rough)) + 2 * _MARGIN
    along, across = turned_axes(side, rng.uniform(0, np.pi))
    u, v = along / np.sqrt(stretch), across * np.sqrt(stretch)
    turn = np.arctan2(v, u)
    reach = np.ones_like(turn)
    for wave in range(2, 8):
        reach += rng.normal(0, rough / wave) * np.cos(wave * turn + rng.uniform(0, 2 * np.pi))
    rho = np.hypot(u, v) / (radius * np.maximum(reach, 0.35))
    return np.asarray(rho * np.sqrt((rho <= 1).sum() / area))


def _one_piece(mask: np.ndarray) -> np.ndarray:
    """Keep the largest 4-connected piece."""
    labels, count = ndi.label(mask)
    if count < 2:
        return mask
    return np.asarray(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]))


def building(rng: np.random.Generator, area: float) -> Shape:
    """Build a house, or sheds when large, on a paved or bare yard; sometimes earthwork first."""
    length, width = _box(rng, area, (1.1, 1.9))
    u, v = turned_axes(_side(length, width), rng.uniform(0, np.pi))
    mask = _one_piece((np.abs(u) < length / 2) & (np.abs(v) < width / 2))
    yard = rng.choice(["concrete", "yard", "concrete", "bare_soil"])
    cover = _filled(mask, str(yard))
    rows = max(1, round(length / 32))
    pitch = length / rows
    margin = min(3.0, 0.08 * width + 0.5)
    within = np.abs((u + length / 2) % pitch - pitch / 2) < pitch / 2 - (
        margin if rows > 1 else 0.7
    )
    deep = v > -width / 2 + width * rng.uniform(0.12, 0.3)
    roofs = (
        ["roof_blue", "roof_white", "roof_grey"]
        if area > 900
        else ["roof_grey", "roof_red", "roof_white", "roof_blue"]
    )
    roof = str(rng.choice(roofs))
    cover[mask & within & deep & (np.abs(v) < width / 2 - 0.6)] = cover_index(roof)
    before = (_filled(mask, "earthwork"),) if rng.random() < 0.45 else ()
    return _shape(cover, *before)


def hard_surface(rng: np.random.Generator, area: float) -> Shape:
    """Pave a yard with rounded corners and one corner cut."""
    length, width = _box(rng, area, (1.0, 2.4))
    u, v = turned_axes(_side(length, width), rng.uniform(0, np.pi))
    power = rng.uniform(4, 9)
    mask = (np.abs(2 * u / length) ** power + np.abs(2 * v / width) ** power) < 1
    mask &= u / length + v / width < rng.uniform(0.72, 1.1)
    cover = _filled(_one_piece(mask), "asphalt" if rng.random() < 0.15 else "concrete")
    return _shape(cover)


def earthwork(rng: np.random.Generator, area: float) -> Shape:
    """Strip and pile earth: an irregular patch with heaps."""
    rho = _blob(rng, area, 0.22)
    mask = _one_piece(rho < 1)
    cover = _filled(mask, "earthwork")
    heaps = smooth_noise(rng, mask.shape[0], 9.0)
    cover[mask & (heaps > 1.35)] = cover_index("spoil")
    cover[mask & (heaps < -1.2)] = cover_index("bare_soil")
    return _shape(cover)


def road(rng: np.random.Generator, area: float) -> Shape:
    """Build a curved road of constant width: 4-6.5 m (rural) or 9.5-12 m."""
    width = float(rng.uniform(4.0, 6.5) if rng.random() < 0.45 else rng.uniform(9.5, 12.0))
    length = max(area / width, 4 * width)
    angle = rng.uniform(0, np.pi)
    ahead = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    aside = np.array([-np.sin(angle), np.cos(angle)]) * length * rng.uniform(-0.22, 0.22)
    t = np.linspace(-1, 1, 41)[:, None]
    side = int(length + 2 * width) + 2 * _MARGIN
    line = LineString(side / 2 + t * ahead + (t**3 - t + 0.6 * (1 - t**2)) * aside)
    window, found = burn(line.buffer(width / 2, cap_style="flat"), side)
    mask = np.zeros((side, side), bool)
    mask[window.slices] = found
    mask = _one_piece(mask)
    kind = str(rng.choice(["concrete", "asphalt"]))
    before = (_filled(mask, "earthwork"),) if rng.random() < 0.4 else ()
    return _shape(_filled(mask, kind), *before, width_m=width)


def photovoltaic(rng: np.random.Generator, area: float) -> Shape:
    """Set up rows of panels that run east-west, with grass between."""
    rho = _blob(rng, area, 0.10)
    mask = _one_piece(rho < 1)
    cover = _filled(mask, "grass")
    row, column = np.indices(mask.shape)
    panel = (row % 6 < 4) & (column % 44 > 2) & ndi.binary_erosion(mask, iterations=3)
    cover[panel] = cover_index("pv_panel")
    return _shape(cover)


def mining(rng: np.random.Generator, area: float) -> Shape:
    """Open a pit with stripping, benches and a floor; large pits in two stages."""
    rho = _blob(rng, area, 0.16)
    mask = _one_piece(rho < 1)
    cover = _filled(mask, "bare_soil")
    for inner, name in (
        (0.88, "rock"),
        (0.72, "spoil"),
        (0.66, "rock"),
        (0.5, "spoil"),
        (0.44, "rock"),
    ):
        cover[mask & (rho < inner)] = cover_index(name)
    if area < 1500:
        return _shape(cover)
    first = np.where(_one_piece(rho < 0.7), cover_index("bare_soil"), UNTOUCHED).astype(np.uint8)
    return _shape(cover, first)


def planting(rng: np.random.Generator, area: float) -> Shape:
    """Plant rows of young trees on worked soil."""
    length, width = _box(rng, area, (1.0, 2.6))
    angle = rng.uniform(0, np.pi)
    u, v = turned_axes(_side(length, width), angle)
    bend = 0.05 * width * np.sin(u / length * 3 + rng.uniform(0, 6))
    mask = _one_piece((np.abs(u) < length / 2) & (np.abs(v + bend) < width / 2))
    kind = "sapling_orchard" if rng.random() < 0.6 else "sapling_forest"
    cover = _filled(mask, "bare_soil")
    cover[mask & (np.mod(v + bend, 4.0) < 2.6)] = cover_index(kind)
    return _shape(cover)


def pond(rng: np.random.Generator, area: float) -> Shape:
    """Dig a pond with a dyke of bare earth; large ones are divided."""
    length, width = _box(rng, area, (1.0, 2.0))
    u, v = turned_axes(_side(length, width), rng.uniform(0, np.pi))
    power = rng.uniform(2.5, 6)
    rho = (np.abs(2 * u / length) ** power + np.abs(2 * v / width) ** power) ** (1 / power)
    mask = _one_piece(rho < 1)
    cover = _filled(mask, "pond")
    dyke = mask & ~(ndi.distance_transform_edt(mask) > 2.6)
    if area > 2500:
        dyke |= mask & (np.abs(u) < 2.0)
    cover[dyke] = cover_index("bare_soil")
    return _shape(cover)


def greenhouse(rng: np.random.Generator, area: float) -> Shape:
    """Put up plastic tunnels 8 m wide with bare strips between."""
    length, width = _box(rng, area, (1.0, 2.2))
    width = max(8.0, round((width + 1.6) / 9.6) * 9.6 - 1.6)
    length = area / width
    u, v = turned_axes(_side(length, width), rng.uniform(0, np.pi))
    mask = _one_piece((np.abs(u) < length / 2) & (np.abs(v) < width / 2))
    cover = _filled(mask, "bare_soil")
    cover[mask & (np.mod(v + width / 2, 9.6) < 8.0) & (np.abs(u) < length / 2 - 0.8)] = cover_index(
        "greenhouse"
    )
    return _shape(cover)


def demolition(mask: np.ndarray, after: str) -> Shape:
    """Pull down what stands on a mask: rubble, or field again (re-cultivation)."""
    before = () if after == "rubble" else (_filled(mask, "rubble"),)
    return _shape(_filled(mask, after), *before)


BUILDERS: dict[str, Callable[[np.random.Generator, float], Shape]] = {
    "building": building, "hard_surface": hard_surface, "earthwork": earthwork, "road": road,
    "photovoltaic": photovoltaic, "mining": mining, "planting": planting, "pond": pond,
    "greenhouse": greenhouse,
}  # fmt: skip
"""Family -> builder; demolition needs a building and is apart."""
