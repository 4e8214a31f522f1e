"""Rasters that are judged and rasters that judge: scores as levels, truth on the grid of a score.

Any size: windows are read, never a whole file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window as FileWindow

from changedetect.errors import GridError, SceneError
from changedetect.grid import Grid, Window
from changedetect.io import crs as systems
from changedetect.io.georeference import PLAIN, grid_of, is_georeferenced
from changedetect.io.opening import open_raster
from changedetect.schema import EVIDENCE_NODATA, EVIDENCE_SCALE

CELL_PX = 512
"""Windows are at most this wide and high, so memory does not grow with the raster. [px]"""

_TOP = 32_767
_SMALL = frozenset({"int8", "uint8", "int16"})
"""Number types that are levels already."""


def grid_of_raster(path: Path) -> Grid:
    """Return the grid of a raster; without georeference, one unit a pixel and no system.

    Raises
    ------
    SceneError
        It can not be opened or used.
    """
    with open_raster(path) as dataset:
        if is_georeferenced(dataset) or dataset.gcps[0] or dataset.crs is not None:
            return grid_of(dataset, path.name)
        return Grid("", PLAIN, dataset.width, dataset.height)


def cells(grid: Grid) -> Iterator[Window]:
    """Cut a grid into windows that are worked on one at a time."""
    for tile in grid.tiles(CELL_PX, 0):
        yield tile.core


@dataclass(frozen=True, slots=True)
class ScoreRaster:
    """Evidence, or any other score, as levels of an int16.

    Attributes
    ----------
    path, grid
        The file and where its pixels lie.
    step, origin
        Score of a level: ``origin + step * level``. Evidence and small integers are exact; other
        scores are put into 65,535 equal steps between their ends.
    unit
        ``log-likelihood ratio`` for evidence, ``score`` else.
    """

    path: Path
    grid: Grid
    step: float
    origin: float
    unit: str

    @classmethod
    def of(cls, path: Path) -> "ScoreRaster":
        """Open a raster with one band of scores.

        Raises
        ------
        SceneError
            Several bands, complex numbers, or nothing observed.
        """
        grid = grid_of_raster(path)
        with open_raster(path) as dataset:
            if dataset.count != 1 or dataset.dtypes[0].startswith("complex"):
                msg = (
                    f"{path}: {dataset.count} bands of {dataset.dtypes[0]}; one band of real scores "
                    "was expected (evidence.tif of a run or a quick look)"
                )
                raise SceneError(msg)
            if dataset.dtypes[0] in _SMALL:
                about = dataset.descriptions[0] or ""
                is_evidence = about.startswith("log-likelihood ratio")
                step = 1 / EVIDENCE_SCALE if is_evidence else 1.0
                return cls(
                    path, grid, step, 0.0, "log-likelihood ratio" if is_evidence else "score"
                )
            low, high = _ends(dataset, path, grid)
        step = (high - low) / (2 * _TOP) if high > low else 1.0
        return cls(path, grid, step, (low + high) / 2, "score")

    def level_of(self, score: float) -> int:
        """Return the lowest level whose score is at or above a threshold."""
        level = np.ceil(round((score - self.origin) / self.step, 6))
        return int(np.clip(level, -_TOP, _TOP))

    def score_of(self, level: int) -> float:
        """Return the score of a level."""
        return self.origin + self.step * level

    def levels(self, window: Window) -> np.ndarray:
        """Read a window, ``(y, x)`` int16; -32768 = not observed."""
        with open_raster(self.path) as dataset:
            values, seen = _read(dataset, self.path, window)
            if dataset.dtypes[0] in _SMALL:
                levels = values.astype(np.int16)
            else:
                whole = np.where(seen, values.astype(np.float64), self.origin)
                levels = np.rint((whole - self.origin) / self.step).astype(np.int16)
        levels[~seen] = EVIDENCE_NODATA
        return levels


@dataclass(frozen=True, slots=True)
class TruthRaster:
    """A raster of labels, read on another grid.

    Attributes
    ----------
    path, grid
        The file and where its pixels lie.
    """

    path: Path
    grid: Grid

    @classmethod
    def of(cls, path: Path, judged: Grid) -> "TruthRaster":
        """Open a truth raster.

        Parameters
        ----------
        judged
            Grid on which it will be read.

        Raises
        ------
        SceneError
            Only one of the two has a georeference, and their sizes differ.
        """
        grid = grid_of_raster(path)
        same_size = (grid.width, grid.height) == (judged.width, judged.height)
        if not (grid.crs and judged.crs) and not same_size:
            msg = (
                f"{path}: {grid.width} x {grid.height} px, the judged raster is {judged.width} x "
                f"{judged.height} px, and not both have a georeference; equal sizes, or a "
                "georeference in both files, were expected"
            )
            raise SceneError(msg)
        return cls(path, grid)

    def read(self, judged: Grid, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Read the value under the centre of each pixel of a window.

        Returns
        -------
        tuple of ndarray
            Values ``(y, x)`` of the file's number type, and ``(y, x)`` bool: whether the file says
            anything there.
        """
        with open_raster(self.path) as dataset:
            if not (self.grid.crs and judged.crs):
                return _read(dataset, self.path, window)
            rows, cols = _places(self.grid, judged, window, dataset)
            inside = (rows >= 0) & (rows < dataset.height) & (cols >= 0) & (cols < dataset.width)
            if not inside.any():
                shape = (window.height, window.width)
                return np.zeros(shape, dataset.dtypes[0]), np.zeros(shape, bool)
            top, left = int(rows[inside].min()), int(cols[inside].min())
            height, width = int(rows[inside].max()) - top + 1, int(cols[inside].max()) - left + 1
            values, seen = _read(dataset, self.path, Window(top, left, height, width))
            place = np.clip(rows - top, 0, height - 1), np.clip(cols - left, 0, width - 1)
            return values[place], seen[place] & inside


