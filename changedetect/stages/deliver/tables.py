"""From rows to the package's tables: column order, rounding, geometry in the delivered system."""

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from changedetect.casepackage import LayerForm
from changedetect.errors import LayerError
from changedetect.measure import GEOGRAPHIC, reproject_many, to_mu

Row = dict[str, object]


def mu_or_none(area_m2: float | None) -> float | None:
    """Turn square metres into mu; unknown stays unknown. [mu]"""
    return None if area_m2 is None else to_mu(area_m2)


def as_multi(geometry: BaseGeometry, crs: str) -> BaseGeometry:
    """Carry a surface to EPSG:4490 as a MultiPolygon; lines and points in it are dropped."""
    return as_multis([geometry], crs)[0]


def as_multis(geometries: Sequence[BaseGeometry], crs: str) -> list[BaseGeometry]:
    """Do `as_multi` for many surfaces at once."""
    moved = reproject_many(np.array(geometries, dtype=object), crs, GEOGRAPHIC)
    pieces, owner = shapely.get_parts(moved, return_index=True)
    parts, piece = shapely.get_parts(pieces, return_index=True)  # a collection may hold some
    kept = (shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(parts)
    made = np.full(len(moved), shapely.MultiPolygon(), dtype=object)
    shapely.multipolygons(parts[kept], indices=owner[piece[kept]], out=made)
    return list(made)


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a layer as its columns hold them; `to_dict` looks at every value for numpy's kinds."""
    names = table.columns.tolist()
    columns = [table[name].tolist() for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def make_table(form: LayerForm, rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """Lay rows out as a layer: every column of the form in its order, None where nothing is known.

    Parameters
    ----------
    form
        The layer's form.
    rows
        Values by column name; ``geometry`` holds the geometry, already in EPSG:4490.

    Returns
    -------
    DataFrame or GeoDataFrame
        Object columns holding text, int, float (rounded as the form says), date or None.

    Raises
    ------
    LayerError
        A row has a column that the form does not know.
    """
    known = {*form.names, "geometry"}
    for number, row in enumerate(rows):
        strange = sorted(set(row) - known)
        if strange:
            msg = f"layer {form.name}: row {number} has unknown columns {strange}"
            raise LayerError(msg)
    columns = {
        field.name: pd.Series(
            [_rounded(row.get(field.name), field.decimals) for row in rows], dtype=object
        )
        for field in form.fields
    }
    frame = pd.DataFrame(columns, columns=list(form.names))
    if not form.geometry:
        return frame
    return gpd.GeoDataFrame(frame, geometry=[row["geometry"] for row in rows], crs=GEOGRAPHIC)


def _rounded(value: object, decimals: int | None) -> object:
    if isinstance(value, float):
        if value != value:  # noqa: PLR0124 - NaN is the one value that differs from itself
            return None
        return value if decimals is None else round(value, decimals)
    return None if value == "" else value
