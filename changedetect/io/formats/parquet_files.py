"""GeoParquet: columns and WKB of a Parquet file, with its own word about the coordinate system."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq
import shapely

from changedetect.config.job import LayerSection
from changedetect.errors import LayerError
from changedetect.io.arrow import pa
from changedetect.io.digest import sha256_file
from changedetect.io.formats.reader import Bounds, Extent, LayerSource, RawLayer

_PLANE = 4
"""Numbers of a box in the plane; one with heights is left alone."""

_BATCH_ROWS = 65_536

_DEFAULT_CRS = "OGC:CRS84"
"""GeoParquet 1.1, "crs": absent means longitude and latitude of WGS 84; null means unknown."""


class ParquetReader:
    """GeoParquet 1.0 and 1.1 with geometries as WKB."""

    title = "GeoParquet"

    def fits(self, path: Path, start: bytes) -> bool | None:
        """See `Reader.fits`."""
        if path.suffix.lower() not in {".parquet", ".geoparquet"}:
            return None
        return start.startswith(b"PAR1")

    def open(self, path: Path, section: LayerSection) -> LayerSource:
        """See `Reader.open`."""
        _meta(path)
        return LayerSource(path, section.layer or path.stem, None, sha256_file(path))

    def extent(self, source: LayerSource) -> Extent | None:
        """See `Reader.extent`."""
        rows, column = _meta(source.path)
        bounds = column.get("bbox")
        flat = tuple(float(value) for value in bounds) if bounds else ()
        known = (flat[0], flat[1], flat[2], flat[3]) if len(flat) == _PLANE else None
        return Extent(rows, known, _crs(column))

    def read(
        self, source: LayerSource, section: LayerSection, within: Bounds | None, notes: list[str]
    ) -> RawLayer:
        """See `Reader.read`; row groups are read one after the other, and rows outside let go."""
        del section, notes
        total, column = _meta(source.path)
        found = list(_batches(source, str(column["name"]), within, _BATCH_ROWS))
        schema = _schema(source.path, str(column["name"]))
        table = pa.Table.from_batches([one.plain for one in found], schema=schema).to_pandas()
        shapes = np.concatenate([*(one.shapes for one in found), np.empty(0, object)])
        frame = gpd.GeoDataFrame(table, geometry=shapes)
        places = np.concatenate([*(one.rows for one in found), np.empty(0, np.int64)])
        return RawLayer(frame, places, _crs(column), total)

    def parts(
        self, source: LayerSource, within: Bounds | None, notes: list[str], rows: int
    ) -> Iterator[RawLayer]:
        """See `PartsReader.parts`."""
        del notes
        total, column = _meta(source.path)
        for one in _batches(source, str(column["name"]), within, rows):
            frame = gpd.GeoDataFrame(one.plain.to_pandas(), geometry=one.shapes)
            yield RawLayer(frame, one.rows, _crs(column), total)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows of a file that are wanted: columns, shapes, and where they stand in the file, from 1."""

    plain: pa.RecordBatch
    shapes: np.ndarray
    rows: np.ndarray


def _batches(
    source: LayerSource, geometry: str, within: Bounds | None, rows: int
) -> Iterator[_Batch]:
    done = 0
    try:
        with pq.ParquetFile(source.path) as file:
            for batch in file.iter_batches(rows):
                shapes = shapely.from_wkb(
                    batch.column(geometry).to_numpy(zero_copy_only=False), on_invalid="raise"
                )
                keep = _meets(shapes, within)
                plain = batch.drop_columns([geometry]).filter(pa.array(keep))
                yield _Batch(plain, shapes[keep], np.flatnonzero(keep) + 1 + done)
                done += batch.num_rows
    except (pa.ArrowException, OSError, shapely.GEOSException, ValueError) as error:
        msg = (
            f"{source.path}: can not be read ({error}); it is damaged or cut short: fetch it again"
        )
        raise LayerError(msg) from error


def _schema(path: Path, geometry: str) -> pa.Schema:
    schema = pq.read_schema(path)
    schema = schema.remove(schema.get_field_index(geometry))
    return pa.schema([schema.field(k) for k in range(len(schema.names))])


def _meets(shapes: np.ndarray, within: Bounds | None) -> np.ndarray:
    if within is None:
        return np.ones(len(shapes), bool)
    west, south, east, north = shapely.bounds(shapes).T
    return np.asarray(
        (east >= within[0]) & (west <= within[2]) & (north >= within[1]) & (south <= within[3])
    )


def _meta(path: Path) -> tuple[int, dict[str, Any]]:
    """Return the number of rows and what the file says of its geometry column."""
    try:
        meta = pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        msg = f"{path}: can not be opened ({error}); it is damaged or cut short: fetch it again"
        raise LayerError(msg) from error
    geo = json.loads((meta.metadata or {}).get(b"geo", b"{}"))
    name = geo.get("primary_column", "")
    column = geo.get("columns", {}).get(name)
    if column is None:
        msg = f"{path}: Parquet without geometry (no 'geo' metadata); GeoParquet was expected"
        raise LayerError(msg)
    if column.get("encoding") != "WKB":
        msg = f"{path}: geometry is encoded as {column.get('encoding')!r}; WKB was expected"
        raise LayerError(msg)
    return int(meta.num_rows), {**column, "name": name}


def _crs(column: dict[str, Any]) -> str:
    if "crs" not in column:
        return _DEFAULT_CRS
    return json.dumps(column["crs"]) if column["crs"] else ""
