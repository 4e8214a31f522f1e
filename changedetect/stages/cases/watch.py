"""Cells, field chiefs and wardens: whose ground each unit lies on."""

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from changedetect.casepackage.charges import Charge
from changedetect.records import Unit
from changedetect.schema import CHARGES, PRIORITY_CELLS, check_table

_EQUAL_M2 = 0.01
"""Overlaps that differ by less are the same: areas of several levels lie on one another. [m²]"""


def charges(
    units: Sequence[Unit],
    cells: gpd.GeoDataFrame,
    chiefs: gpd.GeoDataFrame,
    wardens: gpd.GeoDataFrame,
) -> tuple[Charge, ...]:
    """Find cell, field chief and warden of every unit.

    The area that shares most ground with the unit counts; of several that share the same (a county's,
    a town's and a village's chief), the smallest; then the first by identifier. Of priority cells the
    highest that the unit touches counts, so that a case on a border is not watched less.

    Parameters
    ----------
    units
        In the CRS of the tables.
    cells
        schema.PRIORITY_CELLS; may be empty.
    chiefs, wardens
        schema.CHARGES; may be empty.

    Returns
    -------
    tuple of Charge
        One a unit, in the order of the units.
    """
    check_table(cells, PRIORITY_CELLS, "YXWG")
    check_table(chiefs, CHARGES, "TZ")
    check_table(wardens, CHARGES, "WGY")
    shapes = np.array([unit.geometry for unit in units], dtype=object)
    cell_of = _nearest(shapes, cells, "cell_id", rank=cells["priority"].astype(str).tolist())
    chief_of = _nearest(shapes, chiefs, "area_id")
    warden_of = _nearest(shapes, wardens, "area_id")
    return tuple(
        Charge(
            unit.unit_id,
            *_values(cells, cell, ("cell_id", "priority")),
            *_values(chiefs, chief, ("person", "office")),
            *_values(wardens, warden, ("person", "office")),
        )
        for unit, cell, chief, warden in zip(units, cell_of, chief_of, warden_of, strict=True)
    )


def _values(table: gpd.GeoDataFrame, row: int | None, columns: tuple[str, str]) -> tuple[str, str]:
    if row is None:
        return "", ""
    first, second = ("" if pd.isna(v) else str(v) for v in table[list(columns)].iloc[row])
    return first, second


def _nearest(
    shapes: np.ndarray, table: gpd.GeoDataFrame, key: str, rank: list[str] | None = None
) -> list[int | None]:
    """Return the row of the table that each shape belongs to; None where it lies on none."""
    found: list[int | None] = [None] * len(shapes)
    if not len(table) or not len(shapes):
        return found
    areas = table.geometry.to_numpy()
    names = table[key].astype(str).tolist()
    sizes = shapely.area(areas)
    left, right = shapely.STRtree(areas).query(shapes, predicate="intersects")
    shared = shapely.area(shapely.intersection(shapes[left], areas[right]))
    best: dict[int, tuple[object, ...]] = {}
    for shape, row, m2 in zip(left.tolist(), right.tolist(), shared.tolist(), strict=True):
        if m2 <= _EQUAL_M2:
            continue
        order = (rank[row] if rank else "", -round(m2 / _EQUAL_M2), float(sizes[row]), names[row])
        if shape not in best or order < best[shape]:
            best[shape], found[shape] = order, row
    return found
