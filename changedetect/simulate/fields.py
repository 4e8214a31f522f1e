"""Fields of the plain and compartments of the hills: the patchwork under everything else."""

import numpy as np

from changedetect.grid import Window
from changedetect.simulate.canvas import COVER_CODE, HEIGHT_M, Canvas, code_index
from changedetect.simulate.rasters import lattice_cells, smooth_noise
from changedetect.simulate.relief import Relief
from changedetect.simulate.world import cover_index

_PLAIN = {
    "paddy_double": 0.34, "paddy_single": 0.34, "dryland": 0.12, "vegetables": 0.09,
    "orchard": 0.07, "grass": 0.02, "bare_soil": 0.02,
}  # fmt: skip
_FOOT = {
    "paddy_single": 0.30, "dryland": 0.24, "orchard": 0.18, "tea": 0.14, "vegetables": 0.06,
    "paddy_double": 0.05, "grass": 0.03,
}  # fmt: skip
_HILL = {
    "broadleaf": 0.32, "conifer": 0.31, "bamboo": 0.15, "shrub": 0.13, "tea": 0.04,
    "orchard": 0.03, "grass": 0.02,
}  # fmt: skip
_FOOT_BAND = -0.35
_PATH_GAP_M = 3.2
_BUND_M = 0.9


def _uses(rng: np.random.Generator, shares: dict[str, float], count: int) -> np.ndarray:
    """Draw ``(count,)`` covers."""
    numbers = np.array([cover_index(name) for name in shares], np.uint8)
    share = np.array(list(shares.values()))
    return numbers[rng.choice(numbers.size, count, p=share / share.sum())]


def _codes(cover: np.ndarray) -> np.ndarray:
    """Return the survey's class of every cover drawn here."""
    table = np.full(256, code_index("0404"), np.uint8)
    for name, code in COVER_CODE.items():
        table[cover_index(name)] = code_index(code)
    return np.asarray(table[cover])


def _strips(
    rng: np.random.Generator, block: np.ndarray, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Cut blocks into strips along each block's own direction.

    Returns
    -------
    key : ndarray
        ``(y, x)`` int64; one number a strip.
    bund : ndarray
        ``(y, x)`` bool; the low earth wall along a strip.
    """
    count = int(block.max()) + 1
    angle = (rng.uniform(-0.5, 0.5) + rng.normal(0, 0.45, count)).astype(np.float32)
    width = rng.uniform(9.0, 24.0, count).astype(np.float32)
    length = rng.uniform(38.0, 95.0, count).astype(np.float32)
    cos, sin = np.cos(angle)[block], np.sin(angle)[block]
    along, across = x * cos + y * sin, -x * sin + y * cos
    u = across / width[block]
    strip = np.floor(u).astype(np.int64)
    v = along / length[block] + (strip % 3) * np.float32(0.29)
    row = np.floor(v).astype(np.int64)
    key = (block.astype(np.int64) * 4096 + strip % 4096) * 4096 + row % 4096
    bund = ((u - strip) * width[block] < _BUND_M) | ((v - row) * length[block] < _BUND_M)
    return key, bund


def draw_fields(rng: np.random.Generator, canvas: Canvas, relief: Relief) -> None:
    """Fill the whole canvas with fields (plain), compartments (hills) and field paths."""
    size = canvas.size
    whole = Window(0, 0, size, size)
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    x = columns + 7 * smooth_noise(rng, size, 70.0)
    y = rows + 7 * smooth_noise(rng, size, 70.0)
    block, gap = lattice_cells(rng, x, y, 115.0)
    key, bund = _strips(rng, block, x, y)
    x = x + 16 * smooth_noise(rng, size, 55.0)
    y = y + 16 * smooth_noise(rng, size, 55.0)
    stand, _ = lattice_cells(rng, x, y, 105.0)
    hill = relief.hill
    count = int(block.max()) + 1
    cells = np.maximum(np.bincount(block.ravel(), minlength=count), 1)
    level = np.bincount(block.ravel(), relief.hillness.ravel(), count) / cells
    use = np.where(level > _FOOT_BAND, _uses(rng, _FOOT, count), _uses(rng, _PLAIN, count))
    key[hill] = -1 - stand[hill]
    names, unit = np.unique(key, return_inverse=True)
    unit = unit.reshape(key.shape)
    own = np.where(names < 0, 0, np.clip(names >> 24, 0, count - 1))
    cover = use[own]
    odd = rng.random(names.size) < 0.13
    cover[odd] = _uses(rng, _PLAIN, names.size)[odd]
    forest = _uses(rng, _HILL, names.size)
    cover = np.where(names < 0, forest, cover).astype(np.uint8)
    canvas.unit[...] = unit + 1
    canvas.cover[...] = cover[unit]
    canvas.code[...] = _codes(canvas.cover)
    canvas.height_m[...] = HEIGHT_M[canvas.cover]
    paddy = canvas.is_cover("paddy_single", "paddy_double", "dryland")
    canvas.lay(whole, bund & paddy & ~hill, "grass")
    path = (gap < _PATH_GAP_M) & ~hill & (block % 3 != 0)
    canvas.lay(whole, path, "bare_soil")
    canvas.survey(whole, path, "1006")
