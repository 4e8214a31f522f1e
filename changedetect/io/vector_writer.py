"""GeoPackages: version 1.2, same tables -> same bytes, complete or absent.

For patches, truth and records; case packages have their own writer. Version 1.2, since desktop
software of 2022 warns at later ones. GDAL stamps the time into the file unless it is told one.
"""

import datetime as dt
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from changedetect.errors import LayerError, ResourceError
from changedetect.io.arrow import pa
from changedetect.io.publish import publish

FIXED_TIME = "2000-01-01T00:00:00.000Z"
"""``last_change`` of every layer: time of writing is no property of the data."""

UNPLACED = 'LOCAL_CS["Undefined Cartesian SRS",UNIT["m",1]]'
"""GDAL stores it under srs_id -1, which the standard keeps for coordinates of no known place."""

_STAMP = threading.Lock()

_GEOMETRY = "geom"
_DATASET = {"VERSION": "1.2", "ADD_GPKG_OGR_CONTENTS": "YES"}
_KIND = "ARROW:extension:name"

_COUNTERS = (24, 92)
"""Where SQLite's file says how often it was changed, and for which of these its version holds."""

_CHANGES = 12
"""What they say after one layer was written in one go."""


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


def write_parts(
    path: Path,
    layer: str,
    parts: Iterable[gpd.GeoDataFrame],
    *,
    description: str = "",
    crs: str,
    overwrite: bool = False,
) -> int:
    """Write a table of polygons that comes part by part; the bytes are those of `write_geopackage`.

    Parameters
    ----------
    path
        Final name (``.gpkg``).
    layer, description
        Of its only layer.
    parts
        At least one; of one form, which the first one shows; none is kept.
    crs, overwrite
        As for `write_geopackage`.

    Returns
    -------
    int
        Rows that were written.

    Raises
    ------
    LayerError
        A part in another system, or of another form than the first.
    ResourceError, InputError
        As `write_geopackage`.
    """
    waiting = iter(parts)
    first = next(waiting)
    if first.empty:
        write_geopackage(
            path, {layer: first}, descriptions={layer: description}, crs=crs, overwrite=overwrite
        )
        return 0
    flow = _Flow((layer, path, crs), chain([first], waiting))

    def write(temp: Path) -> None:
        with _fixed_clock():
            flow.write(temp, description)
        _settle(temp, one_transaction=True)

    def verify(temp: Path) -> None:
        found = pyogrio.read_info(temp, layer=layer)["features"]
        if found != flow.rows:
            msg = f"{path}: layer {layer} has {found} rows after writing, {flow.rows} were given"
            raise ResourceError(msg)

    try:
        publish(path, write, verify, overwrite=overwrite)
    except (DataSourceError, DataLayerError, sqlite3.Error) as error:
        msg = f"{path}: could not be written ({error}); is the disk full?"
        raise ResourceError(msg) from error
    return flow.rows


class _Flow:
    """Parts of a table on their way into a file, as Arrow batches.

    What a part raises passes through GDAL as words only, so it is kept and raised again.
    """

    __slots__ = ("_fault", "_parts", "_place", "_schema", "rows")

    def __init__(self, place: tuple[str, Path, str], parts: Iterator[gpd.GeoDataFrame]) -> None:
        self._place = place
        self._parts = parts
        self._schema: pa.Schema | None = None
        self._fault: BaseException | None = None
        self.rows = 0

    def write(self, temp: Path, description: str) -> None:
        batches = self._batches()
        first = next(batches)
        reader = pa.RecordBatchReader.from_batches(first.schema, chain([first], batches))
        layer, _, crs = self._place
        try:
            pyogrio.write_arrow(
                reader,
                temp,
                layer=layer,
                driver="GPKG",
                geometry_name=_GEOMETRY,
                geometry_type="MultiPolygon",
                crs=crs or UNPLACED,
                dataset_options=_DATASET,
                layer_options=_layer_options(description),
            )
        except (DataSourceError, DataLayerError, RuntimeError):
            if self._fault is not None:
                raise self._fault from None
            raise

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from map(self._batch, self._parts)
        except BaseException as error:
            self._fault = error
            raise

    def _batch(self, part: gpd.GeoDataFrame) -> pa.RecordBatch:
        layer, path, crs = self._place
        batch = _batch(_prepared(layer, part, crs, path))
        self._schema = self._schema or batch.schema
        if batch.schema != self._schema:
            msg = f"{path}: layer {layer}: {batch.schema} came after {self._schema}"
            raise LayerError(msg)
        self.rows += len(part)
        return batch


def _batch(table: gpd.GeoDataFrame) -> pa.RecordBatch:
    """Turn a part of a table into Arrow, its shapes into well-known binary."""
    geometry = table.geometry.name
    fields, columns = [], []
    for name in table.columns:
        if name == geometry:
            continue
        values, empty = _field(table[name])
        kind = pa.string() if values.dtype == object else pa.from_numpy_dtype(values.dtype)
        kind = pa.date32() if values.dtype.kind == "M" else kind
        columns.append(pa.array(values, kind, mask=empty))
        fields.append(pa.field(str(name), kind))
    columns.append(pa.array(shapely.to_wkb(np.asarray(table.geometry.array)), pa.binary()))
    fields.append(pa.field(_GEOMETRY, pa.binary(), metadata={_KIND: "geoarrow.wkb"}))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


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
            given = {day: pd.Timestamp(day).date() for day in table[name].dropna().unique()}
            days = [given.get(day) for day in table[name].to_numpy(object)]
            table[name] = pd.Series(days, index=table.index, dtype=object)
        elif kind == "OFTString":
            values, known = table[name].to_numpy(object), table[name].notna().tolist()
            texts = [str(text) if told else None for text, told in zip(values, known, strict=True)]
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
        dataset_options=None if is_later else _DATASET,
        layer_options=_layer_options(description),
    )


def _layer_options(description: str) -> dict[str, str]:
    return {"DESCRIPTION": description, "GEOMETRY_NAME": _GEOMETRY, "FID": "fid"}


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


def _settle(temp: Path, *, one_transaction: bool = False) -> None:
    """Rewrite the file compactly, so that its bytes depend on its content only.

    ``one_transaction``: let it say that its one layer was written in one go, whatever the parts were.
    """
    with closing(sqlite3.connect(temp)) as connection:
        connection.execute("VACUUM")
    for leftover in (f"{temp}-wal", f"{temp}-shm", f"{temp}-journal"):
        if os.path.exists(leftover):  # noqa: PTH110 - a name, not a path of ours
            msg = f"{leftover} was left open; another program reads the unfinished file"
            raise ResourceError(msg)
    if one_transaction:
        with temp.open("r+b") as stream:
            for place in _COUNTERS:
                stream.seek(place)
                stream.write(_CHANGES.to_bytes(4, "big"))
