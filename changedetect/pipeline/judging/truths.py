"""What ``evaluate`` judges by: a raster of labels, two of them, or a polygon layer."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy import ndimage

from changedetect.accuracy.labels import Mapping, two_sided
from changedetect.accuracy.pixels import UNLABELLED
from changedetect.config.accuracy import AccuracySection
from changedetect.errors import InputError, LayerError
from changedetect.grid import Grid, Window
from changedetect.io.truth_layer import Burner, is_raster, read_polygons
from changedetect.io.truth_raster import TruthRaster, distinct_values
from changedetect.schema import CHANGED, UNCHANGED

TWO_VALUES = 2
DAY_COLUMN = "changed_on"
"""Column of a truth layer: the day on which a change could first be seen."""

Labels = Callable[[Window], np.ndarray]


@dataclass(frozen=True, slots=True)
class TruthOptions:
    """Where the truth is and how to read it.

    Attributes
    ----------
    path
        Raster or polygon layer.
    unchanged
        A second raster or layer, of ground known to be unchanged; the rest is then unlabelled.
    layer, column
        Of a polygon file: layer, and the column with labels.
    """

    path: Path
    unchanged: Path | None = None
    layer: str | None = None
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """Labels on the grid of what is judged.

    Attributes
    ----------
    grid
        Of what is judged.
    about
        How labels were made, for the report.
    polygons
        True changes as polygons, where the truth is a layer.
    is_partial
        Whether some ground may be unlabelled.
    """

    grid: Grid
    about: str
    source: Labels
    margin_px: int
    polygons: gpd.GeoDataFrame | None = None
    is_partial: bool = False
    contradictions: dict[Window, int] = field(default_factory=dict)

    def labels(self, window: Window) -> np.ndarray:
        """Return labels of a window, ``(y, x)`` uint8: UNCHANGED, CHANGED, UNLABELLED.

        Unchanged pixels within the margin of true change are unlabelled.
        """
        if not self.margin_px:
            return self.source(window)
        outer = window.grown(self.margin_px, self.grid.window)
        labels = self.source(outer)
        near = ndimage.binary_dilation(
            labels == CHANGED, np.ones((3, 3), bool), iterations=self.margin_px
        )
        labels[near & (labels == UNCHANGED)] = UNLABELLED
        return labels[window.relative_to(outer).slices]


def open_truth(
    options: TruthOptions,
    grid: Grid,
    settings: AccuracySection,
    days: tuple[date, date] | None = None,
) -> Truth:
    """Open a truth on the grid of what is judged.

    Parameters
    ----------
    options
        Where it is and how to read it.
    grid
        Of what is judged.
    settings
        What labels mean.
    days
        Between which a change lies that could be seen. Polygons with a day (`DAY_COLUMN`) outside of
        them are no change then: what they cover was the same in both images. None = nobody says.

    Raises
    ------
    InputError
        It can not be read, or nobody says what its values mean.
    """
    if is_raster(options.path):
        return _of_raster(options, grid, settings)
    table = read_polygons(options.path, options.layer, grid.crs)
    if days is None or DAY_COLUMN not in table.columns:
        return of_polygons(table, options, grid, settings)
    timely = between(table, days)
    truth = of_polygons(timely, options, grid, settings)
    first, last = (day.isoformat() for day in days)
    note = f"{len(table) - len(timely)} of {len(table)} polygons did not change after {first} and by {last}: left out"
    return replace(truth, about=f"{truth.about}; {note}")


def between(table: gpd.GeoDataFrame, days: tuple[date, date]) -> gpd.GeoDataFrame:
    """Return the changes after the first day, up to the second; one without a day stays."""
    changed = pd.to_datetime(table[DAY_COLUMN]).dt.date
    timely = [pd.isna(day) or days[0] < day <= days[1] for day in changed]
    return table[timely]


def _of_raster(options: TruthOptions, grid: Grid, settings: AccuracySection) -> Truth:
    raster = TruthRaster.of(options.path, grid)
    name = options.path.name
    if options.unchanged is not None:
        return _of_two(options, options.unchanged, grid, settings)
    changed, unchanged = settings.changed, settings.unchanged
    is_named = bool(changed or unchanged)
    if not is_named:
        values = distinct_values(raster, TWO_VALUES)
        if values is None or min(values, default=0) < 0:
            msg = (
                f"{options.path}: more than two values; say which mean changed and which unchanged "
                "(--changed 128-255 --unchanged 0-127; other values are unlabelled)"
            )
            raise InputError(msg)
        changed, unchanged = ("1-65535",), ("0",)
    mapping = Mapping.of(changed or ("1-65535",), unchanged)

    def labels(window: Window) -> np.ndarray:
        values, seen = raster.read(grid, window)
        return np.where(seen, mapping.label(values), UNLABELLED).astype(np.uint8)

    about = f"{name}: changed {_listed(mapping.changed)}, unchanged {_listed(mapping.unchanged)}"
    return Truth(grid, about, labels, settings.margin_px, None, is_partial=is_named)


def _of_two(options: TruthOptions, unchanged: Path, grid: Grid, settings: AccuracySection) -> Truth:
    rasters = [TruthRaster.of(path, grid) for path in (options.path, unchanged)]
    mappings = [
        Mapping.of(one or ("1-65535",), ()) for one in (settings.changed, settings.unchanged)
    ]
    both: dict[Window, int] = {}

    def labels(window: Window) -> np.ndarray:
        marks = []
        for raster, mapping in zip(rasters, mappings, strict=True):
            values, seen = raster.read(grid, window)
            marks.append(seen & (mapping.label(values) == CHANGED))
        joined, both[window] = two_sided(*marks)
        return joined

    about = (
        f"changed: {options.path.name} {_listed(mappings[0].changed)}; unchanged: {unchanged.name} "
        f"{_listed(mappings[1].changed)}; the rest is unlabelled"
    )
    return Truth(grid, about, labels, settings.margin_px, None, True, both)


def of_polygons(
    table: gpd.GeoDataFrame, options: TruthOptions, grid: Grid, settings: AccuracySection
) -> Truth:
    """Make a truth of polygons, already in the system of the grid.

    Without a column every polygon is change, and everything else is unchanged, or only what the
    second layer covers.
    """
    changed, unchanged = table, None
    name = options.path.name
    if options.column is not None:
        changed, unchanged = _by_column(table, options, settings)
    if options.unchanged is not None:
        unchanged = read_polygons(options.unchanged, None, grid.crs)
    drawn = Burner.of(grid, list(changed.geometry))
    quiet = None if unchanged is None else Burner.of(grid, list(unchanged.geometry))
    both: dict[Window, int] = {}

    def labels(window: Window) -> np.ndarray:
        mark = drawn.covers(window)
        rest = ~mark if quiet is None else quiet.covers(window)
        joined, both[window] = two_sided(mark, rest)
        return joined

    about = f"{name}: {len(changed)} polygons are change; " + (
        "everything else is unchanged" if quiet is None else "unchanged where polygons say so"
    )
    return Truth(
        grid,
        about,
        labels,
        settings.margin_px,
        changed.reset_index(drop=True),
        quiet is not None,
        both,
    )


def _by_column(
    table: gpd.GeoDataFrame, options: TruthOptions, settings: AccuracySection
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame | None]:
    if options.column not in table.columns:
        msg = f"{options.path}: no column {options.column!r}; it has {sorted(map(str, table.columns))}"
        raise LayerError(msg)
    texts = table[options.column].astype(str)
    known = sorted(set(texts))[:12]
    chosen = [texts.isin(values) for values in (settings.changed, settings.unchanged)]
    if not settings.changed or not chosen[0].any():
        msg = (
            f"{options.path}: column {options.column} holds {', '.join(known)}; say which of them mean "
            "changed and which unchanged (--changed, --unchanged)"
        )
        raise InputError(msg)
    return table[chosen[0]], table[chosen[1]] if settings.unchanged else None


def _listed(ranges: tuple[tuple[float, float], ...]) -> str:
    return ", ".join(f"{a:g}" if a == b else f"{a:g}-{b:g}" for a, b in ranges) or "nothing"
