"""GeoPackages: version 1.2, same tables -> same bytes, complete or absent.

For patches, truth and records; case packages have their own writer. Version 1.2, since desktop
software of 2022 warns at later ones. GDAL stamps the time into the file unless it is told one.
"""

import datetime as dt
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from changedetect.errors import LayerError, ResourceError
from changedetect.io.publish import publish

FIXED_TIME = "2000-01-01T00:00:00.000Z"
"""``last_change`` of every layer: time of writing is no property of the data."""

UNPLACED = 'LOCAL_CS["Undefined Cartesian SRS",UNIT["m",1]]'
"""GDAL stores it under srs_id -1, which the standard keeps for coordinates of no known place."""

_STAMP = threading.Lock()


def write_geopackage(
    path: Path,
    layers: Mapping[str, gpd.GeoDataFrame],
    *,
    descriptions: Mapping[str, str] | None = None,
    crs: str,
    overwrite: bool = False,
) -> None:
    """Write tables as layers of one GeoPackage.

    Parameters
    ----------
    path
        Final name (``.gpkg``).
    layers
        Layer name -> table, in the order of the file. Polygons become MultiPolygons; columns of
        Python dates become dates; other object columns text.
    descriptions
        Layer name -> description.
    crs
        Coordinate system of all tables, ``EPSG:n``; empty for plane coordinates of no known place
        (quick looks): stored as the GeoPackage's "undefined Cartesian".
    overwrite
        Replace an existing file.

    Raises
    ------
    LayerError
        A table in another system, without geometry column, or no table at all.
    ResourceError
        Disk full, or what is read back is not what was written.
    InputError
        The file exists and `overwrite` is False.
    """
    if not layers:
        msg = f"{path}: no layer was given; a GeoPackage holds at least one"
        raise LayerError(msg)
    tables = {name: _prepared(name, table, crs, path) for name, table in layers.items()}

    def write(temp: Path) -> None:
        for position, (name, table) in enumerate(tables.items()):
            with _fixed_clock():
                _write_layer(temp, name, table, (descriptions or {}).get(name, ""), position > 0)
        _settle(temp)

    def verify(temp: Path) -> None:
        for name, table in tables.items():
            found = pyogrio.read_info(temp, layer=name)["features"]
            if found != len(table):
                msg = (
                    f"{path}: layer {name} has {found} rows after writing, {len(table)} were given"
                )
                raise ResourceError(msg)

    try:
        publish(path, write, verify, overwrite=overwrite)
    except (DataSourceError, DataLayerError, sqlite3.Error) as error:
        msg = f"{path}: could not be written ({error}); is the disk full?"
        raise ResourceError(msg) from error


def read_geopackage(
    path: Path, layer: str, rows: tuple[int, int] | None = None
) -> gpd.GeoDataFrame:
    """Read a layer that `write_geopackage` wrote; dates come back as Python dates, empty as None.

    Parameters
    ----------
    path, layer
        File and layer.
    rows
        How many rows are passed over, and how many read at most; None = all.

    Raises
    ------
    LayerError
        The file or the layer is not there or damaged.
    """
    if not path.is_file():
        msg = f"{path}: no such file"
        raise LayerError(msg)
    with path.open("rb") as stream:
        if not stream.read(16).startswith(b"SQLite format 3\0"):
            msg = f"{path}: no GeoPackage; write it again"
            raise LayerError(msg)
    try:
        kinds = pyogrio.read_info(path, layer=layer)
        first, most = rows or (0, None)
        table = pyogrio.read_dataframe(path, layer=layer, skip_features=first, max_features=most)
    except (DataSourceError, DataLayerError, UnicodeDecodeError) as error:
        msg = f"{path}: layer {layer!r} can not be read ({error})"
        raise LayerError(msg) from error
    for name, kind in zip(kinds["fields"], kinds["ogr_types"], strict=True):
        if kind == "OFTDate":
            days = [None if pd.isna(day) else pd.Timestamp(day).date() for day in table[name]]
            table[name] = pd.Series(days, index=table.index, dtype=object)
        elif kind == "OFTString":
            texts = [None if pd.isna(text) else str(text) for text in table[name]]
            table[name] = pd.Series(texts, index=table.index, dtype=object)
    return table


def _prepared(name: str, table: gpd.GeoDataFrame, crs: str, path: Path) -> gpd.GeoDataFrame:
    if (table.crs is not None or crs) and (table.crs is None or table.crs != crs):
        found = table.crs.to_string() if table.crs is not None else "no coordinate system"
        msg = (
            f"{path}: layer {name} is in {found}, {crs or 'none'} was expected; carry it over first"
        )
        raise LayerError(msg)
    kinds = set(table.geom_type.dropna())
    if kinds <= {"Polygon", "MultiPolygon"}:
        shapes = [
            shapely.MultiPolygon([shape])
            if shape is not None and shape.geom_type == "Polygon"
            else shape
            for shape in table.geometry
        ]
        table = table.set_geometry(gpd.GeoSeries(shapes, index=table.index, crs=table.crs))
    return table


def _write_layer(
    temp: Path, name: str, table: gpd.GeoDataFrame, description: str, is_later: bool
) -> None:
    polygonal = set(table.geom_type.dropna()) <= {"MultiPolygon"}
    geometry = table.geometry.name
    fields = [column for column in table.columns if column != geometry]
    columns = [_field(table[column]) for column in fields]
    pyogrio.raw.write(
        temp,
        shapely.to_wkb(np.asarray(table.geometry.array)),
        [values for values, _ in columns],
        [str(field) for field in fields],
        field_mask=[mask for _, mask in columns],
        layer=name,
        driver="GPKG",
        geometry_type="MultiPolygon" if polygonal else "Unknown",
        crs=table.crs.to_string() if table.crs is not None else UNPLACED,
        append=is_later,
        dataset_options=None if is_later else {"VERSION": "1.2", "ADD_GPKG_OGR_CONTENTS": "YES"},
        layer_options={"DESCRIPTION": description, "GEOMETRY_NAME": "geom", "FID": "fid"},
    )


def _field(values: pd.Series) -> tuple[np.ndarray, np.ndarray | None]:
    """Return a column as numpy values and a mask of empty ones."""
    empty = np.asarray(values.isna())
    present = [value for value, gone in zip(values, empty, strict=True) if not gone]
    if present and all(type(value) is dt.date for value in present):
        days = [None if gone else value for value, gone in zip(values, empty, strict=True)]
        return np.array(days, dtype="datetime64[D]"), empty
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_numeric_dtype(values):
        return np.asarray(
            values.to_numpy(na_value=0)
            if empty.any() and values.dtype.kind != "f"
            else values.to_numpy()
        ), empty
    texts = [None if gone else str(value) for value, gone in zip(values, empty, strict=True)]
    return np.array(texts, dtype=object), empty


@contextmanager
def _fixed_clock() -> Iterator[None]:
    with _STAMP:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": FIXED_TIME})
        try:
            yield
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _settle(temp: Path) -> None:
    """Rewrite the file compactly, so that its bytes depend on its content only."""
    with closing(sqlite3.connect(temp)) as connection:
        connection.execute("VACUUM")
    for leftover in (f"{temp}-wal", f"{temp}-shm", f"{temp}-journal"):
        if os.path.exists(leftover):  # noqa: PTH110 - a name, not a path of ours
            msg = f"{leftover} was left open; another program reads the unfinished file"
            raise ResourceError(msg)