def _places(
    own: Grid, judged: Grid, window: Window, dataset: DatasetReader
) -> tuple[np.ndarray, np.ndarray]:
    """Return row and column in the file of each pixel's centre, ``(y, x)`` int64."""
    a, _, c, _, e, f = judged.window_transform(window)
    x = c + a * (np.arange(window.width) + 0.5)[None, :]
    y = f + e * (np.arange(window.height) + 0.5)[:, None]
    x, y = (
        np.broadcast_to(x, (window.height, window.width)),
        np.broadcast_to(y, (window.height, window.width)),
    )
    if own.crs != judged.crs:
        transformer = systems.transformer(judged.crs, own.crs)
        x, y = transformer.transform(x.ravel(), y.ravel())
        x, y = (np.asarray(part).reshape(window.height, window.width) for part in (x, y))
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            msg = f"{dataset.name}: places of {judged.crs} do not exist in its system {own.crs}"
            raise GridError(msg)
    file = dataset.transform
    cols = np.floor((x - file.c) / file.a + 1e-9).astype(np.int64)
    rows = np.floor((y - file.f) / file.e + 1e-9).astype(np.int64)
    return rows, cols


def _read(dataset: DatasetReader, path: Path, window: Window) -> tuple[np.ndarray, np.ndarray]:
    place = FileWindow(window.col, window.row, window.width, window.height)
    try:
        values = dataset.read(1, window=place)
    except RasterioError as error:
        msg = f"{path}: rows {window.row} to {window.row + window.height} can not be read ({error})"
        raise SceneError(msg) from error
    seen = np.isfinite(values) if values.dtype.kind == "f" else np.ones(values.shape, bool)
    nodata = dataset.nodatavals[0]
    if nodata is not None and np.isfinite(nodata):
        seen &= values != nodata
    return values, seen


def _ends(dataset: DatasetReader, path: Path, grid: Grid) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    for window in cells(grid):
        values, seen = _read(dataset, path, window)
        if seen.any():
            low = min(low, float(values[seen].min()))
            high = max(high, float(values[seen].max()))
    if low > high:
        msg = f"{path}: no pixel is observed; there is nothing to judge"
        raise SceneError(msg)
    return low, high


def distinct_values(truth: TruthRaster, most: int) -> list[float] | None:
    """List the values of a truth raster, or None where there are more than `most`."""
    found: set[float] = set()
    with open_raster(truth.path) as dataset:
        whole = Grid("", PLAIN, dataset.width, dataset.height)
        for window in cells(whole):
            values, seen = _read(dataset, truth.path, window)
            found.update(np.unique(values[seen]).tolist())
            if len(found) > most:
                return None
    return sorted(found)


def stated(path: Path) -> dict[str, str]:
    """Return the tags that the program left in a raster (threshold, stated rate)."""
    with open_raster(path) as dataset:
        return {str(name): str(value) for name, value in dataset.tags().items()}
