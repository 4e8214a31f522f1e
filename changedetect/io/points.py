"""Reference points and strata: CSV or GeoPackage in, CSV out."""

import csv
import io
from pathlib import Path

import pandas as pd
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from changedetect.errors import LayerError
from changedetect.io.publish import publish_bytes
from changedetect.io.tables import plain_cell

_MAX_BYTES = 64 << 20


def strata_path(points: Path) -> Path:
    """Name the file of strata beside a file of points."""
    return points.with_suffix(".strata.csv")


def key_path(points: Path) -> Path:
    """Name the file beside a blind sample that says of which stratum each point is."""
    return points.with_suffix(".key.csv")


def write_beside(path: Path, table: pd.DataFrame, *, overwrite: bool) -> None:
    """Write a table that belongs to a file of points."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows([plain_cell(value) for value in row] for row in table.itertuples(index=False))
    publish_bytes(path, stream.getvalue().encode("utf-8-sig"), overwrite=overwrite)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read rows of a CSV (UTF-8, comma) or of the only layer of a GeoPackage, all as text.

    Empty is "".

    Raises
    ------
    LayerError
        Missing, not UTF-8, without a head, or not readable.
    """
    if not path.is_file():
        msg = f"{path}: no such file"
        raise LayerError(msg)
    if path.suffix.lower() == ".csv":
        return _csv_rows(path)
    try:
        table = pyogrio.read_dataframe(path, read_geometry=False)
    except (DataSourceError, DataLayerError, ValueError, UnicodeDecodeError) as error:
        msg = f"{path}: can not be read as a layer of points ({error}); CSV or GeoPackage was expected"
        raise LayerError(msg) from error
    return [
        {str(key): "" if pd.isna(value) else str(value).strip() for key, value in row.items()}
        for row in table.to_dict("records")
    ]


def _csv_rows(path: Path) -> list[dict[str, str]]:
    if path.stat().st_size > _MAX_BYTES:
        msg = f"{path}: larger than {_MAX_BYTES >> 20} MiB; a table of points is smaller"
        raise LayerError(msg)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"{path}: not UTF-8 ({error}); save it as CSV UTF-8"
        raise LayerError(msg) from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if not reader.fieldnames:
        msg = f"{path}: empty; a line of column names was expected"
        raise LayerError(msg)
    return [
        {str(key): (value or "").strip() for key, value in row.items() if key is not None}
        for row in reader
    ]
